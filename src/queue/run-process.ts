/**
 * Messages between a worker and its process that trains (`run-worker.ts`). Packed runs are files in the worker's temporary folder,
 * which the receiver removes: as parts of messages they would be copied several times.
 */
import type { DataChoice } from "../data/node/custom-data.ts";
import type { MetricsLine } from "../runs/metrics.ts";

/** What the process trains with, all its life. */
export interface RunWorkerOptions {
  readonly data: DataChoice;
  readonly threads: number;
  /** Seconds that a run is trained before its state is stored, and between two states. */
  readonly storeSeconds: number;
  /** Recipe files of one's own, whose networks jobs may have. */
  readonly recipeFiles: readonly string[];
  /** Pretrained networks that jobs may start from: files, or places on Hugging Face. */
  readonly backbones: readonly string[];
  /** Weights that jobs may start from: files, runs, or places on Hugging Face. */
  readonly weights: readonly string[];
}

export type ToRunWorker =
  | { readonly kind: "open"; readonly options: RunWorkerOptions }
  | {
      readonly kind: "train";
      readonly id: string;
      /** As it is in the queue. */
      readonly job: unknown;
      readonly folder: string;
      /** What another worker has trained of it: its file, packed. */
      readonly state: string | null;
    }
  /** Stop after this step and save. */
  | { readonly kind: "stop" };

export type FromRunWorker =
  | { readonly kind: "note"; readonly line: string }
  /** The data are loaded. */
  | { readonly kind: "opened" }
  /** @param epochs of the run's recipe; `metrics` are those that another worker has trained */
  | {
      readonly kind: "taken";
      readonly epochs: number;
      readonly metrics: readonly MetricsLine[];
      readonly note?: string;
    }
  | { readonly kind: "step"; readonly step: number; readonly steps: number }
  /** @param state the run's files, packed into this file; null where no state is worth storing */
  | { readonly kind: "epoch"; readonly line: MetricsLine; readonly state: string | null }
  /** The last message about a job is one of these. */
  | RunEnd;

export type RunEnd =
  /** @param files packed into this file */
  | { readonly kind: "finished"; readonly files: string }
  /** @param state packed into this file; null where nothing is trained yet */
  | { readonly kind: "stopped"; readonly state: string | null }
  | { readonly kind: "diverged"; readonly message: string }
  /** This worker cannot train the job; another may. */
  | { readonly kind: "unfit"; readonly why: string }
  | { readonly kind: "failed"; readonly message: string; readonly log: string };
