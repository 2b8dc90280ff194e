import type { ImageTask } from "../nn/model.ts";
import { type ImageSet, type LabelledSet, pixelStatistics, selectImages } from "./image-set.ts";
import { type Fold, foldSplit, limitTraining, type Split, stratifiedSplit } from "./split.ts";

/**
 * One training image in twelve is set aside for validation (to choose recipes and epochs): 5,000 of Fashion-MNIST's
 * 60,000.
 */
const VALIDATION_SHARE = 1 / 12;

/** Number of training images when the others are set aside for validation. */
export function trainingCount({ count, validation }: Pick<ImageSet, "count" | "validation">): number {
  return count - (validation?.length ?? Math.floor(count * VALIDATION_SHARE));
}

/** The images of a training run, divided into training and validation. */
export interface TrainingData {
  readonly train: ImageSet;
  /** Null when all images are used for training. */
  readonly validation: ImageSet | null;
}

/** Images or features, divided like `TrainingData`. */
export interface LabelledData {
  readonly train: LabelledSet;
  readonly validation: LabelledSet | null;
}

/** How images are divided into training and validation. */
export interface TrainingDataOptions {
  /** "split" sets validation images aside; "all" trains on all images. */
  readonly trainOn: "split" | "all";
  /** Number of training images to use, after the split; null: all. */
  readonly limit: number | null;
  /** The fold that validates, in a cross-validation: in place of the usual split. */
  readonly fold?: Fold | undefined;
}

/** Ascending indices of the training and the validation images; `validation` is null when all are used for training. */
export interface TrainingParts {
  readonly train: Uint32Array;
  readonly validation: Uint32Array | null;
}

/**
 * Divides images into training and validation, as indices, without copying.
 *
 * @throws UserError when `limit` is not from 1 to the number of training images, or a class has fewer images than there
 *   are folds
 */
export function trainingParts(images: ImageSet, { trainOn, limit, fold }: TrainingDataOptions): TrainingParts {
  const split = trainOn === "all" ? null : fold ? foldSplit(images.labels, images.classNames, fold) : splitOf(images);
  const chosen = split?.train ?? Uint32Array.from(images.labels.keys());
  const train = limit === null ? chosen : limitTraining(chosen, limit, images.labels);
  return { train, validation: split?.validation ?? null };
}

/**
 * Divides images into training and validation.
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

/** The split defined by the data, or else a drawn one. */
function splitOf({ validation, labels, count, classNames }: ImageSet): Split {
  if (!validation) {
    return stratifiedSplit(labels, { classes: classNames.length, validation: count - trainingCount({ count }) });
  }
  const isValidation = new Set(validation);
  return { train: Uint32Array.from(labels.keys()).filter((index) => !isValidation.has(index)), validation };
}

/** The task of classifying these images. */
export function imageTask({ channels, height, width, classNames }: LabelledSet): ImageTask {
  return { channels, height, width, classes: classNames.length };
}

/** Normalisation by these images' mean and standard deviation; a channel without contrast is only centred. */
export function normalizationOf(images: ImageSet): { mean: number[]; standardDeviation: number[] } {
  const { mean, standardDeviation } = pixelStatistics(images);
  return { mean, standardDeviation: standardDeviation.map((deviation) => (deviation > 0 ? deviation : 1)) };
}
