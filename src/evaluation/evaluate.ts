import type { Program } from "../compile/program.ts";
import { evaluationBatches } from "../data/batches.ts";
import { type ImageGeometry, type ImageSet, imageBytes, type LabelledSet, type ValuesOf } from "../data/image-set.ts";
import { moveImage } from "../data/move-image.ts";
import { buildModel, type ImageTask, type Model } from "../nn/model.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import { type ClassificationMetrics, gatherMetrics } from "./metrics.ts";

/** Computes logits [batch, classes] of pixels [batch, channels, height, width]; all batches have the same size. */
export type LogitsOf = (pixels: Uint8Array) => Promise<Float32Array>;

/** Options of an evaluation. */
export interface EvaluateOptions {
  readonly batchSize: number;
  /** Test-time augmentation: averages the logits of each image and its mirror image. Default off. */
  readonly averageFlips?: boolean;
  /** Of the probabilities, softmax(logits / temperature): for confidence and calibration. Default 1. */
  readonly temperature?: number | undefined;
}

/** Batch size in evaluation: large enough to keep every core busy, small enough for the caches. */
const EVALUATION_BATCH_SIZE = 250;

/** Values of pixels in a batch of large images, which would need too much memory otherwise: ten images of 3x224x224. */
const MAX_BATCH_VALUES = 10 * 3 * 224 * 224;

/** A single image is evaluated beside an empty one: alone, its results depend on the number of threads in the standard lowering. */
const MIN_BATCH_SIZE = 2;

/**
 * Number of images of this size to evaluate at a time.
 *
 * @param count of all images, where it is known: a batch is not larger, but for a single image
 */
export function evaluationBatchSize(image: ImageGeometry, count = EVALUATION_BATCH_SIZE): number {
  const fitting = Math.floor(MAX_BATCH_VALUES / imageBytes(image));
  return Math.max(MIN_BATCH_SIZE, Math.min(EVALUATION_BATCH_SIZE, fitting, count));
}

/** Classifies every image of a set (and its mirror image, with averaging) and computes metrics against the labels. */
export async function evaluate(
  set: ImageSet,
  logitsOf: LogitsOf,
  { batchSize, averageFlips = false, temperature = 1 }: EvaluateOptions,
): Promise<ClassificationMetrics> {
  const gatherer = gatherMetrics(set.classNames, temperature);
  const mirrored = new Uint8Array(averageFlips ? batchSize * imageBytes(set) : 0);
  for (const { pixels, labels, count } of evaluationBatches(set, batchSize)) {
    // A session may reuse the buffer in its next run.
    let logits = (await logitsOf(pixels)).slice();
    if (averageFlips) {
      mirrorImages(pixels, mirrored, set);
      const other = await logitsOf(mirrored);
      logits = logits.map((logit, i) => (logit + other[i]!) / 2);
    }
    gatherer.add(logits, labels, count);
  }
  return gatherer.metrics();
}

/** The logits of every image of a set, [count, classes]. */
export async function allLogits<Set extends LabelledSet>(
  set: Set,
  logitsOf: (pixels: ValuesOf<Set>) => Promise<Float32Array>,
  batchSize: number,
): Promise<Float32Array> {
  const classes = set.classNames.length;
  const all = new Float32Array(set.count * classes);
  for (const { pixels, start, count } of evaluationBatches(set, batchSize)) {
    all.set((await logitsOf(pixels)).subarray(0, count * classes), start * classes);
  }
  return all;
}

/** Metrics of a set whose logits [count, classes] are known. */
export function metricsOfLogits(set: LabelledSet, logits: Float32Array): ClassificationMetrics {
  const gatherer = gatherMetrics(set.classNames);
  gatherer.add(logits, set.labels, set.count);
  return gatherer.metrics();
}

function mirrorImages(pixels: Uint8Array, mirrored: Uint8Array, set: ImageSet): void {
  for (let start = 0; start < pixels.length; start += imageBytes(set)) {
    moveImage(pixels, start, mirrored, start, set, { mirror: true, upsideDown: false, right: 0, down: 0 });
  }
}

/**
 * A network's inference program with parameters as inputs: pixels uint8 [batch, C, H, W] to `logits` [batch, classes].
 * For validation after each epoch, where the parameters change each time.
 */
export function evaluationProgram(
  model: Model,
  options: { task: ImageTask; batchSize: number; normalization: PixelNormalization },
): Program {
  const graph = buildModel(model, { ...options, mode: "inference" });
  return {
    name: `${model.name} evaluation`,
    feeds: [graph.pixels],
    parameters: graph.tensors.map(({ value }) => value),
    state: [],
    outputs: { logits: graph.logits },
  };
}
