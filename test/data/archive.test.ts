import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { create } from "tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unpackArchive } from "../../src/data/node/archive.ts";
import { loadCustomData, loadPicturesOfRun } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { UserError } from "../../src/errors.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { temporaryFolder } from "./fixtures.ts";
import { putClasses } from "./picture-fixtures.ts";
import { type ZippedFile, zipBytes } from "./zip-fixtures.ts";

const FOLDER = sharedFolder();
const PHOTOS = join(FOLDER, "photos");
const ARRAYS = new URL("./arrays/keras.npz", import.meta.url).pathname;
const before = process.env.TAILOR_CACHE;

beforeAll(async () => {
  process.env.TAILOR_CACHE = join(FOLDER, "cache");
  await putClasses(PHOTOS, { red: 5, blue: 5 });
});
afterAll(() => {
  if (before === undefined) delete process.env.TAILOR_CACHE;
  else process.env.TAILOR_CACHE = before;
});

/** The files of PHOTOS, in a folder of the archive. */
const photoFiles = (inside: string): ZippedFile[] =>
  ["red", "blue"].flatMap((name) =>
    readdirSync(join(PHOTOS, name)).map((file) => ({
      name: `${inside}${name}/${file}`,
      content: readFileSync(join(PHOTOS, name, file)),
    })),
  );

async function zipped(files: readonly ZippedFile[], name = "photos.zip"): Promise<string> {
  const path = join(await temporaryFolder(), name);
  writeFileSync(path, zipBytes(files));
  return path;
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

/** Both kinds of archives of the same pictures. */
async function archives(): Promise<string[]> {
  const folder = await temporaryFolder();
  const files = ["photos.tar", "photos.tar.gz", "photos.tgz"].map((name) => join(folder, name));
  for (const file of files) await create({ file, cwd: FOLDER, gzip: !file.endsWith(".tar") }, ["photos"]);
  const zip = await zipped([
    { name: "photos/", content: "", mode: 0o40755 },
    ...photoFiles("photos/"),
    { name: "__MACOSX/._x", content: "" },
  ]);
  return [...files, zip, await zipped(photoFiles(""))];
}

describe("an archive", () => {
  test("of class folders gives the same images as the folder, under its own path", async () => {
    const plain = await loadCustomData(PHOTOS);
    for (const path of await archives()) {
      const lines: string[] = [];
      const loaded = await loadCustomData(path, {}, (line) => lines.push(line));
      expect(loaded).toMatchObject({ train: plain.train, test: plain.test, split: plain.split, folder: path });
      expect(lines).toEqual([expect.stringContaining(`Pictures in ${path}: 2 classes, 6 to train, 2 to validate`)]);
      expect((await inspectData(path)).images).toEqual({ train: 6, validation: 2, test: 2 });
    }
  });

  test("of files of images is read like them", async () => {
    const path = await zipped([{ name: "keras.npz", content: readFileSync(ARRAYS) }]);
    const { train, folder, files } = await loadCustomData(path);
    expect({ count: train.count, folder, name: files[0]!.name }).toEqual({ count: 6, folder: path, name: "keras.npz" });
  });

  test("is unpacked once, and again when files of it are gone; a run finds its pictures in it", async () => {
    const path = await zipped(photoFiles("a/"));
    const { split, train } = await loadCustomData(path);
    const { root, folder } = await unpackArchive(path, "zip");
    expect(folder).toBe(join(root, "a"));
    const mark = join(folder, "../../mark");
    writeFileSync(mark, "");
    await loadCustomData(path);
    expect(existsSync(mark)).toBe(true);
    rmSync(join(folder, "red/0.png"));
    const again = await loadPicturesOfRun(path, split!, { name: "the run", report: () => {} });
    expect(again).toMatchObject({ train, folder: path });
    expect(existsSync(mark)).toBe(false);
    const staged = readdirSync(join(FOLDER, "cache")).filter((name) => name !== "archives");
    expect(staged).toEqual([]);
  });

  test("messages name the archive, not the cache", async () => {
    const path = await zipped([...photoFiles("a/"), { name: "a/red/bad.png", content: "no picture" }]);
    const message = await refusalOf(loadCustomData(path));
    expect(message).toContain(`${path}/a/red/bad.png`);
    expect(message).not.toContain("cache");
    const { split } = await loadCustomData(path, { skipUnreadable: true });
    expect(split!.skipped[0]!.message).toContain(`${path}/a/red/bad.png`);
    expect((await inspectData(path)).unreadable).toEqual(split!.skipped);
  });

  test("links in it are left out, with a line", async () => {
    const folder = join(await temporaryFolder(), "photos");
    await putClasses(folder, { red: 4, blue: 4 });
    symlinkSync("/etc/passwd", join(folder, "red/link.png"));
    const tar = join(folder, "../x.tar");
    await create({ file: tar, cwd: folder }, ["red", "blue"]);
    const zip = await zipped([...photoFiles(""), { name: "red/link.png", content: "/etc/passwd", mode: 0o120777 }]);
    for (const path of [tar, zip]) {
      for (const _ of ["unpacked", "from the cache"]) {
        const lines: string[] = [];
        await loadCustomData(path, {}, (line) => lines.push(line));
        expect(lines[0]).toBe(`${path}: 1 entry is left out, as links and devices are not unpacked: red/link.png`);
      }
      expect((await inspectData(path)).notes[0]).toContain("1 entry is left out");
    }
  });

  test("made by Python is read", async (context) => {
    const folder = await temporaryFolder();
    const script = `import shutil, sys
for kind in ("zip", "tar", "gztar"): shutil.make_archive(sys.argv[1] + "/made", kind, sys.argv[2], "photos")`;
    if (spawnSync("python3", ["-c", script, folder, FOLDER]).status !== 0) {
      expect(process.env.REQUIRE_PEERS, "python3 is required").not.toBe("1");
      context.skip("needs the Debian package python3");
    }
    const { train } = await loadCustomData(PHOTOS);
    for (const name of ["made.zip", "made.tar", "made.tar.gz"]) {
      expect((await loadCustomData(join(folder, name))).train).toEqual(train);
    }
  });
});

describe("an archive is refused, and nothing of it is kept,", () => {
  const limits = { entries: 20, bytes: 100_000, ratio: 1 };
  const evil: readonly [string, string][] = [
    ["leads up", "../evil.png"],
    ["leads up further inside", "a/../../evil.png"],
    ["is absolute", "/tmp/evil.png"],
  ];

  test.each(evil)("when an entry %s", async (_, name) => {
    const cacheFolder = await temporaryFolder();
    const zip = await zipped([...photoFiles(""), { name, content: "x" }]);
    expect(await refusalOf(unpackArchive(zip, "zip", { cacheFolder }))).toContain(name);
    const folder = join(await temporaryFolder(), "inner");
    mkdirSync(folder);
    writeFileSync(join(folder, "../evil.png"), "x");
    const tar = join(folder, "x.tar");
    const inside = name.startsWith("/") ? join(folder, "../evil.png") : "../evil.png";
    await create({ file: tar, cwd: folder, preservePaths: true }, [inside]);
    expect(await refusalOf(unpackArchive(tar, "tar", { cacheFolder }))).toMatch(
      /the entry .*evil\.png leads out of the folder/,
    );
    expect(readdirSync(cacheFolder)).toEqual([]);
  });

  test("when it would unpack to more than it may, has too many entries, or lies about a size", async () => {
    const cacheFolder = await temporaryFolder();
    const zeros = Buffer.alloc(200_000);
    const large = await zipped([{ name: "zeros.bin", content: zeros }]);
    const unpack = (path: string, kind: "zip" | "tar") => unpackArchive(path, kind, { cacheFolder, limits });
    expect(await refusalOf(unpack(large, "zip"))).toMatch(/unpacks to more than 100,000 bytes, which are the most/);
    const folder = await temporaryFolder();
    writeFileSync(join(folder, "zeros.bin"), zeros);
    const tar = join(folder, "x.tgz");
    await create({ file: tar, cwd: folder, gzip: true }, ["zeros.bin"]);
    expect(await refusalOf(unpack(tar, "tar"))).toMatch(/unpacks to more than 100,000 bytes/);
    const many = await zipped(Array.from({ length: 21 }, (_, i) => ({ name: `${i}.png`, content: "" })));
    expect(await refusalOf(unpack(many, "zip"))).toMatch(/has more than 20 entries/);
    const lying = await zipped([{ name: "zeros.bin", content: zeros, size: 10 }]);
    expect(await refusalOf(unpack(lying, "zip"))).toMatch(/zeros\.bin is damaged or cut short/);
    expect(readdirSync(cacheFolder)).toEqual([]);
  });

  test("when a file is there twice, is encrypted, damaged or cut short", async () => {
    const twice = await zipped([...photoFiles(""), ...photoFiles("").slice(0, 1)]);
    expect(await refusalOf(loadCustomData(twice))).toMatch(/photos\.zip has the file red\/0\.png twice/);
    const secret = await zipped(photoFiles("").map((file) => ({ ...file, isEncrypted: true })));
    expect(await refusalOf(loadCustomData(secret))).toMatch(/red\/0\.png is encrypted; pack it without a password/);
    for (const path of await archives()) {
      const cut = join(await temporaryFolder(), path.slice(path.lastIndexOf("/") + 1));
      copyFileSync(path, cut);
      truncateSync(cut, Math.floor(readFileSync(path).length / 2));
      expect(await refusalOf(loadCustomData(cut))).toMatch(/is damaged or cut short/);
    }
  });

  test("a folder that only has archives says to name one", async () => {
    const folder = await temporaryFolder();
    writeFileSync(join(folder, "x.zip"), zipBytes(photoFiles("")));
    writeFileSync(join(folder, "y.7z"), "7z");
    const message = await refusalOf(loadCustomData(folder));
    expect(message).toContain(
      "It holds 1 archive, 1 packed file. an archive (zip, tar, tar.gz) is read when it is named",
    );
  });
});
