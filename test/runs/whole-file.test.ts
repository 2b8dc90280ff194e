import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { isTemporary, removeTemporaries, writeWholeFile } from "../../src/runs/node/whole-file.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { kill, nextLine, startChild, temporaryFolder, userErrorOf, withoutPrivileges } from "./support/helpers.ts";

describe("writeWholeFile", () => {
  test("writes bytes and text, replacing an existing file, and leaves nothing else", () => {
    const folder = temporaryFolder();
    const path = join(folder, "file");
    writeWholeFile(path, "a longer text: größer");
    expect(readFileSync(path, "utf8")).toBe("a longer text: größer");
    writeWholeFile(path, Uint8Array.of(1, 0, 255));
    expect([...readFileSync(path)]).toEqual([1, 0, 255]);
    writeWholeFile(path, "");
    expect(readFileSync(path).length).toBe(0);
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  test("readers see a complete file during a write and after a kill", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "file");
    const versions = new Set<number>();
    const expectWhole = () => {
      const bytes = readFileSync(path);
      expect(bytes.length).toBe(4_000_000);
      expect(bytes.equals(Buffer.alloc(bytes.length, bytes[0]))).toBe(true);
      versions.add(bytes[0]!);
    };
    // From 1 to 12 ms apart, so that kills fall into every part of a write.
    for (let delay = 1; delay <= 12; delay += IS_THOROUGH ? 1 : 2) {
      const child = startChild("write-for-ever.mjs", path);
      await nextLine(child);
      for (let i = 0; i < 4; i++) expectWhole();
      await sleep(delay);
      await kill(child);
      expectWhole();
    }
    // A slow machine may be killed before it has written anything new.
    expect(versions.size).toBeGreaterThan(1);
    removeTemporaries(folder);
    expect(readdirSync(folder)).toEqual(["file"]);
  });
});

describe("errors of the system", () => {
  test.each<[string, (folder: string) => string, RegExp]>([
    ["a missing folder", (folder) => join(folder, "none", "file"), /no such file or folder \(ENOENT\); check the path/],
    ["a path through a file", (folder) => join(folder, "old", "file"), /part of the path is a file.* \(ENOTDIR\)/],
    ["a folder in the way", (folder) => join(folder, "sub"), /\(EISDIR\); move the folder away/],
    ["a name too long", (folder) => join(folder, "n".repeat(250)), /the name is too long \(ENAMETOOLONG\)/],
  ])("%s is reported with the file and the reason", (_, pathIn, message) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "old"), "old");
    mkdirSync(join(folder, "sub"));
    const path = pathIn(folder);
    const error = userErrorOf(() => writeWholeFile(path, "new"));
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`cannot write ${path}: `);
    expect(error.exitCode).toBe(1);
    expect(readdirSync(folder).sort()).toEqual(["old", "sub"]);
    expect(readFileSync(join(folder, "old"), "utf8")).toBe("old");
  });

  test("without permission for the folder the error is reported, and the file remains", () => {
    const folder = temporaryFolder();
    const path = join(folder, "file");
    writeFileSync(path, "old");
    chmodSync(folder, 0o555);
    onTestFinished(() => chmodSync(folder, 0o755));
    const error = withoutPrivileges(() => userErrorOf(() => writeWholeFile(path, "new")));
    expect(error.message).toMatch(/permission denied \(EACCES\); check who owns the file and its folder/);
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  /** A file system of its own in memory, unmounted after the test; null where that is not allowed. */
  function mountTmpfs(options: string): string | null {
    const folder = temporaryFolder();
    if (spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]).status !== 0) return null;
    onTestFinished(() => {
      spawnSync("umount", ["--lazy", folder]);
    });
    return folder;
  }

  test("a full disk is reported, the old file remains complete, and no temporary file is left", (context) => {
    const folder = mountTmpfs("size=256k");
    if (folder === null) return context.skip("needs the right to mount a file system (root)");
    const path = join(folder, "file");
    writeWholeFile(path, "old".repeat(1000));
    const error = userErrorOf(() => writeWholeFile(path, new Uint8Array(1_000_000)));
    expect(error.message).toBe(
      `cannot write ${path}: the disk is full (ENOSPC); free some space, or choose a folder on another disk`,
    );
    expect(readFileSync(path, "utf8")).toBe("old".repeat(1000));
    expect(readdirSync(folder)).toEqual(["file"]);
    writeWholeFile(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
  });

  test("a read-only file system is reported", (context) => {
    const folder = mountTmpfs("ro");
    if (folder === null) return context.skip("needs the right to mount a file system (root)");
    const error = userErrorOf(() => writeWholeFile(join(folder, "file"), "new"));
    expect(error.message).toMatch(/the file system is read-only \(EROFS\); choose a folder that can be written/);
  });
});

describe("removeTemporaries", () => {
  test("removes temporary files of killed writers and no similarly named files", () => {
    const folder = temporaryFolder();
    const left = ".state.safetensors.1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.tmp";
    const others = [".hidden.tmp", "notes.tmp", left.slice(1), `${left}.txt`, "run.json"];
    for (const name of [left, ...others]) writeFileSync(join(folder, name), "");
    symlinkSync("nowhere", join(folder, left.replace("1b9", "2b9")));
    expect([left, ...others].filter(isTemporary)).toEqual([left]);
    removeTemporaries(folder);
    expect(readdirSync(folder).sort()).toEqual(others.sort());
  });

  test("an unreadable folder is reported", () => {
    const folder = join(temporaryFolder(), "none");
    expect(userErrorOf(() => removeTemporaries(folder)).message).toContain(`cannot clean up ${folder}: `);
  });
});
