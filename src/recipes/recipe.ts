import type { Augmentation } from "../data/augmentation.ts";
import { UserError } from "../errors.ts";
import type { Model } from "../nn/index.ts";
import { type Averaging, checkAveraging } from "../optim/averaging.ts";
import { createOptimizer, type OptimizerSpec } from "../optim/index.ts";
import { checkSchedule, type Schedule } from "../optim/schedules.ts";

/** Everything that says how a network is trained. A recipe and a seed make a run. */
export interface Recipe {
  readonly name: string;
  /** One line for people. */
  readonly description: string;
  readonly model: Model;
  readonly epochs: number;
  readonly batchSize: number;
  /** The highest that the schedule reaches. */
  readonly learningRate: number;
  readonly schedule: Schedule;
  readonly optimizer: OptimizerSpec;
  /** 0: none. */
  readonly labelSmoothing: number;
  readonly augmentation: Augmentation;
  /** Left out: the weights of the last step are the result. Given: validation, weights and model are averages of them. */
  readonly averaging?: Averaging;
}

/** The most epochs that anybody means. */
export const MAX_EPOCHS = 10_000;

/**
 * Checks a recipe, given or changed by options.
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
  checkSchedule(recipe.schedule);
  createOptimizer(recipe.optimizer);
  if (recipe.averaging) checkAveraging(recipe.averaging);
}

/** The recipe as plain JSON, with the model by its name. */
export function recipeToJson({ model, ...rest }: Recipe): Record<string, unknown> {
  return { ...rest, model: model.name };
}
