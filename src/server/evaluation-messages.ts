/** What the server and the process that evaluates for it say to each other. */
import type { ImageSet } from "../data/image-set.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";

/** A run to evaluate. */
export interface EvaluationTask {
  /** The run's folder. */
  readonly path: string;
  /** The test images of the run's own data. */
  readonly set: ImageSet;
  readonly threads: number;
}

export type FromEvaluator =
  | { readonly kind: "evaluated"; readonly metrics: ClassificationMetrics }
  /** Why the result could not be kept in the run's record. */
  | { readonly kind: "notKept"; readonly why: string }
  /** The run cannot be evaluated. */
  | { readonly kind: "refused"; readonly message: string }
  /** A defect, with its stack. */
  | { readonly kind: "crashed"; readonly message: string };
