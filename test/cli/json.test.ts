import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { BenchResult } from "../../src/bench/training.ts";
import type { ClassificationMetrics } from "../../src/evaluation/metrics.ts";
import type { ClassRanking, Ranking } from "../../src/evaluation/ranking.ts";
import { weightsSha256 } from "../../src/runs/node/hashes.ts";
import { readMetrics, readRunRecord, readWeights } from "../../src/runs/node/run-files.ts";
import type { Evaluation } from "../../src/runs/run-record.ts";
import { putClasses } from "../data/picture-fixtures.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { jsonOf, type Result, refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 1200, test: 130 });
const FOLDER = sharedFolder();
const RUN = join(FOLDER, "run");
const BASE_PARAMETERS = 421_642;

type TrainJson = Record<string, unknown> & { readonly evaluation?: Evaluation & { readonly split: string } };
type EvaluationJson = ClassificationMetrics & { readonly run: string; readonly split: string; readonly tta: boolean };

/** 200 images, 9 steps: floor(200 x 3 / 64). */
const TRAIN = ["train", "base", "--data", DATA, "--limit", "200", "--batch-size", "64", "--threads", "1"];

let trained: Result;
beforeAll(async () => {
  trained = await tailor([...TRAIN, "--epochs", "3", "--seed", "5", "--out", RUN, "--evaluate", "test", "--json"]);
});

describe("train --json", () => {
  test("prints one object with the documented fields, and the record has the same", () => {
    const { evaluation, ...printed } = jsonOf<TrainJson>(trained);
    expect(Object.keys(printed)).toEqual([
      "run",
      "recipe",
      "model",
      "seed",
      "epochs",
      "trainLoss",
      "trainAccuracy",
      "validationLoss",
      "validationAccuracy",
      "imagesPerSecond",
      "seconds",
      "peakMemoryBytes",
      "confidence",
      "weightsSha256",
      "report",
    ]);
    const { run, recipe, model, seed, epochs, report, ...result } = printed;
    expect(report).toBe(`${RUN}/report.html`);
    expect({ run, recipe, model, seed, epochs }).toEqual({
      run: RUN,
      recipe: "base",
      model: "base",
      seed: 5,
      epochs: 3,
    });
    const record = readRunRecord(RUN);
    expect(record.status).toBe("finished");
    expect(record.result).toEqual(result);
    const { split, ...test } = { split: undefined, ...evaluation };
    expect(split).toBe("test");
    expect(record.evaluations).toEqual({ test });
    expect(record).toMatchObject({ parameters: BASE_PARAMETERS, batchSize: 64, limit: 200, threads: 1 });
    expect(record.data).toMatchObject({ trainImages: 200, validationImages: 100, verified: false });
  });

  test("gives the last epoch's means, real speed and memory, and the checksum of the weights in the file", () => {
    const printed = jsonOf(trained);
    const lines = readMetrics(RUN);
    expect(lines.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 3],
      [2, 6],
      [3, 9],
    ]);
    expect(printed).toMatchObject({
      trainLoss: lines[2]!.trainLoss,
      trainAccuracy: lines[2]!.trainAccuracy,
      validationLoss: lines[2]!.validationLoss,
      validationAccuracy: lines[2]!.validationAccuracy,
      seconds: lines[2]!.seconds,
    });
    expect(printed.imagesPerSecond).toBeCloseTo((9 * 64) / lines[2]!.seconds, 6);
    expect(printed.peakMemoryBytes).toBeGreaterThan(80e6);
    expect(printed.peakMemoryBytes).toBeLessThan(2e9);
    const { tensors, metadata } = readWeights(RUN);
    expect(printed.weightsSha256).toBe(weightsSha256(tensors));
    expect(tensors.map(({ name, shape }) => `${name} ${shape}`)).toEqual([
      "conv1.weight 32,1,3,3",
      "conv1.bias 32",
      "conv2.weight 64,32,3,3",
      "conv2.bias 64",
      "fc1.weight 128,3136",
      "fc1.bias 128",
      "fc2.weight 10,128",
      "fc2.bias 10",
    ]);
    expect(JSON.parse(metadata.classes!)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  });

  test("prints everything else on standard error, in plain lines", () => {
    expect(trained.stderr).toContain(`run folder: ${RUN}\n`);
    expect(trained.stderr).toMatch(/^epoch 3\/3 \| train loss \d\.\d{4}, accuracy \d+\.\d\d % \| validation loss /m);
    expect(trained.stderr).toMatch(/^test accuracy \d+\.\d\d % \(\d+ of 130, standard error /m);
    for (const control of ["\r", "\u001b"]) expect(trained.stderr).not.toContain(control);
  });

  test("with --train-on all trains on every image without validation, whose fields are null", async () => {
    const out = join(FOLDER, "all");
    const args = ["train", "base-study", "--data", DATA, "--batch-size", "600", "--epochs", "1", "--threads", "1"];
    expect(await tailorJson([...args, "--train-on", "all", "--out", out])).toMatchObject({
      recipe: "base-study",
      seed: 1,
      epochs: 1,
      validationLoss: null,
      validationAccuracy: null,
    });
    expect(readRunRecord(out)).toMatchObject({ trainOn: "all", data: { trainImages: 1200, validationImages: 0 } });
    expect(readMetrics(out)).toMatchObject([{ step: 2, validationLoss: null, validationAccuracy: null }]);
    // Refused before the data are read, not after the training.
    const extend = ["--extend", out, "--epochs", "2", "--out", join(FOLDER, "longer"), "--evaluate", "validation"];
    expect(refusalOf(await tailor(["train", ...extend, "--data", "/nowhere"]), 2)).toMatch(
      /all is trained on all images and keeps none for validation; use --evaluate test/,
    );
  });

  test("without --json the result is printed as text on standard output", async () => {
    const { code, stdout } = await tailor([...TRAIN, "--epochs", "1", "--out", join(FOLDER, "words")]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^trained base in \d+ s: [\d,]+ images\/s, peak memory \d+ MB\nvalidation accuracy /);
    expect(stdout).toMatch(/run: .*words\n$/);
    expect(existsSync(join(FOLDER, "words", "model.onnx"))).toBe(true);
  });
});

describe("evaluate --json", () => {
  test("prints counts that agree with each other and with train's result", async () => {
    const printed = await tailorJson<EvaluationJson>(["evaluate", RUN, "--data", DATA, "--threads", "1"]);
    expect(printed).toMatchObject({ run: RUN, split: "test", tta: false, total: 130 });
    expect(jsonOf<TrainJson>(trained).evaluation).toEqual({ split: "test", ...evaluationFields(printed) });
    const { confusion, perClass, correct, accuracy, standardError, loss } = printed;
    const supports = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
    const hits = confusion.map((row, label) => row[label]!);
    expect(perClass.map(({ support }) => support)).toEqual(supports);
    expect(supports.reduce((sum, count) => sum + count, 0)).toBe(130);
    expect(hits.reduce((sum, count) => sum + count, 0)).toBe(correct);
    expect(accuracy).toBe(correct / 130);
    expect(standardError).toBeCloseTo(Math.sqrt((accuracy * (1 - accuracy)) / 130), 12);
    expect(loss).toBeGreaterThan(0);
    expect(perClass.map((entry) => Object.keys(entry).join())).toEqual(
      Array.from({ length: 10 }, () => "label,precision,recall,f1,support"),
    );
    expect(perClass.map(({ recall }) => recall)).toEqual(hits.map((count, i) => count / supports[i]!));
  });

  test("prints top-5 accuracy, and the areas under the curves as class by class", async () => {
    const args = ["evaluate", RUN, "--data", DATA, "--threads", "1"];
    const printed = await tailorJson<EvaluationJson & Omit<Ranking, "classes"> & { ranking: ClassRanking[] }>(args);
    const { top5, accuracy, macroAuc, macroAveragePrecision, ranking } = printed;
    expect(top5).toBeGreaterThan(accuracy);
    expect(ranking.map((entry) => Object.keys(entry).join())).toEqual(
      Array.from({ length: 10 }, () => "label,auc,averagePrecision"),
    );
    const mean = (values: readonly (number | null)[]) => values.reduce<number>((sum, value) => sum + value!, 0) / 10;
    expect(macroAuc).toBeCloseTo(mean(ranking.map(({ auc }) => auc)), 12);
    expect(macroAveragePrecision).toBeCloseTo(mean(ranking.map((one) => one.averagePrecision)), 12);
    const { stdout } = await tailor(args);
    const areas = `macro AUC ${macroAuc!.toFixed(4)}, macro average precision ${macroAveragePrecision!.toFixed(4)}`;
    expect(stdout.split("\n")[1]).toBe(`top-5 accuracy ${(100 * top5!).toFixed(2)} %, ${areas}`);
  });

  test("of the validation split gives the same as training after its last epoch", async () => {
    const printed = await tailorJson(["evaluate", RUN, "--split", "validation", "--data", DATA, "--threads", "1"]);
    const { validationAccuracy, validationLoss } = jsonOf(trained);
    expect(printed).toMatchObject({ total: 100, accuracy: validationAccuracy });
    // The same weights through model.onnx: sums in another order.
    expect(printed.loss).toBeCloseTo(Number(validationLoss), 4);
  });

  test("with --tta averages with the mirror image, and is saved next to the plain result", async () => {
    const plain = readRunRecord(RUN).evaluations;
    const printed = await tailorJson<EvaluationJson>(["evaluate", RUN, "--tta", "--data", DATA, "--threads", "1"]);
    expect(printed).toMatchObject({ split: "test", tta: true, total: 130 });
    expect(printed.loss).not.toBeCloseTo(Number(plain?.test?.loss), 6);
    expect(readRunRecord(RUN).evaluations).toEqual({ ...plain, "test-tta": evaluationFields(printed) });
  });
});

test("summary --json counts parameters and multiply-adds layer by layer", async () => {
  const printed = await tailorJson(["summary", "base"]);
  expect(printed).toMatchObject({ model: "base", parameters: BASE_PARAMETERS, multiplyAdds: 4_241_152 });
  expect(printed.layers).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        name: "conv2",
        outputShape: [64, 14, 14],
        parameters: 18_496,
        multiplyAdds: 3_612_672,
      }),
    ]),
  );
  expect(await tailorJson(["summary", "enhanced"])).toMatchObject({ model: "enhanced", parameters: 437_162 });
});

test("summary --size counts for images of that size, --data for the data's images and classes", async () => {
  // 3x3 of 3 instead of 1 channel; 64 channels of 16x16 instead of 7x7 pixels before the dense layer.
  const large = BASE_PARAMETERS + 2 * 9 * 32 + 64 * (16 * 16 - 7 * 7) * 128;
  const sized = await tailor(["summary", "base", "--size", "64", "--channels", "3"]);
  expect(sized.stdout).toMatch(/^base: 3x64x64 images, 10 classes; /);
  const image = ["--size", "64", "--channels", "3"];
  expect(await tailorJson(["summary", "base", ...image])).toMatchObject({ parameters: large });
  const pictures = join(FOLDER, "pictures");
  await putClasses(pictures, { a: 5, b: 5, c: 5 });
  const own = await tailor(["summary", "base", "--data", pictures, ...image]);
  expect(own.stdout).toMatch(/^base: 3x64x64 images, 3 classes; /);
});

test("data --json gives source, folder, the files with their checksums, and the sizes of the parts", async () => {
  const names = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
  ];
  const files = names.map((name) => {
    const bytes = readFileSync(join(DATA, name));
    return { name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  expect(await tailorJson(["data", "--data", DATA])).toEqual({
    source: "folder",
    folder: DATA,
    verified: false,
    files,
    classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    train: 1100,
    validation: 100,
    test: 130,
  });
});

test("bench train --json measures each model in a separate process", THOROUGH, async () => {
  const sizes = ["--batch-size", "24", "--threads", "1", "--steps", "2", "--lowering", "standard"];
  const args = ["bench", "train", "--models", "base, enhanced", "--data", DATA, ...sizes];
  const { results } = await tailorJson<{ results: BenchResult[] }>(args);
  expect(results.map(({ model, threads, batchSize, lowering }) => ({ model, threads, batchSize, lowering }))).toEqual(
    ["base", "enhanced"].map((model) => ({ model, threads: 1, batchSize: 24, lowering: "standard" })),
  );
  for (const { imagesPerSecond, millisecondsPerStep, peakMemoryBytes } of results) {
    // The median of two steps is their mean.
    expect((imagesPerSecond * millisecondsPerStep) / 1000).toBeCloseTo(24, 6);
    expect(peakMemoryBytes).toBeGreaterThan(50e6);
  }
});

test("bench train --freeze measures steps of all layers, then those with frozen ones", THOROUGH, async () => {
  const sizes = ["--batch-size", "8", "--threads", "1", "--steps", "2", "--lowering", "standard"];
  const frozen = ["--freeze", "conv1, bn1", "--freeze-batch-norm"];
  const { results } = await tailorJson<{ results: BenchResult[] }>([
    ...["bench", "train", "--models", "resnet18", "--data", DATA, ...sizes, ...frozen],
  ]);
  expect(results.map(({ model, frozen }) => ({ model, frozen }))).toEqual([
    { model: "resnet18", frozen: undefined },
    { model: "resnet18", frozen: ["conv1", "bn1"] },
  ]);
});

test("bench infer --json times calls of the model file", async () => {
  const sizes = ["--batch-size", "3", "--threads", "1", "--steps", "2"];
  const args = ["bench", "infer", "--models", "resnet18", "--data", DATA, ...sizes];
  const { results } = await tailorJson<{ results: BenchResult[] }>(args);
  expect(results).toMatchObject([{ model: "resnet18", threads: 1, batchSize: 3, lowering: null }]);
  const { imagesPerSecond, millisecondsPerStep, peakMemoryBytes } = results[0]!;
  expect((imagesPerSecond * millisecondsPerStep) / 1000).toBeCloseTo(3, 6);
  expect(peakMemoryBytes).toBeGreaterThan(50e6);
});

/** What a run's record keeps of an evaluation. */
function evaluationFields({ accuracy, correct, total, standardError, loss }: Evaluation): Evaluation {
  return { accuracy, correct, total, standardError, loss };
}
