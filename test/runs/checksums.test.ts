import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { GraphWriter } from "../../src/onnx/graph-writer.ts";
import { BLANK_SEAL, checkSeal, seal } from "../../src/runs/node/hashes.ts";
import { openRun, readMetrics, readModel, readSplit, readState, readWeights } from "../../src/runs/node/run-files.ts";
import { createRunFolder } from "../../src/runs/node/run-folder.ts";
import { flipBit } from "../training/support/damage.ts";
import { temporaryFolder, userErrorOf } from "./support/helpers.ts";
import { finishedRecord, sampleMetrics, sampleTensors } from "./support/samples.ts";

describe("a file with its own checksum", () => {
  const onnx = () => {
    const writer = new GraphWriter();
    const weight = writer.initializer("weight", Float32Array.of(1, 2, 3), [3]);
    writer.output("y", writer.node("Add", [writer.input("x", "float32", [3]), weight]), "float32", [3]);
    return writer.toBytes({ name: "sum", metadata: { opset: "17", ...BLANK_SEAL, classes: "[]" } });
  };
  const safetensors = () => encodeSafetensors(sampleTensors, { ...BLANK_SEAL, step: "3" });

  test.each([
    ["onnx", onnx],
    ["safetensors", safetensors],
  ] as const)(
    "%s is accepted whole; with any bit of its contents or of the checksum flipped it is refused",
    (format, make) => {
      const whole = seal(make(), format);
      expect(checkSeal(whole, format, "file")).toBe(true);
      const field = Buffer.from(whole).indexOf("fileSha256");
      const name = (at: number) => at >= field - 2 && at < field + "fileSha256".length + 3;
      for (let at = 0; at < whole.length; at++) {
        if (name(at)) continue;
        const flipped = Uint8Array.from(whole, (byte, i) => (i === at ? byte ^ 0x10 : byte));
        const { message } = userErrorOf(() => checkSeal(flipped, format, "some/file"));
        expect(message, `byte ${at}`).toMatch(
          /^some\/file is damaged: its SHA-256 is .*; restore the file from a copy/,
        );
      }
    },
  );

  test("is not required: files of older versions and of other programs have none", () => {
    expect(checkSeal(encodeSafetensors(sampleTensors, { step: "3" }), "safetensors", "file")).toBe(false);
    expect(checkSeal(new Uint8Array(0), "onnx", "file")).toBe(false);
    expect(() => seal(encodeSafetensors(sampleTensors), "safetensors")).toThrow("no field fileSha256 to seal");
  });
});

const SPLIT = {
  format: 1,
  classNames: ["a", "b"],
  image: { channels: 1, height: 8, width: 8 },
  fit: "crop",
  drawn: [],
  pictures: [{ file: "a/1.png", label: 0, part: "train", bytes: 3, sha256: "ab".repeat(32) }],
  skipped: [],
} as const;

/** A finished run whose record has the checksums of its files. */
function finishedRun(): string {
  const path = join(temporaryFolder(), "run");
  const folder = createRunFolder(path);
  folder.writeMetrics(sampleMetrics.slice(0, 1));
  folder.writeMetrics(sampleMetrics);
  folder.writeState(sampleTensors, { step: "3" });
  folder.writeSplit({
    ...SPLIT,
    drawn: [],
    skipped: [],
    classNames: [...SPLIT.classNames],
    pictures: [...SPLIT.pictures],
  });
  folder.writeWeights(sampleTensors);
  folder.writeModel(Uint8Array.of(8, 10));
  folder.writeRecord({ ...finishedRecord, files: folder.files });
  folder.close();
  return path;
}

describe("a finished run's file", () => {
  test.each([
    ["metrics.jsonl", readMetrics],
    ["split.json", readSplit],
    ["weights.safetensors", readWeights],
    ["model.onnx", readModel],
  ] as const)("%s is read whole, and refused with a flipped bit or of another length", (name, read) => {
    const run = finishedRun();
    expect(() => read(run)).not.toThrow();
    flipBit(name)(run);
    expect(userErrorOf(() => read(run)).message).toMatch(
      new RegExp(`${name} is damaged: its SHA-256 is [0-9a-f]{64}, run\\.json says [0-9a-f]{64}; restore the file`),
    );
    writeFileSync(join(run, name), "");
    expect(userErrorOf(() => read(run)).message).toMatch(
      new RegExp(`${name} is damaged: it has 0 bytes, run\\.json says`),
    );
  });

  test("is checked again when it has changed since, also for a run that stays open", () => {
    const run = openRun(finishedRun());
    readModel(run);
    readModel(run);
    rmSync(join(run.path, "model.onnx"));
    writeFileSync(join(run.path, "model.onnx"), Uint8Array.of(8, 11));
    expect(userErrorOf(() => readModel(run)).message).toContain("model.onnx is damaged");
  });

  test("run.json has its checksum in itself; one that another program wrote is read without", () => {
    const run = finishedRun();
    const { record } = openRun(run);
    const path = join(run, "run.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace('"learningRate": 0.001', '"learningRate": 0.003'));
    expect(userErrorOf(() => openRun(run)).message).toMatch(
      /run\.json is damaged: its SHA-256 is [0-9a-f]{64}, its field fileSha256 says [0-9a-f]{64}; restore the file/,
    );
    writeFileSync(path, JSON.stringify(record));
    expect(openRun(run).record).toEqual(record);
  });

  test("state.safetensors has its checksum in itself", () => {
    const run = finishedRun();
    expect(readState(run).tensors).toEqual(sampleTensors);
    flipBit("state.safetensors", 0.95)(run);
    expect(userErrorOf(() => readState(run)).message).toMatch(/state\.safetensors is damaged: its SHA-256 is /);
  });
});
