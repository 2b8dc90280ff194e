import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  openRun,
  readMetrics,
  readModel,
  readRunRecord,
  readState,
  readWeights,
} from "../../src/runs/node/run-files.ts";
import { createRunFolder, openRunFolder, resumeRunFolder } from "../../src/runs/node/run-folder.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { kill, nextLine, startChild, temporaryFolder, userErrorOf } from "./support/helpers.ts";
import { finished, interrupted } from "./support/run-folders.ts";
import { finishedRecord, sampleMetrics, sampleRecord, sampleTensors } from "./support/samples.ts";

describe("a run folder", () => {
  test("returns everything that was written; parent folders are created; nothing else is left", () => {
    const path = join(temporaryFolder(), "a", "b", "run");
    const folder = createRunFolder(path);
    expect(folder.path).toBe(path);
    folder.writeRecord(sampleRecord);
    expect(readMetrics(path)).toEqual([]);
    folder.writeMetrics(sampleMetrics.slice(0, 1));
    folder.writeMetrics(sampleMetrics);
    folder.writeState(sampleTensors, { step: "1287", epoch: "3", seconds: "13.5" });
    folder.writeWeights(sampleTensors, { model: "base" });
    folder.writeModel(Uint8Array.of(8, 10));
    folder.writeRecord(finishedRecord);
    folder.close();
    expect(readRunRecord(path)).toEqual(finishedRecord);
    expect(readMetrics(path)).toEqual(sampleMetrics);
    const sum = { fileSha256: expect.stringMatching(/^[0-9a-f]{64}$/) };
    const metadata = { step: "1287", epoch: "3", seconds: "13.5", ...sum };
    expect(readState(path)).toEqual({ tensors: sampleTensors, metadata });
    expect(readWeights(path)).toEqual({ tensors: sampleTensors, metadata: { model: "base", ...sum } });
    expect([...readModel(path)]).toEqual([8, 10]);
    expect(readdirSync(path).sort()).toEqual([
      "metrics.jsonl",
      "model.onnx",
      "run.json",
      "state.safetensors",
      "weights.safetensors",
    ]);
  });

  test("has one writer at a time, and none after closing", () => {
    const path = interrupted({ state: true });
    const { folder } = openRunFolder(path);
    for (const open of [createRunFolder, openRunFolder, resumeRunFolder]) {
      expect(userErrorOf(() => open(path)).message).toContain(`${path} is in use: process ${process.pid}`);
    }
    folder.close();
    folder.close();
    expect(() => folder.writeRecord(sampleRecord)).toThrow(/is closed: cannot write run\.json/);
    openRunFolder(path).folder.close();
  });

  test("is not locked after an error while opening", () => {
    const path = finished();
    userErrorOf(() => createRunFolder(path));
    userErrorOf(() => resumeRunFolder(path));
    expect(existsSync(join(path, "lock"))).toBe(false);
  });

  test("opened for writing is cleared of the remains of killed writers", () => {
    for (const open of [openRunFolder, resumeRunFolder]) {
      const path = interrupted({ state: true });
      open(path).folder.close();
      expect(readdirSync(path).sort()).toEqual(["metrics.jsonl", "run.json", "state.safetensors"]);
    }
  });

  test("killed at any moment is resumed from its last complete state", async () => {
    const path = join(temporaryFolder(), "run");
    const args = [path, JSON.stringify(sampleRecord), JSON.stringify(sampleMetrics[0])];
    let last = 0;
    for (let delay = 2; delay <= 30; delay += IS_THOROUGH ? 4 : 12) {
      const child = startChild("train-for-ever.mjs", ...args);
      await nextLine(child);
      await sleep(delay);
      await kill(child);
      const { folder, record, state } = resumeRunFolder(path);
      folder.close();
      expect(record).toEqual(sampleRecord);
      const epoch = Number(state.metadata.epoch);
      expect(epoch).toBeGreaterThan(last);
      expect(state.tensors[0]!.data.every((value) => value === epoch)).toBe(true);
      // The metrics are written just before the state: as many lines, or one more.
      expect([epoch, epoch + 1]).toContain(readMetrics(path).length);
      expect(readdirSync(path).sort()).toEqual(["metrics.jsonl", "run.json", "state.safetensors"]);
      last = epoch;
    }
  });
});

describe("openRunFolder and resumeRunFolder", () => {
  test("return the record, and the state to resume from", () => {
    const path = interrupted({ state: true });
    const opened = openRunFolder(path);
    opened.folder.close();
    expect(opened.record).toEqual(sampleRecord);
    const { folder, record, state } = resumeRunFolder(path);
    folder.close();
    expect(record).toEqual(sampleRecord);
    expect(state.tensors).toEqual(sampleTensors);
    expect(state.metadata).toMatchObject({ step: "1287", epoch: "3", seconds: "13.5" });
  });

  test("a finished run is opened, for evaluations, but not resumed", () => {
    const path = finished();
    const { folder, record } = openRunFolder(path);
    folder.close();
    expect(record).toEqual(finishedRecord);
    const error = userErrorOf(() => resumeRunFolder(path));
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(
      `${path} holds a finished run: there is nothing to resume; start a new run with \`out\``,
    );
  });

  test("what the record says under the lock decides, not what it said when the run was opened", () => {
    const path = interrupted({ state: true });
    const run = openRun(path);
    const another = openRunFolder(path);
    another.folder.writeRecord(finishedRecord);
    another.folder.close();
    expect(userErrorOf(() => resumeRunFolder(run)).message).toContain("holds a finished run");
    const { folder, record } = openRunFolder(run);
    folder.close();
    expect(record).toEqual(finishedRecord);
  });

  test.each(["missing", "damaged"])("a run whose state is %s is not resumed but started over", (kind) => {
    const path = interrupted({ state: false });
    if (kind === "damaged") writeFileSync(join(path, "state.safetensors"), "damaged");
    const error = userErrorOf(() => resumeRunFolder(path));
    expect(error.exitCode).toBe(2);
    const why =
      kind === "damaged" ? ` (${path}/state.safetensors: expected at least 8 bytes, found 7; ` : "; start the";
    expect(error.message).toContain(`${path} has no state.safetensors that can be read${why}`);
    expect(error.message).toMatch(/; start the run over with `out` [^;]*run$/);
  });

  test.each([openRunFolder, resumeRunFolder, readRunRecord])("a path that is no run is reported: %o", (open) => {
    const parent = temporaryFolder();
    const [none, other, file] = [join(parent, "none"), join(parent, "other"), join(parent, "file")];
    mkdirSync(other);
    writeFileSync(file, "");
    const errors = [none, other, file, join(file, "x")].map((path) => userErrorOf(() => open(path)));
    expect(errors.map(({ message }) => message)).toEqual([
      `there is no folder ${none}; name the folder of a run`,
      `${other} is not a run folder: it has no run.json; name the folder of a run`,
      `${file} is a file; expected a run folder; name the folder of a run`,
      `there is no folder ${join(file, "x")}; name the folder of a run`,
    ]);
    expect(errors.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 2]);
    expect(readdirSync(other), "nothing is written to it").toEqual([]);
  });
});
