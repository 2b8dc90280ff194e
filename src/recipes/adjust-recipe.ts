import { FITTED_FIELDS, type FittedField } from "./fit-to-images.ts";
import { checkRecipe, type Recipe } from "./recipe.ts";

/** Ways to draw images, in words for whoever chooses one: a recipe itself has "balanced" or nothing. */
export const SAMPLING = ["balanced", "shuffled"] as const;
/** Whose weights a run has. */
export const KEEP = ["best", "last"] as const;

/** What `train`, the HTTP API and the page let users change of a recipe; absent fields are the recipe's. */
export interface RecipeAdjustments {
  readonly epochs?: number | undefined;
  readonly batchSize?: number | undefined;
  /** Peak learning rate of the schedule. */
  readonly learningRate?: number | undefined;
  readonly patience?: number | undefined;
  readonly keep?: (typeof KEEP)[number] | undefined;
  /** "none" removes the recipe's. */
  readonly classWeights?: "balanced" | "none" | readonly number[] | undefined;
  /** "shuffled" removes the recipe's. */
  readonly sampling?: (typeof SAMPLING)[number] | undefined;
  readonly maxGradientNorm?: number | undefined;
}

/**
 * A recipe with what users change of it.
 *
 * @throws UserError that names the field, its value and what is allowed
 */
export function adjustRecipe(recipe: Recipe, adjustments: RecipeAdjustments): Recipe {
  const { classWeights, sampling, ...others } = recipe;
  const { patience = recipe.patience, keep = recipe.keep, maxGradientNorm = recipe.maxGradientNorm } = adjustments;
  const weights = adjustments.classWeights ?? classWeights;
  const drawn = adjustments.sampling ?? sampling;
  const adjusted: Recipe = {
    ...others,
    ...(weights === undefined || weights === "none" ? {} : { classWeights: weights }),
    ...(drawn === "balanced" ? { sampling: drawn } : {}),
    ...(maxGradientNorm === undefined ? {} : { maxGradientNorm }),
    ...(patience === undefined ? {} : { patience }),
    ...(keep === undefined ? {} : { keep }),
    epochs: adjustments.epochs ?? recipe.epochs,
    batchSize: adjustments.batchSize ?? recipe.batchSize,
    learningRate: adjustments.learningRate ?? recipe.learningRate,
  };
  checkRecipe(adjusted);
  return adjusted;
}

/** The fields that users gave a value, which are not adapted to the number of images. */
export function givenFields(adjustments: RecipeAdjustments): FittedField[] {
  return FITTED_FIELDS.filter((field) => adjustments[field] !== undefined);
}
