import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { aptSource } from "../../src/data/node/apt.ts";
import { temporaryFolder, writeFiles } from "./fixtures.ts";
import { contents, data, load, remote, UNREACHED } from "./source-fixtures.ts";

describe("apt-get as a source", () => {
  /** Fake programs in place of apt-get and dpkg-deb, and a log of their calls. */
  async function fakeSystem({
    update = "",
    download = "",
    names = ["apt-get", "dpkg-deb"],
    packageFolder = "/usr/share/datasets/tiny",
  } = {}) {
    const folder = await temporaryFolder();
    const files = join(folder, "files");
    const log = join(folder, "log");
    await writeFiles(files, contents);
    const scripts: Record<string, string> = {
      "apt-get": `case "$1" in
        update) ${update} cp "$4" ${folder}/configuration ;;
        download) ${download} : > "$2_1.0_all.deb" ;;
      esac`,
      "dpkg-deb": `case "$1" in
        -x) test -f "$2" && mkdir -p "$3/usr/share/datasets/tiny" && cp ${files}/* "$3/usr/share/datasets/tiny/" ;;
      esac`,
    };
    await mkdir(join(folder, "bin"));
    for (const name of names) {
      const path = join(folder, "bin", name);
      await writeFile(
        path,
        `#!/bin/sh\nPATH=/usr/bin:/bin\necho "${name} $1 $2 $LC_ALL" >> ${log}\n${scripts[name]}\n`,
      );
      await chmod(path, 0o755);
    }
    return {
      source: aptSource(
        data,
        { name: "dataset-tiny", folder: packageFolder, megabytes: 31 },
        { PATH: join(folder, "bin") },
      ),
      calls: async () => (await readFile(log, "utf8")).trimEnd().split("\n"),
      configuration: () => readFile(join(folder, "configuration"), "utf8"),
    };
  }

  test("updates, downloads and unpacks, reports it before, and the files end up in the cache", async () => {
    const cacheFolder = await temporaryFolder();
    const { source, calls, configuration } = await fakeSystem();
    const { loaded, lines } = await load(cacheFolder, [source, UNREACHED]);
    expect(loaded).toMatchObject({ source: "apt", folder: join(cacheFolder, "tiny"), verified: true });
    expect(lines[0]).toBe("Tiny: fetching the Debian package dataset-tiny with apt-get, 31 MB");
    expect(await calls()).toEqual([
      "apt-get --version  C",
      "dpkg-deb --version  C",
      "apt-get update -q C",
      "apt-get download dataset-tiny C",
      "dpkg-deb -x dataset-tiny_1.0_all.deb C",
    ]);
    const settings = await configuration();
    const work = /Dir::State::lists "(.*)\/lists\/";/.exec(settings)?.[1];
    expect(work).toMatch(/tailor-apt-/);
    await expect(stat(work!), "the private folder is gone").rejects.toThrow("ENOENT");
  });

  test("a third-party source that fails the update does not stop the download", async () => {
    const { source } = await fakeSystem({ update: 'echo "E: a repository is not signed" >&2; exit 100;' });
    expect((await load(await temporaryFolder(), [source])).loaded.source).toBe("apt");
  });

  test("a failed download is reported with the errors of both commands, without warnings", async () => {
    const { source } = await fakeSystem({
      update: 'printf "W: old\\nE: no network\\n" >&2; exit 100;',
      download: 'printf "W: hm\\nE: Unable to locate package dataset-tiny\\n" >&2; exit 100;',
    });
    await expect(load(await temporaryFolder(), [source])).rejects.toThrow(
      "apt-get update failed: E: no network; apt-get download failed: E: Unable to locate package dataset-tiny",
    );
  });

  test.each(["apt-get", "dpkg-deb"])("without %s nothing is announced and the error names it", async (missing) => {
    const { source } = await fakeSystem({ names: ["apt-get", "dpkg-deb"].filter((name) => name !== missing) });
    const { loaded, lines } = await load(await temporaryFolder(), [source, remote()]);
    expect(loaded.source).toBe("https");
    expect(lines).toHaveLength(1);
    await expect(load(await temporaryFolder(), [source])).rejects.toThrow(`there is no ${missing} here`);
  });

  test("a package that is missing or contains other files is a failed source, not a crash", async () => {
    const none = await fakeSystem({ download: "exit 0;" });
    await expect(load(await temporaryFolder(), [none.source])).rejects.toThrow(
      "apt-get download left no archive of dataset-tiny",
    );
    const other = await fakeSystem({ packageFolder: "/usr/share/elsewhere" });
    await expect(load(await temporaryFolder(), [other.source])).rejects.toThrow(/with apt-get: ENOENT/);
  });
});
