import type { ImageTask } from "../nn/model.ts";
import { type ImageSet, pixelStatistics, selectImages } from "./image-set.ts";
import { limitTraining, type Split, stratifiedSplit } from "./split.ts";

/** One training image in twelve is set aside to choose everything by (recipe, epochs): 5,000 of Fashion-MNIST's 60,000. */
const VALIDATION_SHARE = 1 / 12;

/** How many images train when the split sets the others aside to validate. */
export function trainingCount({ count, validation }: Pick<ImageSet, "count" | "validation">): number {
  return count - (validation?.length ?? Math.floor(count * VALIDATION_SHARE));
}

/** The images of a training run, divided. */
export interface TrainingData {
  readonly train: ImageSet;
  /** Null when all images train. */
  readonly validation: ImageSet | null;
}

/** How images are divided. */
export interface TrainingDataOptions {
  /** "split" sets validation images aside; "all" trains on them too. */
  readonly trainOn: "split" | "all";
  /** Number of training images to use, after the split; null: all. */
  readonly limit: number | null;
}

/** Which images train and which validate, as ascending indices; null when all train. */
export interface TrainingParts {
  readonly train: Uint32Array;
  readonly validation: Uint32Array | null;
}

/**
 * Says which of the images that may be trained on train, and which validate; copies none.
 *
 * @throws UserError when `limit` is not from 1 to the number of training images
 */
export function trainingParts(images: ImageSet, { trainOn, limit }: TrainingDataOptions): TrainingParts {
  const split = trainOn === "all" ? null : splitOf(images);
  const chosen = split?.train ?? Uint32Array.from(images.labels.keys());
  const train = limit === null ? chosen : limitTraining(chosen, limit, images.labels);
  return { train, validation: split?.validation ?? null };
}

/**
 * Divides the images that may be trained on.
 *
 * @throws UserError when `limit` is not from 1 to the number of training images
 */
export function trainingData(images: ImageSet, options: TrainingDataOptions): TrainingData {
  const { train, validation } = trainingParts(images, options);
  return {
    train: train.length === images.count ? images : selectImages(images, train),
    validation: validation && selectImages(images, validation),
  };
}

/** The split that the data brings along, or one that is drawn. */
function splitOf({ validation, labels, count, classNames }: ImageSet): Split {
  if (!validation) {
    return stratifiedSplit(labels, { classes: classNames.length, validation: count - trainingCount({ count }) });
  }
  const isValidation = new Set(validation);
  return { train: Uint32Array.from(labels.keys()).filter((index) => !isValidation.has(index)), validation };
}

/** What a network is shown and asked for when it classifies these images. */
export function imageTask({ channels, height, width, classNames }: ImageSet): ImageTask {
  return { channels, height, width, classes: classNames.length };
}

/** Normalisation by these images' own mean and deviation; a channel without contrast is only centred. */
export function normalizationOf(images: ImageSet): { mean: number[]; standardDeviation: number[] } {
  const { mean, standardDeviation } = pixelStatistics(images);
  return { mean, standardDeviation: standardDeviation.map((deviation) => (deviation > 0 ? deviation : 1)) };
}
