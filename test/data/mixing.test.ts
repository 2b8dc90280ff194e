import { describe, expect, test } from "vitest";
import { trainingBatches } from "../../src/data/batches.ts";
import { imageBytes } from "../../src/data/image-set.ts";
import { type Mixing, mixBatch } from "../../src/data/mixing.ts";
import { flatten, linear, type Model } from "../../src/nn/index.ts";
import { buildModel, withoutNormalization } from "../../src/nn/model.ts";
import { createOptimizer } from "../../src/optim/index.ts";
import { randomStream } from "../../src/random.ts";
import { stepFeeds } from "../../src/training/step-feeds.ts";
import { MIXING } from "../../src/training/training-program.ts";
import { numberedSet } from "./fixtures.ts";

const GEOMETRY = { channels: 2, height: 6, width: 5 };
const SIZE = imageBytes(GEOMETRY);
/** Three images: all 10, all 20, all 40. The middle one is its own partner. */
const batch = () => Uint8Array.from({ length: 3 * SIZE }, (_, i) => [10, 20, 40][Math.floor(i / SIZE)]!);
const mixed = (mixing: Mixing, step: number) => {
  const pixels = batch();
  return { share: mixBatch(pixels, GEOMETRY, mixing, randomStream(1, "mix", step)), pixels };
};
const STEPS = Array.from({ length: 200 }, (_, step) => step);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("mixup", () => {
  test("weighs each image and its partner by the share, and rounds", () => {
    const { share, pixels } = mixed({ kind: "mixup", probability: 1, alpha: 1 }, 0);
    const expected = [10 * share + 40 * (1 - share), 20, 40 * share + 10 * (1 - share)].map(Math.round);
    expect(pixels).toEqual(Uint8Array.from({ length: 3 * SIZE }, (_, i) => expected[Math.floor(i / SIZE)]!));
  });

  test.each([
    [1, 1 / 12],
    // The variance of Beta(a, a) is 1 / (4 (2 a + 1)).
    [0.2, 1 / 5.6],
  ])("draws shares of Beta(%d, %d): mean 1/2, the variance of the distribution", (alpha, variance) => {
    const shares = STEPS.map((step) => mixed({ kind: "mixup", probability: 1, alpha }, step).share);
    expect(Math.abs(mean(shares) - 0.5)).toBeLessThan(4 * Math.sqrt(variance / STEPS.length));
    expect(mean(shares.map((share) => (share - 0.5) ** 2)) / variance).toBeCloseTo(1, 0.3);
  });

  test("leaves batches alone with the given probability", () => {
    const results = STEPS.map((step) => mixed({ kind: "mixup", probability: 0.3, alpha: 1 }, step));
    const alone = results.filter(({ share }) => share === 1);
    for (const { pixels } of alone) expect(pixels).toEqual(batch());
    expect(Math.abs(alone.length - 140)).toBeLessThan(4 * Math.sqrt(200 * 0.3 * 0.7));
  });
});

test("cutmix takes a box from the partner, in every channel; the share is exactly that of the pixels that stay", () => {
  for (const step of STEPS) {
    const { share, pixels } = mixed({ kind: "cutmix", probability: 1, alpha: 1 }, step);
    const channel = SIZE / 2;
    const first = pixels.subarray(0, channel);
    expect(pixels.subarray(channel, SIZE)).toEqual(first);
    expect(first.every((pixel) => pixel === 10 || pixel === 40)).toBe(true);
    expect(first.filter((pixel) => pixel === 10).length / channel).toBeCloseTo(share, 12);
    expect(pixels.subarray(2 * SIZE)).toEqual(pixels.slice(0, SIZE).map((pixel) => 50 - pixel));
  }
});

test("feeds have the partners' labels and each step's share, however many steps are prepared at a time", () => {
  const set = numberedSet(12);
  const augmentation = { mixing: { kind: "cutmix", probability: 0.5, alpha: 1 } } as const;
  const batches = trainingBatches({ set, batchSize: 4, seed: 3, augmentation });
  const { channels, height, width } = set;
  const task = { channels, height, width, classes: set.classNames.length };
  const model: Model = { name: "one layer", layers: ({ classes }) => [flatten(), linear(classes)] };
  const graph = buildModel(model, { task, batchSize: 4, mode: "training", normalization: withoutNormalization(task) });
  const optimizer = createOptimizer({ kind: "sgd" });
  const feeds = stepFeeds({ graph, batches, optimizer, averaging: undefined, isMixed: true, seed: 3 });
  const together = structuredClone(feeds.fill(0, [1, 1, 1]));
  const labels = [...(together.labels as Int32Array)];
  expect([...(together[MIXING.labels] as Int32Array)]).toEqual(
    [0, 4, 8].flatMap((start) => labels.slice(start, start + 4).reverse()),
  );
  const last = structuredClone(feeds.fill(2, [1]));
  for (const name of ["pixels", "labels", MIXING.labels, MIXING.share]) {
    expect(last[name]).toEqual(together[name]!.slice(-last[name]!.length));
  }
});
