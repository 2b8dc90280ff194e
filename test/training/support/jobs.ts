/** Training jobs small enough for tests, and what two runs of them are compared by. */
import { createHash } from "node:crypto";
import type { ImageSet } from "../../../src/data/image-set.ts";
import { normalizationOf, type TrainingData } from "../../../src/data/training-data.ts";
import { base } from "../../../src/models/study.ts";
import {
  batchNorm,
  conv2d,
  dropout,
  flatten,
  type Layer,
  linear,
  type Model,
  maxPool2d,
  relu,
} from "../../../src/nn/index.ts";
import type { Recipe } from "../../../src/recipes/recipe.ts";
import { nodeRuntime } from "../../../src/runtime/node/index.ts";
import { type TrainingHooks, type TrainingJob, type TrainingSnapshot, train } from "../../../src/training/train.ts";
import { fashionMnist } from "../../support/fashion-mnist.ts";
import { withoutTimes } from "./same-run.ts";
import { firstImages, halved } from "./small-data.ts";

const images = await fashionMnist();

/** The first training images, and as many of the test images as validate. */
export function smallSets(train: number, validation: number | null): { train: ImageSet; validation: ImageSet | null } {
  return {
    train: firstImages(images.train, train),
    validation: validation === null ? null : firstImages(images.test, validation),
  };
}

/** A convolution, with what follows it in the study's networks. */
const convolution = (channels: number, normalized: boolean): Layer[] => [
  conv2d(channels, { kernelSize: 3, padding: 1, bias: !normalized }),
  ...(normalized ? [batchNorm()] : []),
  relu(),
  maxPool2d(2),
];

/** The study's Base Model with fewer channels: what most tests of training are about does not depend on their number. */
export const smallBase: Model = {
  name: "small-base",
  layers: ({ classes }) => [
    ...convolution(8, false),
    ...convolution(16, false),
    flatten(),
    linear(32),
    relu(),
    linear(classes),
  ],
};

/** The same with batch norm and dropout, as the study's Enhanced Model has. */
export const smallEnhanced: Model = {
  name: "small-enhanced",
  layers: ({ classes }) => [
    ...convolution(8, true),
    ...convolution(16, true),
    flatten(),
    linear(32, { bias: false }),
    batchNorm(),
    relu(),
    dropout(0.3),
    linear(classes),
  ],
};

/** A recipe with everything that draws random numbers. */
export const RECIPE: Recipe = {
  name: "test",
  description: "flips, shifts, erasing, smoothing, a moving rate",
  model: base,
  epochs: 3,
  batchSize: 32,
  learningRate: 2e-3,
  schedule: { kind: "oneCycle", riseFraction: 0.4, divFactor: 10, finalDivFactor: 100, anneal: "linear" },
  optimizer: { kind: "adam" },
  labelSmoothing: 0.1,
  augmentation: {
    horizontalFlip: "alternating",
    shift: 1,
    randomErasing: { probability: 0.5, areaFraction: [0.05, 0.2], aspectRatio: [0.5, 2], fill: "random" },
  },
};

export interface JobOptions extends Partial<Omit<TrainingJob, "recipe" | "data">> {
  readonly data?: TrainingData;
  readonly recipe?: Partial<Recipe>;
}

const SMALL = { train: halved(firstImages(images.train, 80)), validation: halved(firstImages(images.test, 30)) };

/** A small network and 80 images of 14 x 14 in batches of 32: epochs end after 2, 5 and 7 steps. */
export function smallJob({ recipe, ...rest }: JobOptions = {}): TrainingJob {
  const data = rest.data ?? SMALL;
  return {
    recipe: { ...RECIPE, model: smallBase, ...recipe },
    data,
    normalization: normalizationOf(data.train),
    seed: 1,
    threads: 1,
    lowering: { kind: "standard" },
    runtime: nodeRuntime,
    stepsPerCall: 1,
    ...rest,
  };
}

/** One hash of all tensors, names and order included. */
export function fingerprint({ tensors }: TrainingSnapshot): string {
  const hash = createHash("sha256");
  for (const [name, data] of tensors) {
    hash.update(`${name} ${data.length}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

export type TimelessEpoch = ReturnType<typeof withoutTimes>;

/** Trains, and gives what does not depend on the clock. */
export async function trainAndCompare(
  job: TrainingJob,
  hooks: Omit<TrainingHooks, "onEpoch"> = {},
  from?: TrainingSnapshot,
) {
  const epochs: TimelessEpoch[] = [];
  const outcome = await train(job, { ...hooks, onEpoch: (result) => epochs.push(withoutTimes(result)) }, from);
  const { step, epoch } = outcome.snapshot.position;
  const sums = { lossSum: epoch.lossSum, correct: epoch.correct, steps: epoch.steps };
  return { ...outcome, epochs, place: { step, sums }, hash: fingerprint(outcome.snapshot) };
}
