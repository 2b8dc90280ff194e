import type { Augment } from "../data/own-augmentation.ts";
import type { Loss } from "./own-loss.ts";
import type { Metrics } from "./own-metrics.ts";

/**
 * Functions of one's own that take part in a training. They are no data, so a recipe cannot contain them; a run records
 * fingerprints of what they compute, and is resumed with the same ones.
 */
export interface TrainingFunctions {
  /** Minimised instead of the cross-entropy, which is still measured as `trainLoss` and `validationLoss`. */
  readonly loss?: Loss | undefined;
  /** Applied to each training image. */
  readonly augment?: Augment | undefined;
  /** Computed on the validation images after each epoch: `metrics` in its line of `metrics.jsonl`. */
  readonly metrics?: Metrics | undefined;
}
