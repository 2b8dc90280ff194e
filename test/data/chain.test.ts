import { mkdir, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { defaultCacheFolder } from "../../src/data/node/cache.ts";
import type { DataSource, RemoteSource } from "../../src/data/node/chain.ts";
import { fashionMnistSources } from "../../src/data/node/fashion-mnist.ts";
import { UserError } from "../../src/errors.ts";
import { temporaryFolder, writeFiles } from "./fixtures.ts";
import { changed, contents, data, load, PACKED_NAMES, remote, UNREACHED } from "./source-fixtures.ts";

describe("defaultCacheFolder", () => {
  test.each([
    [{ TAILOR_CACHE: "/own", XDG_CACHE_HOME: "/xdg" }, "/own"],
    [{ XDG_CACHE_HOME: "/xdg" }, "/xdg/tailor"],
    [{ XDG_CACHE_HOME: "relative" }, "/home/me/.cache/tailor"],
    [{ TAILOR_CACHE: "", XDG_CACHE_HOME: "" }, "/home/me/.cache/tailor"],
    [{}, "/home/me/.cache/tailor"],
  ])("with %j it is %s", (environment, folder) => {
    expect(defaultCacheFolder(environment, "/home/me")).toBe(folder);
  });
});

describe("the chain of sources", () => {
  test("for Fashion-MNIST it is cache, installed package, apt-get, two HTTPS mirrors", () => {
    const sources = fashionMnistSources("/c");
    expect(sources.map(({ kind }) => kind)).toEqual(["cache", "debian", "apt", "https", "https"]);
    expect(sources[0]).toMatchObject({ folder: "/c/fashion-mnist" });
    expect(sources[1]).toMatchObject({ folder: "/usr/share/datasets/fashion-mnist" });
    for (const { title } of sources.slice(3)) expect(title).toMatch(/^https:\/\/.*\/$/);
  });

  test("a valid cache is used and reported in one line with its size, and no other source is tried", async () => {
    const cacheFolder = await temporaryFolder();
    await writeFiles(join(cacheFolder, "tiny"), contents);
    const { loaded, lines } = await load(cacheFolder, [UNREACHED]);
    expect(loaded).toMatchObject({ source: "cache", folder: join(cacheFolder, "tiny"), verified: true });
    expect(loaded.files).toEqual(Object.values(data.files));
    expect(lines).toEqual(["Tiny: 6 + 4 images, 0.0 MB, from the cache"]);
  });

  test("without a cache an installed package is used in place", async () => {
    const [cacheFolder, installed] = [await temporaryFolder(), await temporaryFolder()];
    await writeFiles(installed, contents);
    const { loaded, lines } = await load(cacheFolder, [
      { kind: "debian", title: "a package", folder: installed },
      UNREACHED,
    ]);
    expect(loaded).toMatchObject({ source: "debian", folder: installed });
    expect(lines).toEqual(["Tiny: 6 + 4 images, 0.0 MB, from a package"]);
    expect(await readdir(cacheFolder)).toEqual([]);
  });

  test("an installed package whose files are not the published ones is skipped", async () => {
    const [cacheFolder, installed] = [await temporaryFolder(), await temporaryFolder()];
    await writeFiles(installed, changed("train-images-idx3-ubyte"));
    const { loaded } = await load(cacheFolder, [{ kind: "debian", title: "a package", folder: installed }, remote()]);
    expect(loaded.source).toBe("https");
  });

  test("downloads are moved into the cache and used from there the next time", async () => {
    const cacheFolder = await temporaryFolder();
    const server = remote();
    const inodes: number[] = [];
    const watched: RemoteSource = {
      ...server,
      async fetch(into, report) {
        await server.fetch(into, report);
        for (const name of PACKED_NAMES) inodes.push((await stat(join(into, name))).ino);
        await expect(readdir(join(cacheFolder, "tiny")), "nothing in place yet").rejects.toThrow("ENOENT");
      },
    };
    const { loaded, lines } = await load(cacheFolder, [watched]);
    expect(loaded).toMatchObject({ source: "https", folder: join(cacheFolder, "tiny"), verified: true });
    expect(lines).toEqual([`Tiny: 6 + 4 images, 0.0 MB, from the test's server, now in ${join(cacheFolder, "tiny")}`]);
    expect(await readdir(cacheFolder)).toEqual(["tiny"]);
    expect((await readdir(join(cacheFolder, "tiny"))).toSorted()).toEqual(PACKED_NAMES);
    const installed = await Promise.all(PACKED_NAMES.map((name) => stat(join(cacheFolder, "tiny", name))));
    expect(installed.map(({ ino }) => ino)).toEqual(inodes); // the very files, never written to in place
    expect((await load(cacheFolder, [UNREACHED])).loaded.source).toBe("cache");
  });

  test("downloaded files that are not the published ones never reach the cache", async () => {
    const cacheFolder = await temporaryFolder();
    const { loaded } = await load(cacheFolder, [remote(changed("t10k-images-idx3-ubyte")), remote()]);
    expect(loaded.verified).toBe(true);
    const other = await temporaryFolder();
    await expect(load(other, [remote(changed("t10k-images-idx3-ubyte"))])).rejects.toThrow(
      "what was fetched is not usable: the SHA-256 of t10k-images-idx3-ubyte is not the published one",
    );
    expect(await readdir(other)).toEqual([]);
  });

  test("an interrupted download leaves nothing, and the next source is tried", async () => {
    const cacheFolder = await temporaryFolder();
    const breaking: RemoteSource = {
      kind: "apt",
      title: "a line that breaks",
      async fetch(into) {
        await writeFile(join(into, "train-images-idx3-ubyte.gz"), "half a fi");
        throw new UserError("connection reset");
      },
    };
    await expect(load(cacheFolder, [breaking])).rejects.toThrow("a line that breaks: connection reset");
    expect(await readdir(cacheFolder)).toEqual([]);
    expect((await load(cacheFolder, [breaking, remote()])).loaded.source).toBe("https");
  });

  const damages: [string, (folder: string) => Promise<void>][] = [
    ["with a changed byte", (folder) => writeFiles(folder, changed("train-images-idx3-ubyte"))],
    [
      "with a file cut short",
      (folder) => writeFile(join(folder, "t10k-images-idx3-ubyte.gz"), gzipSync("x").subarray(0, 12)),
    ],
    ["with an empty file", (folder) => writeFile(join(folder, "train-labels-idx1-ubyte.gz"), "")],
    [
      "with other files uncompressed",
      (folder) => writeFiles(folder, changed("t10k-labels-idx1-ubyte"), { packed: false }),
    ],
  ];
  test.each(damages)("a cache %s is reported and replaced by a download", async (_, damage) => {
    const cacheFolder = await temporaryFolder();
    await writeFiles(join(cacheFolder, "tiny"), contents);
    await damage(join(cacheFolder, "tiny"));
    const { loaded, lines } = await load(cacheFolder, [remote()]);
    expect(loaded).toMatchObject({ source: "https", verified: true });
    expect(lines[0]).toMatch(/^Tiny: the cache is damaged and will be replaced: .*-ubyte/);
    expect(lines).toHaveLength(2);
    expect((await load(cacheFolder, [UNREACHED])).lines).toEqual(["Tiny: 6 + 4 images, 0.0 MB, from the cache"]);
  });

  test("a cache with half its files, as after a kill between two renames, is completed", async () => {
    const cacheFolder = await temporaryFolder();
    await writeFiles(join(cacheFolder, "tiny"), new Map([...contents].slice(0, 2)));
    const { lines } = await load(cacheFolder, [remote()]);
    expect(lines[0]).toMatch(
      /the cache is damaged and will be replaced: .* has no t10k-images-idx3-ubyte, no t10k-labels/,
    );
    expect((await load(cacheFolder, [UNREACHED])).loaded.source).toBe("cache");
  });

  test("a damaged cache is replaced by copies of an installed package, which stays unchanged", async () => {
    const [cacheFolder, installed] = [await temporaryFolder(), await temporaryFolder()];
    await writeFiles(join(cacheFolder, "tiny"), changed("train-labels-idx1-ubyte"));
    await writeFiles(installed, contents);
    const debian: DataSource = { kind: "debian", title: "a package", folder: installed };
    const { loaded, lines } = await load(cacheFolder, [debian, UNREACHED]);
    expect(loaded).toMatchObject({ source: "debian", folder: installed });
    expect(lines[0]).toMatch(/the cache is damaged and will be replaced/);
    expect((await readdir(installed)).toSorted()).toEqual(PACKED_NAMES);
    expect((await load(cacheFolder, [UNREACHED])).loaded.source).toBe("cache");
  });

  test("two concurrent downloads both succeed and leave one complete cache", async () => {
    const cacheFolder = await temporaryFolder();
    await writeFiles(join(cacheFolder, "tiny"), changed("train-images-idx3-ubyte"));
    const places = new Set<string>();
    let release = () => {};
    const bothStaged = new Promise<void>((resolve) => {
      release = resolve;
    });
    const server = remote();
    const together: RemoteSource = {
      ...server,
      async fetch(into, report) {
        await server.fetch(into, report);
        places.add(into);
        if (places.size === 2) release();
        await bothStaged;
      },
    };
    const results = await Promise.all([load(cacheFolder, [together]), load(cacheFolder, [together])]);
    expect(results.map(({ loaded }) => loaded.source)).toEqual(["https", "https"]);
    expect(places.size).toBe(2);
    expect(await readdir(cacheFolder)).toEqual(["tiny"]);
    expect((await load(cacheFolder, [UNREACHED])).loaded.verified).toBe(true);
  });

  test("a staging folder left by a killed process a day ago is removed; a running process's is not", async () => {
    const cacheFolder = await temporaryFolder();
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    await mkdir(join(cacheFolder, ".fetching-killed"));
    await writeFile(join(cacheFolder, ".fetching-killed", "half"), "x");
    await utimes(join(cacheFolder, ".fetching-killed"), yesterday, yesterday);
    await mkdir(join(cacheFolder, ".fetching-running"));
    await mkdir(join(cacheFolder, "elsewhere"));
    await utimes(join(cacheFolder, "elsewhere"), yesterday, yesterday);
    await load(cacheFolder, [remote()]);
    expect((await readdir(cacheFolder)).toSorted()).toEqual([".fetching-running", "elsewhere", "tiny"]);
  });

  test("when every source fails, one error lists each with its reason, and what to do", async () => {
    const cacheFolder = await temporaryFolder();
    const failing = (title: string, reason: string): RemoteSource => ({
      kind: "https",
      title,
      fetch: () => Promise.reject(new UserError(reason)),
    });
    const loading = load(cacheFolder, [
      { kind: "debian", title: "a package", folder: join(cacheFolder, "none") },
      failing("first mirror", "HTTP status 404"),
      failing("second mirror", "no answer for 5 seconds"),
    ]);
    await expect(loading).rejects.toThrow(UserError);
    await expect(loading).rejects.toThrow(
      [
        "Tiny could not be loaded. Tried:",
        "  the cache: nothing there",
        "  a package: nothing there",
        "  first mirror: HTTP status 404",
        "  second mirror: no answer for 5 seconds",
        "Connect to a network and try again, or put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, " +
          "t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz into a folder and name it with `data`",
      ].join("\n"),
    );
  });

  test("a cache that cannot be written to is reported too, with what to do", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    await expect(load(join(folder, "file"), [remote()])).rejects.toThrow(
      /the test's server: the cache cannot be written to \(.*\): set TAILOR_CACHE to a folder of yours/,
    );
  });

  test("an internal error is not treated as a failed source", async () => {
    const defect: RemoteSource = { ...remote(), fetch: () => Promise.reject(new TypeError("undefined is not")) };
    await expect(load(await temporaryFolder(), [defect])).rejects.toThrow(TypeError);
  });
});
