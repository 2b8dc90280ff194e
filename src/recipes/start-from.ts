import type { FineTune, Pretrained } from "./fine-tune.ts";
import { checkRecipe, type Recipe } from "./recipe.ts";

/** How a network is fine-tuned where neither its recipe nor anybody else says it. Usual values, not tuned. */
export const FINE_TUNING = { epochs: 12, headEpochs: 2, earlyRate: 0.1 } as const;

/** What is given of a fine-tuning; absent fields are the recipe's, or `FINE_TUNING`'s. */
export interface FineTuneOptions extends FineTune {
  /** Of both stages together. */
  readonly epochs?: number | undefined;
  /** Whether the recipe's epochs, which are for drawn weights, may be shortened. Default: they are kept. */
  readonly isShortened?: boolean;
}

/**
 * A recipe that starts from pretrained weights: its head is trained alone for some epochs, then all layers, early ones at
 * a lower rate.
 *
 * @throws UserError (exit code 2) that names the first field that is out of range
 */
export function startFrom(
  recipe: Recipe,
  pretrained: Pretrained,
  { epochs: given, isShortened = false, ...fineTune }: FineTuneOptions = {},
): Recipe {
  const usual = isShortened ? Math.min(recipe.epochs, FINE_TUNING.epochs) : recipe.epochs;
  const epochs = given ?? usual;
  const { headEpochs, earlyRate } = FINE_TUNING;
  const standard = recipe.fineTune ?? { headEpochs: Math.min(headEpochs, epochs - 1), earlyRate };
  const started = { ...recipe, epochs, pretrained, fineTune: { ...standard, ...fineTune } };
  checkRecipe(started);
  return started;
}
