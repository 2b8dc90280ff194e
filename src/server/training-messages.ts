/** What the server and the process that trains for it say to each other. */
import type { DataChoice } from "../data/sources/load-data.ts";
import type { ProgressAnswer } from "./answers.ts";

/** A run to train. */
export interface TrainingTask {
  readonly recipe: string;
  readonly seed: number;
  /** Null: the recipe's, or more for few images. */
  readonly epochs: number | null;
  /** Training images to use; null: all. */
  readonly limit: number | null;
  /** The run's folder. */
  readonly out: string;
  readonly data: DataChoice;
  readonly threads: number;
}

export type ToWorker = { readonly kind: "train"; readonly task: TrainingTask } | { readonly kind: "stop" };

export type FromWorker =
  /** The run's folder and record are there. */
  | { readonly kind: "started" }
  | { readonly kind: "progress"; readonly progress: ProgressAnswer }
  /** The user can do something about it: the message says what. */
  | { readonly kind: "failed"; readonly message: string }
  /** A defect, with its stack. */
  | { readonly kind: "crashed"; readonly message: string };
