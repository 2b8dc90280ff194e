import type { RunRecord } from "../runs/run-record.ts";
import { percent } from "../text.ts";

/** What else to try. */
const OF_A_NETWORK =
  "stronger augmentation (shift, randomErasing) or weight decay in a recipe of your own (docs/own-models.md), a smaller network (tiny), or fewer epochs";
const OF_A_HEAD = "or a backbone that was trained on more pictures, or on ones nearer to these (docs/transfer.md)";

/** Smaller differences are normal. */
const MIN_GAP = 0.1;

/**
 * Detects overfitting of a finished run: training accuracy exceeds validation accuracy by more than 10 points and by
 * more than two standard errors of the latter, which are large for few images.
 *
 * @returns two sentences, the observation and what to try; undefined if there is no overfitting
 */
export function overfittingText({
  result,
  data,
  recipe,
}: Pick<RunRecord, "result" | "data" | "recipe">): string | undefined {
  const [train, validation] = [result?.trainAccuracy, result?.validationAccuracy];
  if (train === undefined || validation === undefined || validation === null) return undefined;
  const standardError = Math.sqrt((validation * (1 - validation)) / data.validationImages);
  if (train - validation <= Math.max(MIN_GAP, 2 * standardError)) return undefined;
  return `Training accuracy ${percent(train, 1)} is far above validation accuracy ${percent(validation, 1)}: the network knows its ${data.trainImages.toLocaleString("en-US")} training images by heart. Try more images of each class, ${recipe.backbone ? OF_A_HEAD : OF_A_NETWORK}.`;
}
