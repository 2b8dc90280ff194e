import type { LoadedData } from "../../data/node/chain.ts";
import { type TrainingDataOptions, trainingData } from "../../data/training-data.ts";
import { normalizationFor, type Recipe } from "../../recipes/recipe.ts";
import type { MetricsLine } from "../../runs/metrics.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { train } from "../train.ts";
import { type FeatureOptions, trainingValues } from "./picture-features.ts";

/** Strengths of a head's regularisation that are tried: Adam's weight decay, which is L2 as in logistic regression. */
const TRIED = [0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4] as const;
/** Where there are no images to choose by. */
const WITHOUT_VALIDATION = 0.01;
/** The same for every seed, so that the runs of several seeds have one recipe. */
const SEED = 1;

/** How the trials are computed. */
export interface ChoiceOptions extends FeatureOptions {
  readonly runtime: Runtime;
}

/** A head's recipe with the weight decay that has the least validation loss, and that loss for each that was tried. */
export interface ChosenRecipe {
  readonly recipe: Recipe;
  readonly tried: readonly { readonly weightDecay: number; readonly loss: number }[];
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
  { runtime, ...options }: ChoiceOptions,
): Promise<ChosenRecipe> {
  const { backbone, optimizer } = recipe;
  if (!backbone || optimizer.kind !== "adam" || optimizer.weightDecay !== undefined) return { recipe, tried: [] };
  const withDecay = (weightDecay: number): Recipe => ({ ...recipe, optimizer: { ...optimizer, weightDecay } });
  const data = trainingData(images, split);
  if (!data.validation || data.validation.count === 0) return { recipe: withDecay(WITHOUT_VALIDATION), tried: [] };
  const job = {
    data: await trainingValues(recipe, data, options),
    normalization: normalizationFor(recipe, data.train),
    seed: SEED,
    threads: options.threads,
    lowering: await chooseLowering(runtime),
    runtime,
  };
  const tried: { weightDecay: number; loss: number }[] = [];
  for (const weightDecay of TRIED) {
    const losses: (number | null)[] = [];
    const onEpoch = (result: MetricsLine) => {
      losses.push(result.validationLoss);
    };
    await train({ ...job, recipe: withDecay(weightDecay) }, { onEpoch });
    tried.push({ weightDecay, loss: losses.at(-1)! });
  }
  const best = tried.reduce((least, one) => (one.loss < least.loss ? one : least));
  return { recipe: withDecay(best.weightDecay), tried };
}
