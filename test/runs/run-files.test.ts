import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readMetrics, readModel, readRunRecord, readState, readWeights } from "../../src/runs/node/run-files.ts";
import { userErrorOf } from "./support/helpers.ts";
import { finished, interrupted } from "./support/run-folders.ts";

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

  test("a folder in a file's place is reported", () => {
    const path = interrupted({ state: false });
    mkdirSync(join(path, "model.onnx"));
    expect(userErrorOf(() => readModel(path)).message).toMatch(/^cannot read .*model\.onnx: it is a folder \(EISDIR\)/);
  });
});
