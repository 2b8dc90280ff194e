import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readMetrics, readModel, readRunRecord, readState } from "../../src/runs/node/run-files.ts";
import { createRunFolder } from "../../src/runs/node/run-folder.ts";
import { kill, nextLine, startChild, temporaryFolder, userErrorOf } from "./support/helpers.ts";
import { finished, interrupted, TEMPORARY } from "./support/run-folders.ts";
import { finishedRecord, sampleMetrics, sampleTensors } from "./support/samples.ts";

describe("createRunFolder", () => {
  test("accepts a new path, and an empty folder, which remains if no run is written", () => {
    const parent = temporaryFolder();
    createRunFolder(join(parent, "run")).close();
    expect(readdirSync(parent)).toEqual([]);
    createRunFolder(parent).close();
    expect(readdirSync(parent)).toEqual([]);
  });

  test("accepts the remains of a run that was killed before its first record", async () => {
    const path = temporaryFolder();
    const child = startChild("hold-lock.mjs", path);
    expect(await nextLine(child)).toBe("held");
    await kill(child);
    writeFileSync(join(path, TEMPORARY), "");
    expect(readdirSync(path).sort()).toEqual([TEMPORARY, "lock"]);
    mkdirSync(join(path, "lock.takeover")); // Another process, of an earlier version, is just as far.
    expect(userErrorOf(() => createRunFolder(path)).message).toContain(`${path} is in use`);
    rmdirSync(join(path, "lock.takeover"));
    createRunFolder(path).close();
    expect(readdirSync(path)).toEqual([]);
  });

  test("accepts an unfinished run without a state: its other files are removed, its record stays until replaced", () => {
    const path = interrupted({ state: false });
    writeFileSync(join(path, "model.onnx"), "old");
    writeFileSync(join(path, "weights.safetensors"), "old");
    writeFileSync(join(path, "notes.txt"), "mine");
    createRunFolder(path).close();
    expect(readdirSync(path).sort()).toEqual(["notes.txt", "run.json"]);
  });

  test("accepts an unfinished run with a damaged state, which is replaced too", () => {
    const path = interrupted({ state: true });
    const state = join(path, "state.safetensors");
    writeFileSync(state, readFileSync(state).subarray(0, 100));
    createRunFolder(path).close();
    expect(readdirSync(path).sort()).toEqual(["run.json"]);
  });

  test("refuses an unfinished run with a state and leaves it unchanged", () => {
    const path = interrupted({ state: true });
    const error = userErrorOf(() => createRunFolder(path));
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(`${path} holds an unfinished run; choose another folder with \`out\`, or resume it`);
    expect(readState(path).tensors).toEqual(sampleTensors);
    expect(readMetrics(path)).toEqual(sampleMetrics);
  });

  test("refuses a finished run and leaves it unchanged", () => {
    const path = finished();
    const error = userErrorOf(() => createRunFolder(path));
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(`${path} holds a finished run; choose another folder with \`out\`, or remove this one`);
    expect(readRunRecord(path)).toEqual(finishedRecord);
    expect([...readModel(path)]).toEqual([8, 10]);
  });

  test("refuses a damaged run and leaves it unchanged", () => {
    const path = interrupted({ state: true });
    writeFileSync(join(path, "run.json"), "{");
    expect(userErrorOf(() => createRunFolder(path)).message).toContain(`${join(path, "run.json")}: expected JSON`);
    expect(readFileSync(join(path, "run.json"), "utf8")).toBe("{");
    expect(readState(path).tensors).toEqual(sampleTensors);
  });

  test("refuses a folder with something else in it, without writing to it", () => {
    const path = temporaryFolder();
    writeFileSync(join(path, "thesis.tex"), "");
    const error = userErrorOf(() => createRunFolder(path));
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(`${path} is not empty and not a run folder; choose a new or empty folder with \`out\``);
    expect(readdirSync(path)).toEqual(["thesis.tex"]);
  });

  test("refuses a file, and a path through a file", () => {
    const path = join(temporaryFolder(), "file");
    writeFileSync(path, "");
    const error = userErrorOf(() => createRunFolder(path));
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(`${path} is a file; expected a folder; choose another folder with \`out\``);
    expect(userErrorOf(() => createRunFolder(join(path, "run"))).message).toMatch(
      /^cannot create the folder .*run: part of the path is a file, not a folder \(ENOTDIR\); /,
    );
  });

  test("reports when the system denies creating the folder", () => {
    expect(userErrorOf(() => createRunFolder("/proc/tailor/run")).message).toMatch(
      /^cannot create the folder \/proc\/tailor: .* \(E[A-Z]+\); [a-z]/,
    );
  });
});
