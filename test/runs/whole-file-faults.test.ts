/** Every system call of `writeWholeFile` fails in turn, with every typical error. */
import type fs from "node:fs";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { moveFolder, writeWholeFile } from "../../src/runs/node/whole-file.ts";
import { temporaryFolder, userErrorOf } from "./support/helpers.ts";

/** The calls so far, and the one (by its place in the order) that fails, with its error. */
const { calls, fault } = vi.hoisted(() => {
  const fault: { at: number; code: string } = { at: -1, code: "" };
  return { calls: [] as string[], fault };
});

vi.mock("node:fs", async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  /** The real function, recorded, and failing when its turn has come. */
  function faulty<Arguments extends unknown[], Result>(name: string, act: (...args: Arguments) => Result) {
    return (...args: Arguments): Result => {
      calls.push(name);
      if (calls.length - 1 !== fault.at) return act(...args);
      throw Object.assign(new Error(`${fault.code}: injected`), { code: fault.code });
    };
  }
  return {
    ...real,
    openSync: faulty("open", real.openSync),
    writeFileSync: faulty("write", real.writeFileSync),
    fsyncSync: faulty("fsync", real.fsyncSync),
    closeSync: (file: number) => {
      calls.push("close");
      // The descriptor is gone even when closing reports an error.
      real.closeSync(file);
      if (calls.length - 1 === fault.at) throw Object.assign(new Error(fault.code), { code: fault.code });
    },
    renameSync: faulty("rename", real.renameSync),
  };
});

const ORDER = ["open", "write", "fsync", "close", "rename", "open", "fsync", "close"];
const RENAMED = ORDER.indexOf("rename") + 1;

afterEach(() => {
  fault.at = -1;
  calls.length = 0;
});

describe("moveFolder", () => {
  const SYNC = ["open", "fsync", "close"];

  function arrived() {
    const folder = temporaryFolder();
    const [from, to] = [join(folder, "run.part"), join(folder, "run")];
    for (const [path, content] of [
      [from, "new"],
      [to, "old"],
    ] as const) {
      mkdirSync(path);
      for (const name of ["model.onnx", "run.json"]) writeFileSync(join(path, name), content);
    }
    writeFileSync(join(to, "report.html"), "old");
    calls.length = 0;
    return { folder, from, to };
  }

  test("syncs each file and their folder before the rename, the folder around it afterwards", () => {
    const { folder, from, to } = arrived();
    moveFolder(from, to);
    expect(calls).toEqual([...SYNC, ...SYNC, ...SYNC, "rename", ...SYNC]);
    expect(readdirSync(folder)).toEqual(["run"]);
    expect(readdirSync(to)).toEqual(["model.onnx", "run.json"]);
    expect(readFileSync(join(to, "run.json"), "utf8")).toBe("new");
  });

  test.each([1, 4, 7])("where a disk fails to sync (call %i), what was there stays", (at) => {
    const { from, to } = arrived();
    Object.assign(fault, { at, code: "EIO" });
    expect(() => moveFolder(from, to)).toThrow("EIO");
    expect(readdirSync(to)).toEqual(["model.onnx", "report.html", "run.json"]);
  });
});

describe("writeWholeFile", () => {
  test("syncs the file before the rename, and the folder afterwards", () => {
    writeWholeFile(join(temporaryFolder(), "file"), "new");
    expect(calls).toEqual(ORDER);
  });

  const codes = ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO", "EFBIG", "ESTALE"];
  test.each(ORDER.slice(0, RENAMED).flatMap((name, at) => codes.map((code) => [at, name, code] as const)))(
    "call %i, %s, fails with %s: a UserError, the old file, no temporary file",
    (at, _, code) => {
      const folder = temporaryFolder();
      const path = join(folder, "file");
      writeWholeFile(path, "old");
      calls.length = 0;
      Object.assign(fault, { at, code });
      expect(userErrorOf(() => writeWholeFile(path, "new")).message).toMatch(
        new RegExp(`^cannot write ${path}: [a-z -]+.* \\(${code}\\); [a-z].*`),
      );
      expect(readFileSync(path, "utf8")).toBe("old");
      expect(readdirSync(folder)).toEqual(["file"]);
    },
  );

  test.each(["EINVAL", "ENOTSUP", "EPERM"])(
    "a file system that answers %s to syncing a folder is good enough",
    (code) => {
      const path = join(temporaryFolder(), "file");
      Object.assign(fault, { at: ORDER.lastIndexOf("fsync"), code });
      writeWholeFile(path, "new");
      expect(readFileSync(path, "utf8")).toBe("new");
      expect(calls).toEqual(ORDER);
    },
  );

  test("a failure to sync the folder is reported; the file is complete", () => {
    const path = join(temporaryFolder(), "file");
    Object.assign(fault, { at: ORDER.lastIndexOf("fsync"), code: "EIO" });
    expect(userErrorOf(() => writeWholeFile(path, "new")).message).toMatch(/the disk reports an error \(EIO\)/);
    expect(readFileSync(path, "utf8")).toBe("new");
  });

  test("an internal error is rethrown unchanged", () => {
    // Node's own complaint about an argument has a code as well.
    expect(() => writeWholeFile(join(temporaryFolder(), "a\0b"), "new")).toThrow(TypeError);
  });
});
