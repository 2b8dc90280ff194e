import type { ImageSet } from "../data/image-set.ts";
import { imageTask, type TrainingDataOptions, trainingParts } from "../data/training-data.ts";
import type { ImageTask } from "../nn/model.ts";
import { modelFacts } from "../nn/model-facts.ts";
import { MAX_EPOCHS, type Recipe } from "./recipe.ts";

/** Minimum number of steps: with fewer, no network learned in our experiments, even from easy images. */
const MIN_STEPS = 300;
/** Minimum number of batches per epoch, if there are enough images. */
const MIN_BATCHES = 6;
/** Minimum batch size: batch norm's statistics of fewer images are mostly noise. */
const MIN_BATCH_SIZE = 8;
/** Limit on multiply-adds when epochs are increased: about ten minutes on two cores. */
const MAX_MULTIPLY_ADDS = 3e13;
/** A training step is a forward pass and a backward pass at twice its cost. */
const PASSES = 3;

/** Fields of a recipe that are adapted to the number of images, unless given. */
export const FITTED_FIELDS = ["batchSize", "epochs"] as const;
/** One of `FITTED_FIELDS`. */
export type FittedField = (typeof FITTED_FIELDS)[number];

/** A recipe fitted to a number of images. */
export interface FittedRecipe {
  readonly recipe: Recipe;
  /** The recipe's values before; undefined if it is unchanged. */
  readonly fittedFrom?: Pick<Recipe, FittedField>;
}

/** Options of `fitToImages`. */
export interface FitOptions {
  /** Number of training images. */
  readonly images: number;
  readonly task: ImageTask;
  /** Explicitly given fields, which are not changed. */
  readonly given?: readonly FittedField[] | undefined;
}

/** The fitted values of a recipe, and what a forward pass of one image costs. */
export interface FittedValues extends Pick<Recipe, FittedField> {
  /** Only asked for where epochs are increased. */
  readonly multiplyAdds: () => number;
}

/**
 * Adapts a recipe to the number of images. tailor's recipes are for tens of thousands; a few hundred would be one or
 * two steps per epoch. The batch size is then reduced (to a power of two, at least 8, so that an epoch has at least six
 * batches), and epochs are increased (to at least 300 steps, up to about ten minutes). For many images the recipe is
 * unchanged.
 */
export function fitToImages(recipe: Recipe, { images, task, given }: FitOptions): FittedRecipe {
  const multiplyAdds = () => modelFacts(recipe.model, task).multiplyAdds;
  const { batchSize, epochs } = fitValues({ ...recipe, multiplyAdds }, { images, given });
  if (batchSize === recipe.batchSize && epochs === recipe.epochs) return { recipe };
  const fittedFrom = { batchSize: recipe.batchSize, epochs: recipe.epochs };
  return { recipe: { ...recipe, batchSize, epochs }, fittedFrom };
}

/** The values that `fitToImages` gives a recipe. */
export function fitValues(
  values: FittedValues,
  { images, given = [] }: Pick<FitOptions, "images" | "given">,
): Pick<Recipe, FittedField> {
  const batchSize = given.includes("batchSize") ? values.batchSize : batchSizeFor(images, values.batchSize);
  const epochs = given.includes("epochs") ? values.epochs : epochsFor({ ...values, batchSize }, images);
  return { batchSize, epochs };
}

/**
 * Adapts a recipe to the training images that `trainingData` selects.
 *
 * @throws UserError when `limit` is not from 1 to the number of training images
 */
export function fitToTraining(
  recipe: Recipe,
  images: ImageSet,
  { given, ...options }: TrainingDataOptions & Pick<FitOptions, "given">,
): FittedRecipe {
  const { train } = trainingParts(images, options);
  return fitToImages(recipe, { images: train.length, task: imageTask(images), given });
}

function batchSizeFor(images: number, most: number): number {
  if (images >= MIN_BATCHES * most) return most;
  const power = 2 ** Math.floor(Math.log2(images / MIN_BATCHES));
  return Math.min(most, images, Math.max(MIN_BATCH_SIZE, power));
}

function epochsFor({ epochs, batchSize, multiplyAdds }: FittedValues, images: number): number {
  const wanted = Math.ceil((MIN_STEPS * batchSize) / images);
  if (wanted <= epochs) return epochs;
  const affordable = Math.floor(MAX_MULTIPLY_ADDS / (PASSES * multiplyAdds() * images));
  return Math.max(epochs, Math.min(wanted, affordable, MAX_EPOCHS));
}
