import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readMetrics, readModel, readRunRecord, readState, readWeights } from "../../src/runs/node/run-files.ts";
import { temporaryFolder, userErrorOf } from "./support/helpers.ts";
import { finished, interrupted } from "./support/run-folders.ts";
import { sampleMetrics } from "./support/samples.ts";

describe("reading", () => {
  test("a missing file is reported by name", () => {
    const path = interrupted({ state: false });
    for (const read of [readState, readWeights, readModel]) {
      expect(userErrorOf(() => read(path)).message).toMatch(
        /^.*run has no (state\.safetensors|weights\.safetensors|model\.onnx): its training has not come so far; /,
      );
    }
    expect(userErrorOf(() => readModel(join(path, "none"))).message).toContain("there is no folder");
  });

  test("damaged files are reported by path", () => {
    const path = finished();
    for (const name of ["run.json", "metrics.jsonl", "state.safetensors", "weights.safetensors"]) {
      writeFileSync(join(path, name), Uint8Array.of(0x7b, 0xff, 0x7d));
    }
    for (const read of [readRunRecord, readMetrics, readState, readWeights]) {
      expect(userErrorOf(() => read(path)).message).toMatch(/\/run\/[a-z.]+(json|jsonl|safetensors): expected .*; /);
    }
    expect(userErrorOf(() => readRunRecord(path)).message).toContain("expected UTF-8 text, found other bytes");
  });

  test("of a run in progress a metrics line without its end is left out; else it is damaged", () => {
    const path = finished();
    const file = join(path, "metrics.jsonl");
    const whole = readFileSync(file);
    // Cut in the middle of a character too, as far as bytes go.
    for (const begun of ['{"epoch":4,"st', Uint8Array.of(0x7b, 0xc3)]) {
      writeFileSync(file, whole);
      appendFileSync(file, begun);
      expect(readMetrics(path, { isInProgress: true })).toEqual(sampleMetrics);
      expect(userErrorOf(() => readMetrics(path)).message).toContain(file);
    }
    writeFileSync(file, "{}\n{");
    expect(userErrorOf(() => readMetrics(path, { isInProgress: true })).message).toContain("metrics.jsonl, line 1");
    expect(readMetrics(temporaryFolder(), { isInProgress: true })).toEqual([]);
  });

  test("a folder in a file's place is told", () => {
    const path = interrupted({ state: false });
    mkdirSync(join(path, "model.onnx"));
    expect(userErrorOf(() => readModel(path)).message).toMatch(/^cannot read .*model\.onnx: it is a folder \(EISDIR\)/);
  });
});
