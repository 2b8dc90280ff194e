import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { loadFashionMnist } from "../../src/data/node/fashion-mnist.ts";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { exportRun } from "../../src/exchange/export-run.ts";
import { type ImportOptions, importWeights } from "../../src/exchange/import-weights.ts";
import { remainingWork } from "../../src/experiments/planned-run.ts";
import { compareRuns } from "../../src/experiments/study/compare-runs.ts";
import { factsToText } from "../../src/formats/network-facts.ts";
import { encodeSafetensors, type NamedTensor } from "../../src/formats/safetensors.ts";
import { enhanced } from "../../src/models/study.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { weightsSha256 } from "../../src/runs/node/hashes.ts";
import { openRun, readAnyRunRecord, readModel, readRunRecord, readWeights } from "../../src/runs/node/run-files.ts";
import { createRunFolder, RunFolder } from "../../src/runs/node/run-folder.ts";
import { listRuns, runStatus } from "../../src/runs/node/run-status.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { openModel } from "../../src/runtime/node/open-model.ts";
import { resumeRun } from "../../src/training/node/train-run.ts";
import { entry, safetensorsFile } from "../formats/support/safetensors.ts";
import { userErrorOf } from "../runs/support/helpers.ts";
import { failureOf } from "../training/support/failure.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { engineLogitsOf, networkOf, pixelsFor } from "./support/networks.ts";

const FOLDER = sharedFolder();
const data = await loadFashionMnist({ folder: await smallDataFolder({ train: 120, test: 30 }) });
const TASK = { channels: 1, height: 28, width: 28, classes: 10 };
const NETWORK = networkOf(enhanced, TASK);
const FACTS = factsToText({ ...NETWORK, model: "enhanced" });
const RUN = join(FOLDER, "runs", "imported");
let files = 0;

/** A weights file, and an import of it into a folder that is not there. */
function weightsFile(tensors: readonly NamedTensor[], metadata: Record<string, string> = FACTS): string {
  const path = join(FOLDER, `weights${files++}.safetensors`);
  writeFileSync(path, encodeSafetensors(tensors, metadata));
  return path;
}

const said: string[] = [];
const into = (out: string, given: Partial<ImportOptions> = {}): ImportOptions => ({
  out: () => out,
  threads: 1,
  report: (line) => said.push(line),
  ...given,
});
const newFolder = () => join(FOLDER, `run${files++}`);

/** Changes one tensor, or takes it out. */
const withTensor = (name: string, change: (tensor: NamedTensor) => NamedTensor[]) =>
  NETWORK.tensors.flatMap((tensor) => (tensor.name === name ? change(tensor) : [tensor]));

beforeAll(async () => {
  await importWeights(weightsFile(NETWORK.tensors), into(RUN));
});

describe("weights that tailor exported", () => {
  test("are refused when they are not those that the file states the checksum of", async () => {
    const file = weightsFile(NETWORK.tensors, { ...FACTS, weightsSha256: weightsSha256(NETWORK.tensors) });
    await importWeights(file, into(newFolder()));
    const bytes = readFileSync(file);
    bytes[bytes.length - 1000]! ^= 0x01;
    writeFileSync(file, bytes);
    const out = newFolder();
    const { message } = await failureOf(importWeights(file, into(out)));
    expect(message).toMatch(
      /the SHA-256 of its weights is [0-9a-f]{64}, its metadata field weightsSha256 says [0-9a-f]{64}: it is damaged, .*; export it again/,
    );
    expect(existsSync(out)).toBe(false);
  });
});

describe("an interrupted import", () => {
  const remains: [string, string[]][] = [
    ["before its record", ["run.json", "weights.safetensors", "model.onnx"]],
    ["before its weights", ["weights.safetensors", "model.onnx"]],
    ["before its model", ["model.onnx"]],
  ];
  test.each(remains)("that ended %s is repeated into the same folder", async (_, missing) => {
    const file = weightsFile(NETWORK.tensors);
    const out = newFolder();
    const { record } = await importWeights(file, into(out));
    for (const name of missing) rmSync(join(out, name));
    writeFileSync(join(out, ".model.onnx.1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.tmp"), "left by a kill");
    await importWeights(file, into(out));
    expect(readdirSync(out).sort()).toEqual(["model.onnx", "run.json", "weights.safetensors"]);
    expect(readAnyRunRecord(out)).toMatchObject({ weightsSha256: record.weightsSha256, files: record.files });
    expect(userErrorOf(() => createRunFolder(out)).message).toContain("holds imported weights");
  });

  test("leaves its record first, which a full disk or a kill cannot take back", async () => {
    const file = weightsFile(NETWORK.tensors);
    const out = newFolder();
    const failing = vi.spyOn(RunFolder.prototype, "writeWeights").mockImplementationOnce(() => {
      throw new Error("the disk is full");
    });
    await expect(importWeights(file, into(out))).rejects.toThrow("the disk is full");
    failing.mockRestore();
    expect(readdirSync(out)).toEqual(["run.json"]);
    await importWeights(file, into(out));
    expect(readdirSync(out).sort()).toEqual(["model.onnx", "run.json", "weights.safetensors"]);
  });
});

describe("an imported run", () => {
  test("has bitwise the same weights, their source, and nothing about a training", async () => {
    const file = weightsFile(NETWORK.tensors);
    const { folder, record } = await importWeights(file, into(newFolder()));
    expect(readAnyRunRecord(folder)).toEqual(record);
    expect(record).toMatchObject({ status: "imported", result: null, model: "enhanced", parameters: 437_162 });
    expect(record.source).toMatchObject({ file, bytes: readFileSync(file).length });
    expect(record.weightsSha256).toBe(weightsSha256(NETWORK.tensors));
    expect(Object.keys(record)).not.toContain("epochs");
    const { tensors, metadata } = readWeights(folder);
    const expected = { ...FACTS, fileSha256: expect.stringMatching(/^[0-9a-f]{64}$/) };
    expect({ tensors, metadata }).toEqual({ tensors: NETWORK.tensors, metadata: expected });
    // The model is handed on and served: it names the file, not where it lay.
    const model = readFileSync(join(folder, "model.onnx"), "latin1");
    expect(model).toContain(`${basename(file)} (SHA-256 ${record.source.sha256})`);
    expect(model).not.toContain(dirname(file));
  });

  test("gives the training engine's logits for these weights", async () => {
    const pixels = pixelsFor(TASK, 5);
    const session = await openModel(readModel(RUN), "model.onnx", { threads: 1 });
    const logits = await session.logits(pixels);
    await session.release();
    const expected = await engineLogitsOf(NETWORK, pixels, { kind: "standard" });
    const largest = expected.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
    expect(logits).toBeClose(expected, { tolerance: 2 * 7 * Math.sqrt(3136) * 2 ** -24 * largest });
  });

  test("can be evaluated, compared, listed and exported like any other", async () => {
    const { folder } = await importWeights(weightsFile(NETWORK.tensors), into(join(FOLDER, "listed", "one")));
    const metrics = await evaluateRun(folder, { data, split: "test", averageFlips: false, threads: 1 });
    expect(metrics.total).toBe(30);
    expect(readAnyRunRecord(folder).evaluations?.test?.correct).toBe(metrics.correct);
    const options = { data, split: "test", threads: 1, onNotKept: () => {} } as const;
    const { runs, pairs } = await compareRuns([folder, RUN], options);
    const unknown = { recipe: "enhanced (imported)", seed: null, epochs: null, seconds: null, parameters: 437_162 };
    expect(runs).toMatchObject([unknown, unknown]);
    expect(pairs).toMatchObject([{ difference: 0 }]);
    expect(listRuns(join(FOLDER, "listed"))).toMatchObject([{ status: "imported", name: "one" }]);
    const out = join(FOLDER, "again.safetensors");
    const job = { format: "safetensors", out, force: false, data, threads: 1, runtime: nodeRuntime } as const;
    await exportRun(folder, job);
    const { record } = await importWeights(out, into(newFolder()));
    expect(record.weightsSha256).toBe(weightsSha256(NETWORK.tensors));
  });

  test("cannot be resumed, trained into, or used as a study's run", async () => {
    const before = readFileSync(join(RUN, "run.json"), "utf8");
    const options = { data, threads: 1, runtime: nodeRuntime, allowDifferent: true };
    const resumed = await failureOf(resumeRun(RUN, options));
    expect(resumed).toMatchObject({ exitCode: 2 });
    expect(resumed.message).toMatch(/imported holds imported weights: .* there is none to go on with/);
    expect(userErrorOf(() => readRunRecord(RUN)).message).toBe(resumed.message);
    expect(userErrorOf(() => createRunFolder(RUN))).toMatchObject({ exitCode: 2 });
    expect((await failureOf(importWeights(weightsFile(NETWORK.tensors), into(RUN)))).message).toMatch(
      /imported holds imported weights; choose another folder with `out`/,
    );
    const planned = { recipe: findRecipe("enhanced"), seed: 1, path: RUN, trainOn: "split", limit: null } as const;
    expect(userErrorOf(() => remainingWork(planned, { data })).message).toMatch(
      /holds imported weights, not this study's run/,
    );
    expect(readFileSync(join(RUN, "run.json"), "utf8")).toBe(before);
    expect(runStatus(openRun(RUN))).toBe("imported");
  });
});

describe("PyTorch's particularities in a file", () => {
  const expectSame = async (file: string) => {
    const { record } = await importWeights(file, into(newFolder()));
    expect(record.weightsSha256).toBe(weightsSha256(NETWORK.tensors));
  };

  test("prefixes of wrapped networks are removed with a message", async () => {
    for (const prefix of ["module.", "_orig_mod.module."]) {
      said.length = 0;
      await expectSame(weightsFile(NETWORK.tensors.map((tensor) => ({ ...tensor, name: prefix + tensor.name }))));
      expect(said).toEqual([`every name begins with "${prefix}", as PyTorch's wrappers leave it: taken off`]);
    }
    const mixed = withTensor("fc2.bias", (tensor) => [{ ...tensor, name: "module.fc2.bias" }]);
    const { message } = await failureOf(importWeights(weightsFile(mixed), into(newFolder())));
    expect(message).toMatch(/missing "fc2\.bias"; unexpected "module\.fc2\.bias"/);
  });

  test("the order of the tensors does not matter, nor do the batches that batch norm has counted", async () => {
    const counters = ["bn1", "bn6"].map((name) => `module.${name}.num_batches_tracked`);
    const bytes = encodeSafetensors(
      NETWORK.tensors.toReversed().map((tensor) => ({ ...tensor, name: `module.${tensor.name}` })),
      FACTS,
    );
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = new TextDecoder().decode(bytes.subarray(8, 8 + length)).trim();
    const data = [...bytes.subarray(8 + length)];
    const entries = counters.map(
      (name, i) => `"${name}":${entry([], [data.length + 8 * i, data.length + 8 * i + 8], "I64")}`,
    );
    const path = join(FOLDER, "counted.safetensors");
    writeFileSync(
      path,
      safetensorsFile(`${header.slice(0, -1)},${entries.join(",")}}`, [...data, ...new Array(16).fill(1)]),
    );
    await expectSame(path);
  });
});

describe("facts", () => {
  test("missing in a file default to Fashion-MNIST's, with a message; options take precedence", async () => {
    said.length = 0;
    const bare = weightsFile(NETWORK.tensors, {});
    const { folder } = await importWeights(bare, into(newFolder(), { model: "enhanced" }));
    expect(said).toEqual([
      expect.stringMatching(/size of the images.*classes.*normalisation.*: taken to be Fashion-MNIST's/),
    ]);
    expect(readWeights(folder).metadata).toMatchObject({ mean: "[0.2859677154498163]", image: "1x28x28" });
    expect(JSON.parse(readWeights(folder).metadata.classes!)).toContain("Ankle boot");

    said.length = 0;
    const classNames = [..."abcdefghij"];
    const normalization = { mean: [0.5], standardDeviation: [0.25] };
    const given = await importWeights(weightsFile(NETWORK.tensors), into(newFolder(), { classNames, normalization }));
    expect(said).toEqual([]);
    expect(readWeights(given.folder).metadata).toMatchObject({
      classes: JSON.stringify(classNames),
      mean: "[0.5]",
      standardDeviation: "[0.25]",
    });
  });
});

describe("weights that are refused leave no run", () => {
  const data32 = (tensor: NamedTensor, at: number, value: number) => {
    const copy = tensor.data.slice();
    copy[at] = value;
    return [{ ...tensor, data: copy }];
  };
  const header = (json: string, length?: bigint) => {
    const path = join(FOLDER, `lying${files++}.safetensors`);
    writeFileSync(path, safetensorsFile(json, new Array(8).fill(0), length));
    return path;
  };

  test.each<[string, () => string, Partial<ImportOptions>, RegExp]>([
    [
      "a tensor is missing",
      () => weightsFile(withTensor("bn3.running_var", () => [])),
      {},
      /does not hold the weights of model "enhanced" \(1x28x28 images, 10 classes\): missing "bn3\.running_var"; name/,
    ],
    [
      "a tensor is unexpected",
      () => weightsFile([...NETWORK.tensors, { name: "conv1.bias", shape: [1], data: Float32Array.of(0) }]),
      {},
      /: unexpected "conv1\.bias"; name/,
    ],
    [
      "a shape is another, of as many elements",
      () => weightsFile(withTensor("fc2.weight", (tensor) => [{ ...tensor, shape: [256, 10] }])),
      {},
      /: size mismatch for "fc2\.weight", \[256, 10\] in the file and \[10, 256\] in the model; name/,
    ],
    [
      "they are another model's",
      () => weightsFile(NETWORK.tensors),
      { model: "base" },
      /model "base" .*: missing "conv1\.bias" \(and 2 more\); unexpected "bn1\.weight" \(and 26 more\); size mismatch/,
    ],
    ["there is no such model", () => weightsFile(NETWORK.tensors), { model: "resnet" }, /no model "resnet"; choose/],
    [
      "no model is named",
      () => weightsFile(NETWORK.tensors, {}),
      {},
      /does not say which model.*`model`: base, enhanced/,
    ],
    [
      "a number is NaN",
      () => weightsFile(withTensor("conv2.weight", (tensor) => data32(tensor, 7, Number.NaN))),
      {},
      /tensor "conv2\.weight" holds NaN at index 7/,
    ],
    [
      "a number is infinite",
      () => weightsFile(withTensor("fc2.bias", (tensor) => data32(tensor, 9, Number.NEGATIVE_INFINITY))),
      {},
      /tensor "fc2\.bias" holds -Infinity at index 9/,
    ],
    [
      "a variance is negative",
      () => weightsFile(withTensor("bn1.running_var", (tensor) => data32(tensor, 0, -1))),
      {},
      /gives logits that are not finite numbers/,
    ],
    [
      "a mean for each of three channels is given for one",
      () => weightsFile(NETWORK.tensors),
      { normalization: { mean: [0, 0, 0], standardDeviation: [1, 1, 1] } },
      /images of 1 channels need a mean and a deviation for each, got 3/,
    ],
    ["the classes are damaged", () => weightsFile(NETWORK.tensors, { ...FACTS, classes: "[" }), {}, /field "classes"/],
    ["there is no file", () => join(FOLDER, "nowhere"), {}, /there is no file .*nowhere; check the path/],
    ["it is a folder", () => FOLDER, {}, /is a folder; name the file in it/],
    ["its header is 8 EiB long", () => header("{}", 2n ** 63n), {}, /found a length of 9223372036854775808/],
    ["its header is longer than the file", () => header("{}", 500n), {}, /header of 500 bytes as its length says/],
    ["its header is no JSON", () => header("{]"), {}, /expected a header of UTF-8 JSON/],
    ["a name comes twice", () => header(`{"a":${entry([1], [0, 4])},"a":${entry([1], [4, 8])}}`), {}, /"a" twice/],
    ["offsets overlap", () => header(`{"a":${entry([2], [0, 8])},"b":${entry([1], [4, 8])}}`), {}, /"b" overlaps/],
    ["offsets lie outside", () => header(`{"a":${entry([4], [0, 16])}}`), {}, /within the 8 bytes of data/],
    [
      "shape and bytes differ",
      () => header(`{"a":${entry([2], [0, 8], "F16")}}`),
      {},
      /4 bytes apart for shape \[2\] of F16/,
    ],
    ["a shape is past counting", () => header(`{"a":${entry([2 ** 40, 2 ** 40], [0, 8])}}`), {}, /bytes apart/],
  ])("when %s", async (_, file, given, message) => {
    const out = newFolder();
    const error = await failureOf(importWeights(file(), into(out, given)));
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
    expect(existsSync(out)).toBe(false);
  });
});

test.each([
  ["an archive, as torch.save writes it", [0x50, 0x4b, 0x03, 0x04, 0x14, 0, 0, 0, 0, 0]],
  ["a pickle, as older versions did", [0x80, 0x02, 0x7d, 0x71, 0, 0, 0, 0, 0, 0]],
])("%s, is recognized, with what to do", async (_, bytes) => {
  const file = join(FOLDER, `checkpoint${files++}.pt`);
  writeFileSync(file, Uint8Array.from(bytes));
  const out = newFolder();
  const error = await failureOf(importWeights(file, into(out, { model: "enhanced" })));
  expect(error.message).toMatch(/looks like a checkpoint of PyTorch \(torch\.save\).*safetensors\.torch\.save_file\(/);
  expect(existsSync(out)).toBe(false);
});

test("a duplicate class name is refused", async () => {
  const out = newFolder();
  const classNames = ["a", "b", "a", "d", "e", "f", "g", "h", "i", "j"];
  const error = await failureOf(importWeights(weightsFile(NETWORK.tensors), into(out, { classNames })));
  expect(error.message).toMatch(/the class "a" is named twice/);
  expect(existsSync(out)).toBe(false);
});
