import type { Augmentation } from "../data/augmentation.ts";
import type { ImageSet } from "../data/image-set.ts";
import { normalizationOf } from "../data/training-data.ts";
import { UserError } from "../errors.ts";
import type { Backbone } from "../formats/backbone.ts";
import type { Model } from "../nn/index.ts";
import { type Averaging, checkAveraging } from "../optim/averaging.ts";
import { createOptimizer, type OptimizerSpec } from "../optim/index.ts";
import { checkSchedule, type Schedule } from "../optim/schedules.ts";
import { checkFineTune, type FineTune, type Pretrained } from "./fine-tune.ts";

/** Views of each training image, whose features are computed once and used in turn, one an epoch. */
export interface Views {
  /** The image itself and so many less one augmented ones; 2 or more. */
  readonly count: number;
  /** Of their augmentation: runs of several seeds share the same views. */
  readonly seed: number;
}

/** Upper bound for views of an image. */
export const MAX_VIEWS = 32;

/** All settings of a training. A recipe and a seed determine a run. */
export interface Recipe {
  readonly name: string;
  /** One human-readable line. */
  readonly description: string;
  readonly model: Model;
  readonly epochs: number;
  readonly batchSize: number;
  /** Peak learning rate of the schedule. */
  readonly learningRate: number;
  readonly schedule: Schedule;
  readonly optimizer: OptimizerSpec;
  /** Label smoothing factor; 0 for none. */
  readonly labelSmoothing: number;
  readonly augmentation: Augmentation;
  /** Weight averaging. If given, validation, saved weights and model use the average, else the last step's weights. */
  readonly averaging?: Averaging;
  /**
   * Weights of the classes in the loss, for classes of unequal size: one per class, or "balanced" (images / (classes x
   * images of the class), as in scikit-learn). PyTorch's cross_entropy with `weight`. Default: all count the same.
   */
  readonly classWeights?: "balanced" | readonly number[];
  /** "balanced": every class is drawn equally often, images of small classes repeatedly. Default: every image once an epoch. */
  readonly sampling?: "balanced";
  /** Gradient clipping: the gradients of all parameters are scaled down to this norm (PyTorch's clip_grad_norm_). */
  readonly maxGradientNorm?: number;
  /**
   * Early stopping: training ends after this many epochs in a row without a better validation accuracy (of equal ones,
   * without a lower loss). Default: all epochs are trained.
   */
  readonly patience?: number;
  /** Whose weights are the run's: the last epoch's (default), or those of the best by validation accuracy, then loss. */
  readonly keep?: "best" | "last";
  /** The frozen network whose features are the model's input; trained is only the model, its head. */
  readonly backbone?: Backbone;
  /** Units of a hidden layer in the head of `transfer`; without it the head is a linear classifier. */
  readonly hidden?: number;
  /** With a backbone: trains on several views of each image, made by `augmentation`. Default: on the image alone. */
  readonly views?: Views;
  /** Weights to start from, in place of drawn ones; the head is drawn where it is for other classes. */
  readonly pretrained?: Pretrained;
  /** Which layers are trained when, and at which rates. Default: all of them, at the same rate. */
  readonly fineTune?: FineTune;
}

/** Upper bound for epochs. */
export const MAX_EPOCHS = 10_000;

/**
 * Validates a recipe.
 *
 * @throws UserError that names the field, its value and what is allowed
 */
export function checkRecipe(recipe: Recipe): void {
  const { epochs, batchSize, learningRate, labelSmoothing } = recipe;
  const require = (name: string, isGood: boolean, allowed: string, value: number) => {
    if (!isGood) throw new UserError(`${name} must be ${allowed}, got ${value}`, { exitCode: 2 });
  };
  require("epochs", Number.isInteger(epochs) &&
    epochs >= 1 &&
    epochs <= MAX_EPOCHS, `a whole number from 1 to ${MAX_EPOCHS}`, epochs);
  require("batch size", Number.isInteger(batchSize) && batchSize >= 1, "a whole number from 1 up", batchSize);
  require("learning rate", Number.isFinite(learningRate) && learningRate > 0, "a number above 0", learningRate);
  require("labelSmoothing", labelSmoothing >= 0 && labelSmoothing < 1, "at least 0 and below 1", labelSmoothing);
  const { patience, maxGradientNorm, classWeights } = recipe;
  if (maxGradientNorm !== undefined)
    require("maxGradientNorm", Number.isFinite(maxGradientNorm) &&
      maxGradientNorm > 0, "a number above 0", maxGradientNorm);
  if (Array.isArray(classWeights)) {
    for (const weight of classWeights) {
      require("each of classWeights", Number.isFinite(weight) && weight > 0, "a number above 0", weight);
    }
  }
  if (patience !== undefined)
    require("patience", Number.isInteger(patience) && patience >= 1, "a whole number of epochs from 1 up", patience);
  const { backbone, model, augmentation, pretrained, fineTune, views, hidden } = recipe;
  if (fineTune) checkFineTune(fineTune, epochs);
  if (backbone && (pretrained || fineTune)) {
    throw new UserError(
      "a backbone stays as it is, and its head is new: pretrained and fineTune are for whole networks; leave them out",
      { exitCode: 2 },
    );
  }
  if (backbone?.features !== model.features) {
    const [given, wanted] = [backbone, model].map((one) => one?.features ?? "none");
    throw new UserError(`the backbone gives ${given} features, but the model "${model.name}" takes ${wanted}`, {
      exitCode: 2,
    });
  }
  if (hidden !== undefined) {
    require("hidden", Number.isInteger(hidden) && hidden >= 1, "a whole number of units from 1 up", hidden);
    if (!backbone) throw new UserError("hidden is for a head on a backbone; leave it out", { exitCode: 2 });
  }
  if (views) checkViews(recipe, views);
  if (backbone && !views && Object.keys(augmentation).length > 0) {
    throw new UserError(
      "augmentation changes images in each epoch, but a backbone's features are computed once; leave augmentation empty: {}, or say of how many views of each image: views",
      { exitCode: 2 },
    );
  }
  checkSchedule(recipe.schedule);
  createOptimizer(recipe.optimizer);
  if (recipe.averaging) checkAveraging(recipe.averaging);
}

function checkViews({ backbone, augmentation }: Recipe, { count, seed }: Views): void {
  const fail = (problem: string) => new UserError(problem, { exitCode: 2 });
  if (!backbone) throw fail("views are for a backbone, whose features are computed once; leave them out");
  if (!(Number.isInteger(count) && count >= 2 && count <= MAX_VIEWS))
    throw fail(`views.count must be a whole number from 2 to ${MAX_VIEWS}, got ${count}`);
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw fail(`views.seed must be a whole number from 0 up, got ${seed}`);
  const { mixing, ...ofOneImage } = augmentation;
  if (mixing) throw fail("views are of one image each, but augmentation.mixing mixes two; leave it out");
  if (Object.keys(ofOneImage).length === 0) throw fail("views differ by augmentation, which is empty; say how they do");
}

/** How a recipe's network normalises pixels: as its backbone or weights were trained with them, or by the training images' statistics. */
export function normalizationFor(
  { backbone, pretrained }: Pick<Recipe, "backbone" | "pretrained">,
  train: ImageSet,
): ReturnType<typeof normalizationOf> {
  const given = backbone?.input ?? pretrained?.normalization;
  if (!given) return normalizationOf(train);
  const { mean, standardDeviation } = given;
  return { mean: [...mean], standardDeviation: [...standardDeviation] };
}

/** Fields of a recipe that name a file: its SHA-256 says which one it is, wherever it lies. */
export const FILE_FIELDS = ["backbone", "pretrained"] as const;

/** A recipe's JSON without the places of its files, which may be others on each machine. */
export function withoutPlaces(json: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result = { ...json };
  for (const field of FILE_FIELDS) {
    if (typeof result[field] !== "object" || result[field] === null) continue;
    const { file: _, ...rest } = result[field] as Record<string, unknown>;
    result[field] = rest;
  }
  return result;
}

/** A recipe as plain JSON, with its model's name. */
export function recipeToJson({ model, ...rest }: Recipe): Record<string, unknown> {
  return { ...rest, model: model.name };
}
