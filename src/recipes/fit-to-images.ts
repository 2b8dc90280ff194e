import type { ImageSet } from "../data/image-set.ts";
import { imageTask, type TrainingDataOptions, trainingParts } from "../data/training-data.ts";
import type { ImageTask } from "../nn/model.ts";
import { modelFacts } from "../nn/model-facts.ts";
import { MAX_EPOCHS, type Recipe } from "./recipe.ts";

/** Steps below which no network here was seen to learn, however easy its images. */
const MIN_STEPS = 300;
/** Batches that make an epoch, where the images allow it. */
const MIN_BATCHES = 6;
/** Batch norm's statistics of fewer images are mostly noise. */
const MIN_BATCH_SIZE = 8;
/** More epochs than the recipe's are chosen up to so many multiply-adds: some ten minutes on two cores. */
const MAX_MULTIPLY_ADDS = 3e13;
/** A training step is a forward pass and, at twice its cost, a backward pass. */
const PASSES = 3;

/** What of a recipe follows from the number of images, unless it was given. */
export const FITTED_FIELDS = ["batchSize", "epochs"] as const;
/** One of `FITTED_FIELDS`. */
export type FittedField = (typeof FITTED_FIELDS)[number];

/** A recipe fitted to a number of images. */
export interface FittedRecipe {
  readonly recipe: Recipe;
  /** What the recipe had before; left out: it stayed as it was. */
  readonly fittedFrom?: Pick<Recipe, FittedField>;
}

/** What a recipe is fitted to. */
export interface FitOptions {
  /** Images that train. */
  readonly images: number;
  readonly task: ImageTask;
  /** Fields that were given, which stay. */
  readonly given?: readonly FittedField[] | undefined;
}

/**
 * A recipe for as many images as there are. tailor's recipes are for tens of thousands; a few hundred would make a step or
 * two an epoch. Batches then become smaller (a power of two, at least 8, so that six make an epoch), and epochs more (at
 * least 300 steps, as long as that takes about ten minutes at most). For many images the recipe stays as it is.
 */
export function fitToImages(recipe: Recipe, { images, task, given = [] }: FitOptions): FittedRecipe {
  const batchSize = given.includes("batchSize") ? recipe.batchSize : batchSizeFor(images, recipe.batchSize);
  const epochs = given.includes("epochs") ? recipe.epochs : epochsFor({ ...recipe, batchSize }, images, task);
  if (batchSize === recipe.batchSize && epochs === recipe.epochs) return { recipe };
  const fittedFrom = { batchSize: recipe.batchSize, epochs: recipe.epochs };
  return { recipe: { ...recipe, batchSize, epochs }, fittedFrom };
}

/**
 * A recipe for the images that a training takes of these (`trainingData`).
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

function epochsFor(
  { model, epochs, batchSize }: Pick<Recipe, FittedField | "model">,
  images: number,
  task: ImageTask,
): number {
  const wanted = Math.ceil((MIN_STEPS * batchSize) / images);
  if (wanted <= epochs) return epochs;
  const affordable = Math.floor(MAX_MULTIPLY_ADDS / (PASSES * modelFacts(model, task).multiplyAdds * images));
  return Math.max(epochs, Math.min(wanted, affordable, MAX_EPOCHS));
}
