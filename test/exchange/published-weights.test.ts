/** Weights that others have published for the networks of the field. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ImportOptions, importWeights } from "../../src/exchange/import-weights.ts";
import { encodeSafetensors, type NamedTensor } from "../../src/formats/safetensors.ts";
import { squeezenet11 } from "../../src/models/field/densenet.ts";
import { enhanced } from "../../src/models/study.ts";
import { buildModel, initialTensors, withoutNormalization } from "../../src/nn/model.ts";
import { readAnyRunRecord, readWeights } from "../../src/runs/node/run-files.ts";
import { safetensorsFile } from "../formats/support/safetensors.ts";
import { failureOf } from "../training/support/failure.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { networkOf } from "./support/networks.ts";

const FOLDER = sharedFolder();
const IMAGE = { channels: 3, height: 64, width: 64 };
/** Classes of the published head. */
const CLASSES = 7;
const HEAD = ["classifier.1.weight", "classifier.1.bias"];
let files = 0;

/** A file as torchvision's weights are once they are safetensors: no metadata. */
const TENSORS: readonly NamedTensor[] = (() => {
  const task = { ...IMAGE, classes: CLASSES };
  const graph = buildModel(squeezenet11, {
    task,
    normalization: withoutNormalization(task),
    batchSize: 1,
    mode: "inference",
  });
  const data = initialTensors(graph, 3);
  return graph.tensors.map(({ name, value }) => ({ name, shape: value.shape, data: data.get(name)! }));
})();

function fileOf(tensors: readonly NamedTensor[]): string {
  const path = join(FOLDER, `published${files++}.safetensors`);
  writeFileSync(path, encodeSafetensors(tensors));
  return path;
}

async function imported(file: string, given: Partial<ImportOptions> = {}) {
  const said: string[] = [];
  const out = join(FOLDER, `run${files++}`);
  const options = { model: "squeezenet1_1", image: IMAGE, threads: 1, ...given };
  const { folder } = await importWeights(file, { ...options, out: () => out, report: (line) => said.push(line) });
  return { said, ...readWeights(folder), record: readAnyRunRecord(folder) };
}

describe("a file of published weights", () => {
  test("is imported with ImageNet's normalisation, cropped pictures, and as many classes as its head has", async () => {
    const { said, tensors, metadata, record } = await imported(fileOf(TENSORS));
    expect(said).toEqual([
      expect.stringMatching(/says nothing of classes .*normalisation .*: taken to be ImageNet's$/),
    ]);
    expect(tensors).toEqual(TENSORS);
    expect(metadata).toMatchObject({
      model: "squeezenet1_1",
      image: "3x64x64",
      classes: JSON.stringify(["0", "1", "2", "3", "4", "5", "6"]),
      mean: "[0.485,0.456,0.406]",
      standardDeviation: "[0.229,0.224,0.225]",
      preparation: JSON.stringify({ kind: "fit", fit: "crop" }),
    });
    expect(record).toMatchObject({ status: "imported", parameters: 722_496 + 512 * CLASSES + CLASSES });
  });

  test("with a head for other classes gets fresh weights there, the same at every import, and says so in one line", async () => {
    const file = fileOf(TENSORS);
    const classNames = ["cat", "dog"];
    const first = await imported(file, { classNames });
    expect(first.said.at(-1)).toBe(
      `the head of ${file} (${HEAD.join(", ")}) is for 7 classes, not 2: it gets fresh weights, which must be trained`,
    );
    const isHead = ({ name }: NamedTensor) => HEAD.includes(name);
    expect(first.tensors.filter((tensor) => !isHead(tensor))).toEqual(TENSORS.filter((tensor) => !isHead(tensor)));
    expect(first.tensors.filter(isHead).map(({ shape }) => shape)).toEqual([[2, 512, 1, 1], [2]]);
    expect((await imported(file, { classNames })).tensors).toEqual(first.tensors);
  });

  const changed = (name: string, change: (tensor: NamedTensor) => NamedTensor[]) =>
    TENSORS.flatMap((tensor) => (tensor.name === name ? change(tensor) : [tensor]));
  const refused: [string, NamedTensor[], RegExp][] = [
    ["is missing", changed("features.3.squeeze.bias", () => []), /missing "features\.3\.squeeze\.bias"/],
    [
      "has another shape",
      changed("features.0.bias", (tensor) => [{ ...tensor, shape: [8, 8] }]),
      /size mismatch for "features\.0\.bias", \[8, 8\] in the file and \[64\] in the model/,
    ],
    [
      "is of another network",
      [...TENSORS, { name: "fc.bias", shape: [1], data: Float32Array.of(1) }],
      /unexpected "fc\.bias"/,
    ],
    [
      "is not finite, although the head is replaced",
      changed(HEAD[1]!, (tensor) => [{ ...tensor, data: tensor.data.with(4, Number.NaN) }]),
      /tensor "classifier\.1\.bias" holds NaN at index 4/,
    ],
    ["of the head is missing", changed(HEAD[0]!, () => []), /missing "classifier\.1\.weight"/],
  ];
  test.each(refused)("is refused by the tensor's name when one %s", async (_, tensors, message) => {
    const out = join(FOLDER, `run${files++}`);
    const classNames = ["cat", "dog"];
    const options = { model: "squeezenet1_1", image: IMAGE, classNames, threads: 1, report: () => {} };
    const error = await failureOf(importWeights(fileOf(tensors), { ...options, out: () => out }));
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
    expect(existsSync(out)).toBe(false);
  });
});

// 640 is 80 02 in bytes, as a pickle begins; with 65,536 more the third byte is 01.
test.each([640, 640 + 65_536])("a header of %i bytes is not taken for a pickle", async (length) => {
  const { tensors } = networkOf(enhanced, { channels: 1, height: 28, width: 28, classes: 10 });
  const bytes = encodeSafetensors(tensors);
  const written = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const names = tensors.map(({ name }) => name);
  const json = new TextDecoder().decode(bytes.subarray(8, 8 + written)).trimEnd();
  // Shorter than 640 bytes: one tensor only, which is not enough for a network, but read.
  const few = `{"${names[0]}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`;
  const isWhole = json.length <= length;
  const header = (isWhole ? json : few).padEnd(length);
  expect(header).toHaveLength(length);
  const file = join(FOLDER, `header${length}.safetensors`);
  writeFileSync(file, safetensorsFile(header, isWhole ? bytes.subarray(8 + written) : new Uint8Array(4)));
  expect([...readFileSync(file).subarray(0, 2)]).toEqual([0x80, 0x02]);
  const out = join(FOLDER, `run${files++}`);
  const options = { model: "enhanced", out: () => out, threads: 1, report: () => {} };
  if (isWhole) expect((await importWeights(file, options)).record.parameters).toBe(437_162);
  else expect((await failureOf(importWeights(file, options))).message).toMatch(/size mismatch for "conv1\.weight"/);
});
