import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { LoadedData } from "../../src/data/node/chain.ts";
import { loadFashionMnist } from "../../src/data/node/fashion-mnist.ts";
import { normalizationOf, trainingData } from "../../src/data/training-data.ts";
import { evaluate, evaluationProgram } from "../../src/evaluation/evaluate.ts";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { runReportPage } from "../../src/experiments/run-report.ts";
import { compareRuns } from "../../src/experiments/study/compare-runs.ts";
import { inferenceModel } from "../../src/formats/inference-model.ts";
import { base } from "../../src/models/study.ts";
import { buildModel, type ImageTask, initialTensors } from "../../src/nn/model.ts";
import { GraphWriter } from "../../src/onnx/graph-writer.ts";
import { loadClassifier } from "../../src/prediction/node/load-classifier.ts";
import { baseStudy } from "../../src/recipes/index.ts";
import { readMetrics, readRunRecord, readWeights } from "../../src/runs/node/run-files.ts";
import { openRunFolder } from "../../src/runs/node/run-folder.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { trainNewRun } from "../../src/training/node/train-run.ts";
import { interrupted } from "../runs/support/run-folders.ts";
import { editRecord, fillModelWithNaN, flipBit, forgetChecksums } from "../training/support/damage.ts";
import { failureOf } from "../training/support/failure.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";

const FOLDER = sharedFolder();
const [SPLIT, ALL] = [join(FOLDER, "split"), join(FOLDER, "all")];
const data: LoadedData = await loadFashionMnist({ folder: await smallDataFolder({ train: 240, test: 130 }) });
const OPTIONS = { data, split: "test", averageFlips: false, threads: 1 } as const;

beforeAll(async () => {
  const options = { data, threads: 1, lowering: "standard", runtime: nodeRuntime } as const;
  const run = { recipe: { ...baseStudy, epochs: 2, batchSize: 40 }, seed: 1, limit: 120 };
  await trainNewRun({ ...run, trainOn: "split", out: SPLIT }, options);
  await trainNewRun({ ...run, trainOn: "all", out: ALL }, options);
});

/** A copy of the run, as an older version wrote it without checksums, with another model.onnx. */
function withModel(name: string, model: Uint8Array | undefined): string {
  const copy = join(FOLDER, name);
  cpSync(SPLIT, copy, { recursive: true });
  forgetChecksums(copy);
  rmSync(join(copy, "model.onnx"));
  if (model) writeFileSync(join(copy, "model.onnx"), model);
  return copy;
}

/** An untrained base network for other images or classes. */
function modelFor(task: ImageTask): Uint8Array {
  const normalization = { mean: [0.3], standardDeviation: [0.3] };
  const graph = buildModel(base, { task, normalization, batchSize: 1, mode: "inference" });
  const classNames = Array.from({ length: task.classes }, (_, i) => `class ${i}`);
  return inferenceModel({ model: base, task, normalization, classNames, tensors: initialTensors(graph, 1) });
}

describe("evaluateRun", () => {
  test("reads a run of an older version, whose files have no checksums", async () => {
    const run = withModel("older", readFileSync(join(SPLIT, "model.onnx")));
    forgetChecksums(run);
    expect((await evaluateRun(run, OPTIONS)).loss).toBe((await evaluateRun(SPLIT, OPTIONS)).loss);
  });

  test("gives with model.onnx the same result as the weights in the network itself", async () => {
    const { train } = trainingData(data.train, { trainOn: "split", limit: 120 });
    const task = { channels: 1, height: 28, width: 28, classes: 10 };
    const program = evaluationProgram(base, { task, batchSize: 65, normalization: normalizationOf(train) });
    const session = await nodeRuntime.open(compile(program, { kind: "standard" }), { threads: 1 });
    session.load(new Map(readWeights(SPLIT).tensors.map(({ name, data: values }) => [name, values])));
    const logitsOf = async (pixels: Uint8Array) => (await session.run({ pixels })).logits!;
    for (const averageFlips of [false, true]) {
      const expected = await evaluate(data.test, logitsOf, { batchSize: 65, averageFlips });
      const found = await evaluateRun(SPLIT, { ...OPTIONS, averageFlips });
      expect(found.confusion).toEqual(expected.confusion);
      expect(found.loss).toBeCloseTo(expected.loss, 5);
    }
    await session.release();
  });

  test("on the validation images gives the same result as training after its last epoch", async () => {
    const { accuracy, loss, total, confusion } = await evaluateRun(SPLIT, { ...OPTIONS, split: "validation" });
    const { result } = readRunRecord(SPLIT);
    expect(readMetrics(SPLIT).at(-1)!.validationConfusion).toEqual(confusion);
    expect({ accuracy, total }).toEqual({ accuracy: result?.validationAccuracy, total: 20 });
    expect(loss).toBeCloseTo(result!.validationLoss!, 5);
  });

  test("saves each kind of result in the record, and changes nothing else in it", async () => {
    const { evaluations: _, ...before } = readRunRecord(ALL);
    const plain = await evaluateRun(ALL, OPTIONS);
    const averaged = await evaluateRun(ALL, { ...OPTIONS, averageFlips: true });
    await evaluateRun(ALL, { ...OPTIONS, threads: 2 });
    const { evaluations, ...after } = readRunRecord(ALL);
    expect(after).toEqual(before);
    const kept = ({ accuracy, correct, total, standardError, loss }: typeof plain) => ({
      ...{ accuracy, correct, total, standardError, loss },
    });
    expect(evaluations).toEqual({ test: kept(plain), "test-tta": kept(averaged) });
    expect(readdirSync(ALL)).not.toContain("lock");
  });
});

describe("evaluation is refused for", () => {
  test("an unfinished run, and a missing one", async () => {
    const path = interrupted({ state: true });
    const error = await failureOf(evaluateRun(path, OPTIONS));
    expect(error.message).toBe(`${path} is not finished; resume it`);
    expect(await failureOf(evaluateRun(join(FOLDER, "none"), OPTIONS))).toMatchObject({ exitCode: 2 });
  });

  test("validation when all images were used for training", async () => {
    const error = await failureOf(evaluateRun(ALL, { ...OPTIONS, split: "validation" }));
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(`${ALL} trained on all images, so it has no validation split; use \`split\` test`);
  });

  test("a run of other data, even if only the other split differs", async () => {
    const files = data.files.map((file) =>
      file.name === "train-labels-idx1-ubyte" ? { ...file, sha256: "0".repeat(64) } : file,
    );
    const error = await failureOf(evaluateRun(SPLIT, { ...OPTIONS, data: { ...data, files } }));
    expect(error.message).toBe(
      `${SPLIT} was trained on other data: train-labels-idx1-ubyte in ${data.folder} has another checksum; give the run's own data with \`data\``,
    );
  });

  test.each<[string, Uint8Array | undefined, RegExp]>([
    ["no", undefined, /has no model\.onnx: it was removed/],
    ["empty", new Uint8Array(0), /is not a model that ONNX Runtime can read/],
    [
      "small",
      modelFor({ channels: 1, height: 14, width: 14, classes: 10 }),
      /1x14x14 images into 10 classes; the data has 1x28x28 and 10/,
    ],
    [
      "narrow",
      modelFor({ channels: 1, height: 28, width: 28, classes: 5 }),
      /1x28x28 images into 5 classes; the data has 1x28x28 and 10/,
    ],
    ["foreign", foreignModel(), /has no input "pixels" \[batch, channels, height, width\] and output "logits"/],
  ])("a run with %s model", async (name, model, message) => {
    const run = withModel(name, model);
    const error = await failureOf(evaluateRun(run, OPTIONS));
    expect(error.exitCode).toBe(1);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(run);
    expect(readdirSync(run)).not.toContain("lock");
    expect(readRunRecord(run).evaluations?.test).toEqual(readRunRecord(SPLIT).evaluations?.test);
  });

  test("a run with the model of another run of the same network: nothing is written into its record", async () => {
    const run = withModel("exchanged", readFileSync(join(ALL, "model.onnx")));
    const error = await failureOf(evaluateRun(run, OPTIONS));
    expect(error.message).toBe(
      `${run}/model.onnx holds other weights than run.json tells of (another checksum); restore the file from a copy, or name the file itself instead of the run`,
    );
    expect(readRunRecord(run)).toEqual({ ...readRunRecord(SPLIT), files: undefined });
    await expect(loadClassifier(run, { threads: 1 })).rejects.toThrow(/holds other weights than run\.json/);
    // The file by itself belongs to no record.
    await (await loadClassifier(join(run, "model.onnx"), { threads: 1 })).release();
  });

  test.each([0.1, 0.5, 0.9])(
    "a run whose model has a flipped bit at %d of its length, wherever it is used",
    async (share) => {
      const run = join(FOLDER, `flipped${share}`);
      cpSync(SPLIT, run, { recursive: true });
      flipBit("model.onnx", share)(run);
      const before = readFileSync(join(run, "run.json"), "utf8");
      const isDamaged = /model\.onnx is damaged: its SHA-256 is [0-9a-f]{64}, run\.json says [0-9a-f]{64}; restore/;
      expect((await failureOf(evaluateRun(run, OPTIONS))).message).toMatch(isDamaged);
      expect((await failureOf(loadClassifier(run))).message).toMatch(isDamaged);
      expect((await failureOf(compareRuns([SPLIT, run], OPTIONS))).message).toMatch(isDamaged);
      expect((await failureOf(runReportPage(run, { ...OPTIONS }))).message).toMatch(isDamaged);
      expect(readFileSync(join(run, "run.json"), "utf8")).toBe(before);
      // The file by itself has its checksum in itself.
      const alone = await failureOf(loadClassifier(join(run, "model.onnx")));
      expect(alone.message).toMatch(/model\.onnx is damaged: .*, its field fileSha256 says /);
    },
  );

  test("a run of an older version whose model gives NaN: neither evaluated nor asked for a class", async () => {
    const run = join(FOLDER, "nan");
    cpSync(SPLIT, run, { recursive: true });
    forgetChecksums(run);
    fillModelWithNaN("fc2.weight")(run);
    expect((await failureOf(evaluateRun(run, OPTIONS))).message).toMatch(
      /model\.onnx gives logits that are not finite/,
    );
    const classifier = await loadClassifier(run, { threads: 1 });
    expect(classifier.isVerified).toBe(false);
    const answer = await failureOf(classifier.classify([new Uint8Array(784)]));
    expect(answer.message).toMatch(/nan\/model\.onnx gives probabilities that are not finite numbers; restore/);
    await classifier.release();
  });

  test("a run whose recorded normalisation is not that of its model", async () => {
    const run = join(FOLDER, "normalised");
    cpSync(SPLIT, run, { recursive: true });
    const { data: recorded } = readRunRecord(run);
    editRecord({ data: { ...recorded, normalization: { mean: [0.5], standardDeviation: [0.5] } } })(run);
    const { message } = await failureOf(evaluateRun(run, OPTIONS));
    expect(message).toMatch(
      /run\.json: field "data\.normalization\.mean": \[0\.5\] contradicts \[0\.\d+\] in model\.onnx/,
    );
  });

  function foreignModel(): Uint8Array {
    const writer = new GraphWriter();
    writer.output("y", writer.node("Relu", [writer.input("x", "float32", [1, 3])]), "float32", [1, 3]);
    return writer.toBytes({ name: "foreign" });
  }
});

test("a run that another process writes to is evaluated; its record is unchanged, and the reason is reported", async () => {
  const { folder, record } = openRunFolder(SPLIT);
  const reasons: string[] = [];
  const metrics = await evaluateRun(SPLIT, { ...OPTIONS, onNotKept: (why) => reasons.push(why) });
  folder.close();
  expect(metrics.total).toBeGreaterThan(0);
  expect(reasons).toHaveLength(1);
  expect(reasons[0]).toContain(`${SPLIT} is in use: process ${process.pid} is writing to it`);
  expect(readRunRecord(SPLIT)).toEqual(record);
});
