import { UserError } from "../errors.ts";
import type { Recipe } from "../recipes/recipe.ts";
import type { MetricsLine } from "../runs/metrics.ts";

/** The best epoch of a training so far, for recipes with early stopping or that keep its weights. */
export interface BestEpoch {
  readonly result: MetricsLine;
  /** The network's tensors for inference after this epoch; undefined if the recipe does not keep them. */
  readonly tensors?: ReadonlyMap<string, Float32Array> | undefined;
}

/** Whether a recipe needs to know its best epoch. */
export function needsBestEpoch({ patience, keep }: Pick<Recipe, "patience" | "keep">): boolean {
  return patience !== undefined || keep === "best";
}

/** @throws UserError (exit code 2) when the best epoch is needed and there are no images to find it with */
export function requireValidation(recipe: Recipe, validation: object | null): void {
  if (!needsBestEpoch(recipe) || validation !== null) return;
  throw new UserError(
    (w) =>
      `the best epoch is found with validation images, and there are none: leave out ${w.option("trainOn", "all")}, or the recipe's patience and keep`,
    { exitCode: 2 },
  );
}

/**
 * Whether an epoch is better than another: its validation accuracy is higher, or equal with a lower loss. Few validation
 * images often have equal accuracies.
 */
export function isBetter(one: MetricsLine, other: MetricsLine | undefined): boolean {
  if (one.validationAccuracy === null || one.validationLoss === null) return false;
  if (other?.validationAccuracy == null || other.validationLoss === null) return true;
  const difference = one.validationAccuracy - other.validationAccuracy;
  return difference > 0 || (difference === 0 && one.validationLoss < other.validationLoss);
}

/** The best of some epochs, in their order; undefined without any, or without validation. */
export function bestOf(lines: readonly MetricsLine[]): MetricsLine | undefined {
  return lines.reduce<MetricsLine | undefined>((best, line) => (isBetter(line, best) ? line : best), undefined);
}

/**
 * Whether a training stops early: its last `patience` epochs were not better than the best one before. Epochs of the head
 * alone are not counted, as what follows is another training.
 */
export function isStopping(
  { patience, fineTune }: Pick<Recipe, "patience" | "fineTune">,
  epochs: number,
  best: MetricsLine | undefined,
): boolean {
  return (
    patience !== undefined && best !== undefined && epochs - Math.max(best.epoch, fineTune?.headEpochs ?? 0) >= patience
  );
}
