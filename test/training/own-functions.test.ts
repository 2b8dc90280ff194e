/** Loss, augmentation, metrics and callbacks of one's own. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { trainingBatches } from "../../src/data/batches.ts";
import { loadData } from "../../src/data/node/custom-data.ts";
import type { Augment } from "../../src/data/own-augmentation.ts";
import { flatten, linear } from "../../src/nn/index.ts";
import { divide, multiply, subtract } from "../../src/ops/elementwise.ts";
import { constant } from "../../src/ops/leaves.ts";
import { logSoftmax, softmax, softmaxCrossEntropy } from "../../src/ops/loss.ts";
import { mean, sum } from "../../src/ops/reduce.ts";
import { readMetrics, readRunRecord } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import type { TrainRunOptions } from "../../src/training/node/train-into.ts";
import { extendRun, resumeRun, trainNewRun } from "../../src/training/node/train-run.ts";
import type { TrainingFunctions } from "../../src/training/own-functions.ts";
import type { Loss } from "../../src/training/own-loss.ts";
import type { Metric } from "../../src/training/own-metrics.ts";
import { START } from "../../src/training/progress.ts";
import { train } from "../../src/training/train.ts";
import { allRows } from "../support/all-rows.ts";
import { failureOf } from "./support/failure.ts";
import { RECIPE, smallJob, smallSets, trainAndCompare } from "./support/jobs.ts";
import { sharedFolder, smallDataFolder } from "./support/small-data.ts";

/** The message of the UserError with which a promise rejects. */
const refusal = async (work: Promise<unknown>) => (await failureOf(work)).message;

/** A linear network without its start's noise. */
const linearModel = { name: "flat", layers: ({ classes }: { classes: number }) => [flatten(), linear(classes)] };
const SGD = { optimizer: { kind: "sgd" }, schedule: { kind: "constant" }, learningRate: 0.05 } as const;

const perImage = (total: ReturnType<typeof sum>, images: number) => divide(total, constant(images));
/** Cross-entropy from the soft targets. */
const crossEntropy: Loss = ({ logits, targets }) =>
  perImage(multiply(sum(multiply(targets, logSoftmax(logits))), constant(-1)), logits.shape[0]!);
const brier: Loss = ({ logits, targets }) => {
  const error = subtract(softmax(logits), targets);
  return perImage(sum(multiply(error, error)), logits.shape[0]!);
};
const accuracy: Metric = ({ probabilities, labels, classNames }) => {
  const correct = labels.filter((label, i) => {
    const row = probabilities.subarray(i * classNames.length, (i + 1) * classNames.length);
    return row.indexOf(Math.max(...row)) === label;
  });
  return correct.length / labels.length;
};
/** Noise of up to 8 levels. */
const noisy: Augment = (pixels, { random }) => pixels.map((value) => Math.min(255, value + random.below(9)));

describe("a loss", () => {
  test("that is tailor's own gives the same weights, bit for bit", async () => {
    const loss: Loss = ({ logits, labels }) => softmaxCrossEntropy(logits, labels, { labelSmoothing: 0.1 });
    const own = await trainAndCompare(smallJob({ functions: { loss } }));
    const built = await trainAndCompare(smallJob());
    expect(own.hash).toBe(built.hash);
    expect(own.epochs).toEqual(built.epochs);
  });

  test.each([
    ["smoothed", { labelSmoothing: 0.1 }],
    ["mixed", { augmentation: { mixing: { kind: "mixup", probability: 1, alpha: 1 } } }],
    [
      "smoothed and mixed",
      { labelSmoothing: 0.2, augmentation: { mixing: { kind: "cutmix", probability: 0.5, alpha: 1 } } },
    ],
  ] as const)("gets %s labels as soft targets", async (_, settings) => {
    const job = (functions: TrainingFunctions) => smallJob({ recipe: { ...SGD, ...settings }, functions });
    const [own, built] = [await train(job({ loss: crossEntropy })), await train(job({}))];
    for (const [name, values] of built.tensors) expect(own.tensors.get(name)).toBeClose(values, { tolerance: 1e-6 });
  });

  test("is minimised by its derivative: a step of the Brier score from equal probabilities", async () => {
    const data = { ...smallSets(32, null) };
    const classes = data.train.classNames.length;
    const job = smallJob({
      data,
      recipe: { ...SGD, model: linearModel, labelSmoothing: 0, epochs: 1, augmentation: {} },
      functions: { loss: brier },
    });
    const tensors = new Map([
      ["fc1.weight", new Float32Array(classes * 784)],
      ["fc1.bias", new Float32Array(classes)],
    ]);
    const { tensors: trained } = await train(job, {}, { tensors, position: START });
    // With p = 1/C: d(sum (p - t)^2) / dlogit_j = 2 p (p - t_j), as sum_k p (p - t_k) is 0; then the mean over the images.
    const shares = data.train.classNames.map((_, j) => data.train.labels.filter((label) => label === j).length / 32);
    const expected = shares.map((share) => (-SGD.learningRate * 2 * (1 / classes - share)) / classes);
    expect(trained.get("fc1.bias")).toBeClose(expected, { tolerance: 1e-8 });
  });

  test("is still reported as cross-entropy", async () => {
    const { epochs } = await trainAndCompare(
      smallJob({
        recipe: { ...SGD, learningRate: 1e-30 },
        functions: { loss: (inputs) => multiply(crossEntropy(inputs), constant(1000)) },
      }),
    );
    expect(epochs[0]!.trainLoss).toBeCloseTo(Math.log(10), 0);
  });

  test.each<[string, Loss, RegExp]>([
    ["no scalar", ({ logits }) => logits, /`loss` returned a value of shape \[32, 10\]; it must be a scalar/],
    ["no value", (() => 3) as unknown as Loss, /`loss` returned 3; it must return a value made by operations/],
    ["a constant", () => constant(1), /`loss` returned a value that does not depend on `logits`/],
    [
      "an operation that does not fit",
      ({ logits, labels }) => mean(multiply(logits, labels)),
      /`loss`: .*multiply.*shapes/,
    ],
    ["log(0)", ({ logits }) => sum(divide(logits, constant(0))), /result of the function `loss` became .* at step 1/],
  ])("that returns %s is refused", async (_, loss, message) => {
    expect(await refusal(train(smallJob({ functions: { loss } })))).toMatch(message);
  });

  test("does not go with class weights, which it does not know", async () => {
    const job = smallJob({ recipe: { classWeights: "balanced" }, functions: { loss: brier } });
    expect(await refusal(train(job))).toContain("`classWeights` weight tailor's own loss");
  });
});

describe("an augmentation", () => {
  test("gives the same weights with any number of threads and of steps per call, interrupted or not", async () => {
    const job = (threads: number, stepsPerCall: number) =>
      smallJob({ threads, stepsPerCall, functions: { augment: noisy } });
    const whole = await trainAndCompare(job(1, 1));
    expect((await trainAndCompare(job(2, 3))).hash).toBe(whole.hash);
    let steps = 0;
    const part = await train(job(1, 1), { onStep: () => (++steps === 3 ? "stop" : undefined) });
    expect(part).toMatchObject({ isFinished: false, snapshot: { position: { step: 3 } } });
    expect((await trainAndCompare(job(1, 1), {}, part.snapshot)).hash).toBe(whole.hash);
    expect((await trainAndCompare(smallJob())).hash).not.toBe(whole.hash);
  });

  test("is applied to each image, rounded and clipped; the training images stay", () => {
    const { train: set } = smallSets(8, null);
    const before = allRows(set.images).slice();
    const places: number[] = [];
    const augment: Augment = (pixels, { channels, height, width }) => {
      places.push(channels, height, width);
      return Array.from(pixels.fill(7, 0, 1), (value) => value * 1.5 - 0.2);
    };
    const batches = trainingBatches({ set, batchSize: 8, seed: 1, augment });
    const [own, plain] = [new Uint8Array(before.length), new Uint8Array(before.length)];
    batches.fill(0, own, new Int32Array(8));
    trainingBatches({ set, batchSize: 8, seed: 1 }).fill(0, plain, new Int32Array(8));
    expect(places.slice(0, 3)).toEqual([1, 28, 28]);
    const expected = plain.map((value, i) => Math.min(255, Math.round((i % 784 === 0 ? 7 : value) * 1.5 - 0.2)));
    expect(own).toEqual(expected.map((value, i) => (plain[i] === 0 && i % 784 !== 0 ? 0 : value)));
    expect(allRows(set.images)).toEqual(before);
  });

  test.each<[string, Augment, RegExp]>([
    [
      "another size",
      (pixels) => pixels.subarray(1),
      /`augment`, training image \d+ \(from 0\): returned 195 pixels; it must return 196/,
    ],
    ["nothing", (() => undefined) as unknown as Augment, /returned no pixels \(undefined\)/],
    ["NaN", (pixels) => Float32Array.from(pixels, (value, i) => (i === 5 ? Number.NaN : value)), /pixel 5 is NaN/],
    [
      "an error",
      () => {
        throw new RangeError("too dark");
      },
      /`augment`, training image \d+ \(from 0\): too dark/,
    ],
  ])("that returns %s is refused", async (_, augment, message) => {
    expect(await refusal(train(smallJob({ functions: { augment } })))).toMatch(message);
  });
});

describe("metrics", () => {
  test("are computed on the validation images after each epoch", async () => {
    const { epochs } = await trainAndCompare(
      smallJob({ functions: { metrics: { accuracy, images: ({ labels }) => labels.length } } }),
    );
    expect(epochs).toHaveLength(3);
    for (const { metrics, validationAccuracy } of epochs) {
      expect(metrics).toEqual({ accuracy: validationAccuracy, images: 30 });
    }
  });

  test.each<[string, Metric, RegExp]>([
    ["NaN", () => Number.NaN, /the metric `mine`, epoch 1: returned NaN; it must return a finite number/],
    ["a text", (() => "0.5") as unknown as Metric, /the metric `mine`, epoch 1: returned 0.5/],
    [
      "an error",
      () => {
        throw new Error("no class b");
      },
      /the metric `mine`, epoch 1: no class b/,
    ],
  ])("that give %s are refused", async (_, mine, message) => {
    expect(await refusal(train(smallJob({ functions: { metrics: { mine } } })))).toMatch(message);
  });

  test("need validation images and plain names", async () => {
    const none = smallJob({ data: smallSets(80, null), functions: { metrics: { accuracy } } });
    expect(await refusal(train(none))).toContain("metrics are computed on validation images, and there are none");
    const named = smallJob({ functions: { metrics: { "a b": accuracy } } });
    expect(await refusal(train(named))).toContain('the name "a b" is not allowed');
  });
});

describe("callbacks", () => {
  test("are waited for, and may stop the training", async () => {
    const seen: string[] = [];
    const { isFinished, snapshot } = await train(smallJob(), {
      async onStep({ step }) {
        await Promise.resolve();
        seen.push(`step ${step}`);
      },
      async onEpoch({ epoch }) {
        await Promise.resolve();
        seen.push(`epoch ${epoch}`);
        return "stop";
      },
    });
    expect(seen).toEqual(["step 1", "step 2", "epoch 1"]);
    expect(isFinished).toBe(false);
    expect((await trainAndCompare(smallJob(), {}, snapshot)).hash).toBe((await trainAndCompare(smallJob())).hash);
  });

  test("that fail end it, named", async () => {
    const fails = async () => {
      throw new Error("disk full");
    };
    expect(await refusal(train(smallJob(), { onStep: fails }))).toBe("the callback `onStep`: disk full");
    expect(await refusal(train(smallJob(), { onEpoch: fails }))).toBe("the callback `onEpoch`: disk full");
  });
});

describe("a run", async () => {
  const FOLDER = sharedFolder();
  const data = await loadData({ folder: await smallDataFolder({ train: 120, test: 20, isHalved: true }) });
  const functions: TrainingFunctions = { loss: brier, augment: noisy, metrics: { accuracy } };
  const options: TrainRunOptions = {
    ...{ data, threads: 1, lowering: "standard", runtime: nodeRuntime, stepsPerCall: 1 },
    functions,
  };
  const again = { ...options, allowDifferent: false };
  const run = { recipe: RECIPE, seed: 4, trainOn: "split", limit: null } as const;
  const [whole, part] = [join(FOLDER, "whole"), join(FOLDER, "part")];
  await trainNewRun({ ...run, out: whole }, options);
  await trainNewRun({ ...run, out: part }, { ...options, hooks: { onEpoch: () => "stop" } });

  test("records fingerprints, and metrics of each epoch and of the result", () => {
    const record = readRunRecord(whole);
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(record).toMatchObject({ functions: { loss: sha256, augment: sha256, metrics: { accuracy: sha256 } } });
    const lines = readMetrics(whole);
    expect(lines.map(({ metrics }) => metrics)).toEqual(lines.map((line) => ({ accuracy: line.validationAccuracy })));
    expect(record.result).toMatchObject({ metrics: lines.at(-1)!.metrics });
  });

  test.each<[string, TrainingFunctions | undefined, RegExp]>([
    [
      "without its functions",
      undefined,
      /begun with a function `loss` of a program; .* gives the same one as `functions.loss`/,
    ],
    ["with another loss", { ...functions, loss: crossEntropy }, /another function `loss`/],
    ["with another augmentation", { ...functions, augment: (pixels) => pixels }, /another function `augment`/],
    ["with another metric", { ...functions, metrics: { accuracy: () => 1 } }, /another function `metrics.accuracy`/],
    [
      "with one more metric",
      { ...functions, metrics: { accuracy, one: () => 1 } },
      /begun without a function `metrics.one`/,
    ],
  ])("%s is not resumed, and stays as it is", async (_, others, message) => {
    expect(await refusal(resumeRun(part, { ...again, functions: others }))).toMatch(message);
    expect(readRunRecord(part).status).toBe("running");
    expect(
      await refusal(extendRun(whole, { epochs: 4, out: join(FOLDER, "no") }, { ...again, functions: others })),
    ).toMatch(message);
  });

  test("is resumed with functions that compute the same, to the same weights", async () => {
    const rewritten: TrainingFunctions = {
      loss({ logits, targets }) {
        const difference = subtract(softmax(logits), targets);
        return divide(sum(multiply(difference, difference)), constant(logits.shape[0]!));
      },
      augment: (pixels, context) => Array.from(noisy(pixels, context)),
      metrics: { accuracy },
    };
    await resumeRun(part, { ...again, functions: rewritten });
    expect(readRunRecord(part).result?.weightsSha256).toBe(readRunRecord(whole).result!.weightsSha256);
  });

  test("whose metric fails later can be resumed from its last epoch", async () => {
    const out = join(FOLDER, "failing");
    let epochs = 0;
    const failing: Metric = (inputs) => {
      if (epochs === 1) throw new Error("out of luck");
      return accuracy(inputs);
    };
    const hooks = { onEpoch: () => void epochs++ };
    const failure = trainNewRun(
      { ...run, out },
      { ...options, functions: { ...functions, metrics: { accuracy: failing } }, hooks },
    );
    expect(await refusal(failure)).toBe("the metric `accuracy`, epoch 2: out of luck");
    await resumeRun(out, again);
    expect(readRunRecord(out).result?.weightsSha256).toBe(readRunRecord(whole).result!.weightsSha256);
  });

  test.each<[string, TrainingFunctions, RegExp]>([
    [
      "an augmentation that draws its own numbers",
      { augment: (pixels) => pixels.fill(Math.random() * 256) },
      /`augment` gives another result for the same input/,
    ],
    ["a loss that is no scalar", { loss: ({ logits }) => logits }, /must be a scalar/],
  ])("is not begun with %s", async (_, others, message) => {
    const out = join(FOLDER, "refused");
    expect(await refusal(trainNewRun({ ...run, out }, { ...options, functions: others }))).toMatch(message);
    expect(() => readRunRecord(out)).toThrow();
  });

  test("without functions is not resumed with some", async () => {
    const out = join(FOLDER, "plain");
    const plain = { ...options, functions: undefined };
    await trainNewRun({ ...run, out }, { ...plain, hooks: { onEpoch: () => "stop" } });
    expect(await refusal(resumeRun(out, again))).toMatch(/begun without a function `loss`; leave it out/);
  });
});
