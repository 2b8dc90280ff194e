/** What the server answers, as JSON. Accuracies and probabilities are fractions from 0 to 1. */
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import type { OwnResult } from "../experiments/study/own-results.ts";
import type { Preparation } from "../imaging/preparation.ts";
import type { ScoredLabel } from "../prediction/prediction.ts";
import type { LadderEntry } from "../report/ladder/entry.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import type { RunStatus } from "../runs/node/run-status.ts";
import type { AnyRunRecord } from "../runs/run-record.ts";
import type { TrainingProgress } from "../training/progress.ts";

/** A run, in the list of runs. */
export interface RunSummary {
  /** Names the run in addresses. */
  readonly id: string;
  /** Of imported weights: the model, and that they were imported. */
  readonly recipe: string;
  /** Null of imported weights; so are epochs and seconds. */
  readonly seed: number | null;
  readonly status: RunStatus;
  /** Why it was interrupted, where this server trained it and it was not stopped; otherwise null. */
  readonly failure: string | null;
  readonly parameters: number;
  readonly epochs: number | null;
  readonly epochsDone: number;
  /** Null: no validation images, or none seen yet. */
  readonly validationAccuracy: number | null;
  /** Null: not tested yet. */
  readonly testAccuracy: number | null;
  readonly startedAt: string;
  /** Of training, so far. */
  readonly seconds: number | null;
  /** By class number; none of a run of an older version before there is a model. */
  readonly classes: readonly string[];
}

/** All that is told of one run. */
export interface RunDetail extends RunSummary {
  /** `run.json`. */
  readonly record: AnyRunRecord;
  /** A line an epoch. */
  readonly metrics: readonly MetricsLine[];
}

/** How a run does on the test images. */
export interface RunEvaluation extends Omit<ClassificationMetrics, "predictions"> {
  readonly run: string;
  readonly classes: readonly string[];
  /** Those the model was surest of, surest first. */
  readonly mistakes: readonly {
    /** Of the test image, from 0. */
    readonly index: number;
    readonly label: number;
    readonly prediction: number;
    readonly probability: number;
  }[];
}

/** What is to be known of the data set to read its bytes. */
export interface DatasetSummary {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** By class number. */
  readonly classes: readonly string[];
  readonly trainImages: number;
  readonly testImages: number;
  /** Training images that validate, where the data say which; null: they are drawn. */
  readonly validation: readonly number[] | null;
  /** What turns pictures into such images. */
  readonly preparation: Preparation;
}

/** An image to test with. */
export interface TestImage {
  readonly index: number;
  readonly label: number;
  readonly className: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** 0 to 255, [channels, height, width]. */
  readonly pixels: readonly number[];
}

export interface PredictAnswer extends ScoredLabel {
  readonly run: string;
  readonly top: readonly ScoredLabel[];
  /** What the network saw, with `show=1`: 0 to 255, [channels, height, width]. */
  readonly prepared?: readonly number[];
}

/** A recipe, in the list of recipes. */
export interface RecipeSummary {
  readonly name: string;
  readonly summary: string;
  readonly parameters: number;
  readonly epochs: number;
}

/** Published results, and what there is of ours: runs that were tested on the published images, seeds together. */
export interface Ladder {
  readonly entries: readonly LadderEntry[];
  readonly ours: readonly (Omit<OwnResult, "origin"> & { readonly runs: readonly string[] })[];
}

/** How far a training is that this server started. */
export interface ProgressAnswer extends Pick<TrainingProgress, "step" | "epoch" | "imagesPerSecond" | "secondsLeft"> {
  readonly steps: number;
}
