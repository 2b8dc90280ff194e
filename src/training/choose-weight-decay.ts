import type { LabelledData } from "../data/training-data.ts";
import type { Recipe } from "../recipes/recipe.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import { type TrainingJob, train } from "./train.ts";

/** Strengths of a head's regularisation that are tried: Adam's weight decay, which is L2 as in logistic regression. */
const TRIED = [0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4] as const;
/** Where there are no images to choose by. */
const WITHOUT_VALIDATION = 0.01;
/** The same for every seed, so that the runs of several seeds have one recipe. */
const SEED = 1;

/** A head's recipe with the weight decay that has the least validation loss, and that loss for each that was tried. */
export interface ChosenRecipe {
  readonly recipe: Recipe;
  readonly tried: readonly { readonly weightDecay: number; readonly loss: number }[];
}

/** Whether a recipe's weight decay is to be chosen: it has a backbone, and none yet. */
export function lacksWeightDecay({ backbone, optimizer }: Recipe): boolean {
  return backbone !== undefined && optimizer.kind === "adam" && optimizer.weightDecay === undefined;
}

/** Chooses the weight decay of a head on computed features, by its validation loss: each training takes about a second. */
export async function chooseOnFeatures(job: Omit<TrainingJob, "seed">): Promise<ChosenRecipe> {
  const { recipe, data } = job;
  if (!hasValidation(data)) return { recipe: withDecay(recipe, WITHOUT_VALIDATION), tried: [] };
  const tried: { weightDecay: number; loss: number }[] = [];
  for (const weightDecay of TRIED) {
    const losses: (number | null)[] = [];
    const onEpoch = (result: MetricsLine) => {
      losses.push(result.validationLoss);
    };
    await train({ ...job, seed: SEED, recipe: withDecay(recipe, weightDecay) }, { onEpoch });
    tried.push({ weightDecay, loss: losses.at(-1)! });
  }
  const best = tried.reduce((least, one) => (one.loss < least.loss ? one : least));
  return { recipe: withDecay(recipe, best.weightDecay), tried };
}

function hasValidation({ validation }: Pick<LabelledData, "validation">): boolean {
  return validation !== null && validation.count > 0;
}

function withDecay(recipe: Recipe, weightDecay: number): Recipe {
  return { ...recipe, optimizer: { ...recipe.optimizer, kind: "adam", weightDecay } };
}
