import { describe, expect, onTestFinished, test, vi } from "vitest";
import { trainingBatches } from "../../src/data/batches.ts";
import { base, enhanced } from "../../src/models/study.ts";
import { initialTensors } from "../../src/nn/model.ts";
import type { TrainingProgress } from "../../src/training/progress.ts";
import { dropoutMasks } from "../../src/training/step-feeds.ts";
import { train } from "../../src/training/train.ts";
import { lowerings } from "../support/run-program.ts";
import { failureOf } from "./support/failure.ts";
import { fingerprint, type JobOptions, RECIPE, smallJob, smallSets, trainAndCompare } from "./support/jobs.ts";
import { type Script, scriptedRuntime } from "./support/scripted-runtime.ts";
import { halved } from "./support/small-data.ts";

/** A job on a scripted runtime: by default 80 images in batches of 32, epochs ending after 2, 5 and 7 steps. */
function scripted(script: Script, options: JobOptions = {}) {
  const { runtime, recording } = scriptedRuntime(script);
  return { job: smallJob({ ...options, runtime }), recording };
}

describe("training on real images", () => {
  test.each(lowerings())(
    "learns: the loss falls every epoch, validation far above chance ($kind)",
    async (lowering) => {
      const recipe = { model: base, epochs: 4, batchSize: 40, augmentation: { horizontalFlip: "random" } } as const;
      const { train, validation } = smallSets(400, 200);
      const data = { train: halved(train), validation: halved(validation!) };
      const { epochs } = await trainAndCompare(smallJob({ recipe, lowering, data }));
      const losses = epochs.map(({ trainLoss }) => trainLoss);
      expect(losses).toEqual(losses.toSorted((a, b) => b - a));
      // Ten classes: chance is 0.1, a loss of ln 10 = 2.30.
      expect(losses[0]).toBeLessThan(2.4);
      expect(losses[3]).toBeLessThan(1.2);
      expect(epochs[3]!.validationAccuracy).toBeGreaterThan(0.55);
      expect(epochs[3]!.validationLoss).toBeLessThan(1.3);
    },
  );
});

describe("an epoch", () => {
  test.each([
    [80, 32, [2, 5, 7]],
    [64, 32, [2, 4, 6]],
    [33, 32, [1, 2, 3]],
    [63, 32, [1, 3, 5]],
    [32, 32, [1, 2, 3]],
    [10, 3, [3, 6, 10]],
  ])(
    "of %i images in batches of %i ends after floor(images x epochs / batch) steps: %j",
    async (images, batchSize, ends) => {
      const { job, recording } = scripted({}, { recipe: { batchSize }, data: smallSets(images, null) });
      const { epochs, place } = await trainAndCompare(job);
      expect(epochs.map(({ step }) => step)).toEqual(ends);
      expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
      expect(recording.steps).toHaveLength(ends[2]!);
      expect(place).toEqual({ step: ends[2], sums: { lossSum: 0, correct: 0, steps: 0 } });
    },
  );

  test("reports the means over its own batches: loss without smoothing, accuracy on the images it used", async () => {
    const { job } = scripted({ loss: (step) => 7 - step, correct: (step) => 2 ** step / 8 });
    const { epochs } = await trainAndCompare(job);
    expect(epochs.map(({ trainLoss }) => trainLoss)).toEqual([(7 + 6) / 2, (5 + 4 + 3) / 3, (2 + 1) / 2]);
    const correct = [3 / 8, 28 / 8, 96 / 8];
    expect(epochs.map(({ trainAccuracy }) => trainAccuracy)).toEqual([
      correct[0]! / 64,
      correct[1]! / 96,
      correct[2]! / 64,
    ]);
  });

  test("is validated with the tensors at its end; padding is not counted", async () => {
    const update = (value: number) => value + 1;
    // Label 9 wins by a logit of ln 9: a loss of ln(1 + 9 / 9) for it, ln 18 for all others.
    const logit = (_: number, label: number) => (label === 9 ? Math.log(9) : 0);
    const data = smallSets(80, 260);
    const { job, recording } = scripted({ update, logit }, { data });
    const { epochs, graph } = await trainAndCompare(job);
    const first = initialTensors(graph, job.seed);
    const bias = first.get("fc2.bias")![0]!;
    expect(recording.validated.map((tensors) => tensors["fc2.bias"]! - bias)).toEqual([
      expect.closeTo(2, 5),
      expect.closeTo(5, 5),
      // The probabilities are fitted to these logits.
      expect.closeTo(7, 5),
    ]);
    const nines = data.validation!.labels.filter((label) => label === 9).length;
    expect(epochs[0]!.validationAccuracy).toBe(nines / 260);
    const loss = (nines * Math.log(2) + (260 - nines) * Math.log(18)) / 260;
    expect(epochs[0]!.validationLoss).toBeCloseTo(loss, 6);
    const everyLabel = (label: number) => data.validation!.labels.filter((other) => other === label).length;
    const toNine = data.validation!.classNames.map((_, label) => [0, 0, 0, 0, 0, 0, 0, 0, 0, everyLabel(label)]);
    expect(epochs[0]!.validationConfusion).toEqual(toNine);
  });

  test.each([
    [32, true],
    [33, false],
  ])("of %i classes: the confusion matrix is reported: %s", async (classes, isTold) => {
    const classNames = Array.from({ length: classes }, (_, i) => `class ${i}`);
    const { train: images, validation } = smallSets(80, 40);
    const data = { train: { ...images, classNames }, validation: { ...validation!, classNames } };
    const { epochs } = await trainAndCompare(scripted({ classes }, { data }).job);
    expect(epochs.map(({ validationConfusion }) => validationConfusion?.length)).toEqual(
      new Array(3).fill(isTold ? classes : undefined),
    );
  });

  test("is validated with the averages if the recipe has averaging; they start at zero, as the first step has weight 1", async () => {
    const averaging = { kind: "exponential", decay: 0.9 } as const;
    const { job, recording } = scripted({ update: (value) => value + 1 }, { recipe: { averaging } });
    const { tensors, snapshot } = await trainAndCompare(job);
    expect(recording.validated.map((validated) => validated["fc2.bias"])).toEqual([2, 5, 7]);
    expect(tensors.get("fc2.bias")).toEqual(snapshot.tensors.get("fc2.bias.average"));
    expect([...tensors.keys()]).toEqual([...snapshot.tensors.keys()].filter((name) => !/exp_avg|average/.test(name)));
    const shares = recording.steps.map((feeds) => feeds["averaging.share"]![0]);
    expect(shares.slice(0, 3)).toEqual([1, Math.fround(9 / 11), Math.fround(9 / 12)]);
  });

  test("has no validation and no second session if all images are used for training", async () => {
    const { job, recording } = scripted({}, { data: smallSets(80, null) });
    const { epochs } = await trainAndCompare(job);
    expect(epochs.map(({ validationLoss, validationAccuracy }) => [validationLoss, validationAccuracy])).toEqual([
      [null, null],
      [null, null],
      [null, null],
    ]);
    expect(epochs[0]).not.toHaveProperty("validationConfusion");
    expect([recording.opened, recording.released]).toEqual([1, 1]);
  });
});

describe("an engine run", () => {
  test("executes several steps, but never beyond an epoch; each step is fed and counted as if it were alone", async () => {
    const script = { loss: (step: number) => 1 + step / 8, correct: (step: number) => step };
    const recipe = { model: enhanced };
    const alone = scripted(script, { recipe });
    const together = scripted(script, { recipe, stepsPerCall: 2 });
    const [one, two] = [await trainAndCompare(alone.job), await trainAndCompare(together.job)];
    // Epochs end after 2, 5 and 7 steps.
    expect(alone.recording.runs).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(together.recording.runs).toEqual([2, 2, 1, 2]);
    expect(together.recording.steps).toEqual(alone.recording.steps);
    expect([two.epochs, two.place]).toEqual([one.epochs, one.place]);
  });

  test("with a non-finite loss fails with the number of its step", async () => {
    const { job } = scripted({ loss: (step) => (step >= 3 ? Number.NaN : 1) }, { stepsPerCall: 3 });
    await expect(train(job)).rejects.toThrow("the loss became NaN at step 4 (epoch 2)");
  });

  // Epochs of 50 steps: one, then as many as are done in two seconds, and at most 16.
  test.each([
    [1, [1, 16, 16, 16, 1]],
    [200, [1, 10, 10, 10, 10, 9]],
    [1500, [1, 1, 1]],
    [3000, [1, 1, 1]],
  ])("executes by default as many steps of %d ms as take two seconds", async (milliseconds, runs) => {
    let clock = 0;
    const spy = vi.spyOn(performance, "now").mockImplementation(() => clock);
    onTestFinished(() => spy.mockRestore());
    const loss = () => {
      clock += milliseconds;
      return 1;
    };
    const { job, recording } = scripted({ loss }, { stepsPerCall: undefined, data: smallSets(1600, null) });
    await train(job, { isStopRequested: () => recording.runs.length === runs.length });
    expect(recording.runs).toEqual(runs);
  });
});

describe("a step", () => {
  test("is fed its batch, augmented; the optimizer's scalars count steps from 1", async () => {
    const { job, recording } = scripted({});
    await train(job);
    const { batchSize, augmentation } = RECIPE;
    const batches = trainingBatches({ set: job.data.train, batchSize, seed: job.seed, augmentation });
    const [pixels, labels] = [new Uint8Array(batchSize * 14 * 14), new Int32Array(batchSize)];
    recording.steps.forEach((feeds, step) => {
      batches.fill(step, pixels, labels);
      expect(feeds.pixels).toEqual(pixels);
      expect(feeds.labels).toEqual(labels);
    });
    // oneCycle over 7 steps: up from 2e-4 at step 0 to 2e-3 at step 0.4 x 7 - 1 = 1.8.
    const rate = 2e-4 + (2e-3 - 2e-4) / 1.8;
    const stepSize = (rate / (1 - 0.9 ** 2)) * Math.sqrt(1 - 0.999 ** 2);
    expect(recording.steps[1]!["optimizer.stepSize"]).toEqual(Float32Array.of(stepSize));
    expect(recording.steps[1]!["optimizer.scaledEpsilon"]).toEqual(Float32Array.of(1e-8 * Math.sqrt(1 - 0.999 ** 2)));
  });

  test("is fed its own dropout masks", async () => {
    const { job, recording } = scripted({}, { recipe: { model: enhanced, epochs: 1 } });
    const { graph } = await train(job);
    const [mask] = dropoutMasks(graph.masks, job.seed);
    const bytes = new Uint8Array(mask!.size);
    expect(recording.steps).toHaveLength(2);
    recording.steps.forEach((feeds, step) => {
      mask!.fill(step, bytes);
      expect(feeds["dropout1.mask"]).toEqual(bytes);
    });
  });

  test("has the rate of its position in the epoch, which need not be a whole number of steps", async () => {
    const schedule = { kind: "step", everyEpochs: 1, factor: 0.5 } as const;
    const recipe = { schedule, optimizer: { kind: "sgd" }, learningRate: 1 } as const;
    const { job, recording } = scripted({}, { recipe });
    const { epochs } = await trainAndCompare(job);
    // 80 / 32 = 2.5 steps an epoch: the rate falls at steps 2.5 and 5.
    const rates = recording.steps.map((feeds) => feeds["optimizer.rate"]![0]);
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.25, 0.25]);
    expect(epochs.map(({ learningRate }) => learningRate)).toEqual([1, 0.5, 0.25]);
  });

  test("reports progress: means of the epoch so far, rate, speed, time left", async () => {
    const { job } = scripted({ loss: (step) => step, correct: () => 8 });
    const seen: TrainingProgress[] = [];
    await train(job, { onStep: (progress) => seen.push(progress) });
    expect(seen.map(({ epoch, step, loss }) => [epoch, step, loss])).toEqual([
      [1, 1, 0],
      [1, 2, 0.5],
      [2, 3, 2],
      [2, 4, 2.5],
      [2, 5, 3],
      [3, 6, 5],
      [3, 7, 5.5],
    ]);
    for (const { epochs, totalSteps, accuracy, imagesPerSecond, secondsLeft, step } of seen) {
      expect({ epochs, totalSteps, accuracy }).toEqual({ epochs: 3, totalSteps: 7, accuracy: 0.25 });
      expect(imagesPerSecond * secondsLeft).toBeCloseTo((7 - step) * 32, 6);
    }
  });

  test("after which a stop is requested is the last one", async () => {
    const { job, recording } = scripted({ loss: (step) => step });
    let asked = 0;
    const { isFinished, place } = await trainAndCompare(job, { isStopRequested: () => ++asked === 4 });
    expect({ isFinished, place, steps: recording.steps.length }).toEqual({
      isFinished: false,
      place: { step: 4, sums: { lossSum: 2 + 3, correct: 0, steps: 2 } },
      steps: 4,
    });
  });
});

describe("training that diverges", () => {
  const advice = "Try a lower learning rate (`learningRate`, now 0.002), or a schedule that warms up";

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "stops at the step whose loss is %d, earlier epochs told",
    async (bad) => {
      const { job, recording } = scripted({ loss: (step) => (step === 3 ? bad : 1) });
      const ended: number[] = [];
      const { message } = await failureOf(train(job, { onEpoch: ({ epoch }) => ended.push(epoch) }));
      expect(message).toBe(`training diverged: the loss became ${bad} at step 4 (epoch 2). ${advice}`);
      expect(ended).toEqual([1]);
      expect(recording.released).toBe(2);
    },
  );

  test("stops at the end of an epoch with a non-finite validation loss", async () => {
    const { job } = scripted({ logit: () => Number.NaN });
    const { message } = await failureOf(train(job));
    expect(message).toBe(`training diverged: the validation loss became NaN at step 2 (epoch 1). ${advice}`);
  });

  test("does not return non-finite weights, also without validation", async () => {
    const update = (value: number, step: number) => (step === 6 ? Number.POSITIVE_INFINITY : value);
    const { job } = scripted({ update }, { data: smallSets(80, null) });
    const { message } = await failureOf(train(job));
    expect(message).toBe(`training diverged: a number of conv1.weight became Infinity at step 7 (epoch 3). ${advice}`);
  });
});

test("a batch that is larger than the data is refused", async () => {
  const { job } = scripted({}, { recipe: { batchSize: 81 } });
  expect((await failureOf(train(job))).message).toMatch(/batch size: 81 is more than the 80 training images/);
});

test("training starts from the initial tensors of its seed, with optimizer state of zeros", async () => {
  const { job } = scripted({}, { seed: 12 });
  const { snapshot, graph } = await train(job);
  const expected = initialTensors(graph, 12);
  for (const [name, data] of expected) {
    expect(fingerprint({ ...snapshot, tensors: new Map([[name, snapshot.tensors.get(name)!]]) })).toBe(
      fingerprint({ ...snapshot, tensors: new Map([[name, data]]) }),
    );
  }
  expect([...snapshot.tensors.keys()].filter((name) => name.startsWith("fc2."))).toEqual([
    "fc2.weight",
    "fc2.weight.exp_avg",
    "fc2.weight.exp_avg_sq",
    "fc2.bias",
    "fc2.bias.exp_avg",
    "fc2.bias.exp_avg_sq",
  ]);
  expect(snapshot.tensors.get("fc1.weight.exp_avg_sq")!.every((value) => value === 0)).toBe(true);
});
