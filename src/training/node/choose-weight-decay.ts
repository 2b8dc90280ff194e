import type { LoadedData } from "../../data/node/chain.ts";
import { type TrainingData, type TrainingDataOptions, trainingData } from "../../data/training-data.ts";
import { normalizationFor, type Recipe } from "../../recipes/recipe.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type ChosenRecipe, chooseOnFeatures, lacksWeightDecay } from "../choose-weight-decay.ts";
import { type FeatureOptions, trainingValues } from "./picture-features.ts";

/** How the trials are computed. */
export interface ChoiceOptions extends FeatureOptions {
  readonly runtime: Runtime;
}

/**
 * Chooses the weight decay of a head by its validation loss: on computed features each training takes about a second. A
 * recipe that has no backbone, or a weight decay already, is returned as it is.
 *
 * @throws UserError when the backbone's file is missing or has changed, or does not run
 */
export async function chooseWeightDecay(
  recipe: Recipe,
  { train: images }: LoadedData,
  split: TrainingDataOptions,
  options: ChoiceOptions,
): Promise<ChosenRecipe> {
  if (!lacksWeightDecay(recipe)) return { recipe, tried: [] };
  return chooseOnImages(recipe, trainingData(images, split), options);
}

/** The same on images that are divided already, whatever weight decay the recipe has. @throws UserError as `chooseWeightDecay` */
export async function chooseOnImages(
  recipe: Recipe,
  data: TrainingData,
  { runtime, ...options }: ChoiceOptions,
): Promise<ChosenRecipe> {
  return chooseOnFeatures({
    recipe,
    data: await trainingValues(recipe, data, options),
    normalization: normalizationFor(recipe, data.train),
    threads: options.threads,
    lowering: await chooseLowering(runtime),
    runtime,
  });
}
