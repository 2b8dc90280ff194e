/** JSON responses of the server. Accuracies and probabilities are fractions from 0 to 1. */
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import type { OwnResult } from "../experiments/study/own-results.ts";
import type { Backbone } from "../formats/backbone.ts";
import type { Preparation } from "../imaging/preparation.ts";
import type { ScoredLabel } from "../prediction/prediction.ts";
import type { LadderEntry } from "../report/ladder/entry.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import type { RunStatus } from "../runs/node/run-status.ts";
import type { AnyRunRecord } from "../runs/run-record.ts";
import type { TrainingProgress } from "../training/progress.ts";

/** A run in the list of runs. */
export interface RunSummary {
  /** Identifies the run in URLs. */
  readonly id: string;
  /** For imported weights the model, marked as imported. */
  readonly recipe: string;
  /** The name of its data: that of their folder, or Fashion-MNIST; null for imported weights. */
  readonly data: string | null;
  /** Null for imported weights; likewise epochs and seconds. */
  readonly seed: number | null;
  /** Equal for runs that differ only in their seeds: in recipe, data and split they are the same. */
  readonly setting: string;
  readonly status: RunStatus;
  /** Why it was interrupted, where this server trained it and it was not stopped; otherwise null. */
  readonly failure: string | null;
  readonly parameters: number;
  readonly epochs: number | null;
  readonly epochsDone: number;
  /** Null without validation images, or before the first validation. */
  readonly validationAccuracy: number | null;
  /** Null if not tested yet. */
  readonly testAccuracy: number | null;
  readonly startedAt: string;
  /** Training time so far. */
  readonly seconds: number | null;
  /** By class index; empty for a run of an older version without a model yet. */
  readonly classes: readonly string[];
}

/** What the server does for its clients. */
export interface ServerAnswer {
  /** Whether they may start trainings on it. */
  readonly allowsTraining: boolean;
  /** Whether it watches a queue. */
  readonly watchesQueue: boolean;
  /** How tailor's command is typed where the server was started. */
  readonly command: string;
}

/** Details of one run. */
export interface RunDetail extends RunSummary {
  /** Its folder, to type in a terminal; null where other machines reach the server, which are told no paths. */
  readonly folder: string | null;
  /** `run.json`. */
  readonly record: AnyRunRecord;
  /** One entry per epoch. */
  readonly metrics: readonly MetricsLine[];
}

/** Evaluation of a run on the test images. */
export interface RunEvaluation extends Omit<ClassificationMetrics, "predictions"> {
  readonly run: string;
  readonly classes: readonly string[];
  /** The most confident ones, in descending order. */
  readonly mistakes: readonly {
    /** Index of the test image, from 0. */
    readonly index: number;
    readonly label: number;
    readonly prediction: number;
    readonly probability: number;
  }[];
}

/** Description of the data set, needed to read its bytes. */
export interface DatasetSummary {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** By class number. */
  readonly classes: readonly string[];
  readonly trainImages: number;
  readonly testImages: number;
  /** Indices of the validation images among the training images, if the data defines them; null: they are drawn. */
  readonly validation: readonly number[] | null;
  /** How pictures are converted to such images. */
  readonly preparation: Preparation;
}

/** A test image. */
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
  /** Whether the probability is below the model's threshold, or the query's `unknownBelow`. */
  readonly isUnknown: boolean;
  readonly top: readonly ScoredLabel[];
  /** The network's input, with `show=1`: 0 to 255, [channels, height, width]. */
  readonly prepared?: readonly number[];
}

/** A recipe in the list of recipes. */
export interface RecipeSummary {
  readonly name: string;
  readonly summary: string;
  readonly parameters: number;
  /** Of the forward pass of one image. */
  readonly multiplyAdds: number;
  /** For many images: a training adapts epochs and batch size to few ones. */
  readonly epochs: number;
  readonly batchSize: number;
  /** Peak learning rate of the schedule. */
  readonly learningRate: number;
  /** The name of the pretrained network that it starts from; the other numbers are those of what is trained on its features. */
  readonly backbone?: string;
}

/** A pretrained network that this server offers to start from. */
export interface BackboneSummary extends Omit<Backbone, "file"> {
  /** Identifies it in URLs and trainings. */
  readonly name: string;
  /** Size of its `model.onnx`. */
  readonly bytes: number;
  /** Null: unknown, as ONNX files do not say. */
  readonly licence: null;
}

/** All of them. */
export interface BackbonesAnswer {
  readonly backbones: readonly BackboneSummary[];
}

/** Published results, and ours: runs tested on the published images, grouped over seeds. */
export interface Ladder {
  readonly entries: readonly LadderEntry[];
  readonly ours: readonly (Omit<OwnResult, "origin"> & { readonly runs: readonly string[] })[];
}

/** Progress of a training started by this server. */
export interface ProgressAnswer extends Pick<TrainingProgress, "step" | "epoch" | "imagesPerSecond" | "secondsLeft"> {
  readonly steps: number;
}

/** A worker of the queue that has reported lately. */
export interface QueueWorker {
  readonly name: string;
  /** Of tailor. */
  readonly version: string;
  /** Of a checkout; null of a package. */
  readonly commit: string | null;
  readonly onnxruntime: string;
  readonly startedAt: string;
  /** The id of the run that it trains; null: it waits. */
  readonly run: string | null;
}

/** A run that a worker trains. */
export interface QueuedRun {
  readonly id: string;
  /** Recipe and seed, or fold. */
  readonly title: string;
  /** Its name. */
  readonly worker: string;
  readonly takenAt: string;
  readonly epochs: number;
  readonly step: number;
  /** Null before the first step. */
  readonly steps: number | null;
  /** One entry per epoch, of many epochs about every n-th; without confusion matrices. */
  readonly metrics: readonly MetricsLine[];
  /** Whether a stop was requested. */
  readonly isStopping: boolean;
}

/** How a queue stands; `waiting`, `active`, `finished` and `setAside` are numbers of runs. */
export interface QueueView {
  /** Its address without a password. */
  readonly queue: string;
  readonly isPaused: boolean;
  readonly waiting: number;
  /** In training. */
  readonly active: number;
  /** And not yet fetched by the command that wanted them. */
  readonly finished: number;
  readonly setAside: number;
  /** Oldest first. */
  readonly workers: readonly QueueWorker[];
  /** Those in training that workers have reported. */
  readonly runs: readonly QueuedRun[];
  /** The newest, at most 50: they failed, or were stopped. */
  readonly setAsideRuns: readonly {
    readonly id: string;
    readonly title: string;
    readonly isStopped: boolean;
    readonly reason: string;
  }[];
}

/** The same for clients; they are told the address where only this machine reaches the server. */
export interface QueueAnswer extends Omit<QueueView, "queue"> {
  readonly queue: string | null;
  /** Whether they may pause it and stop runs. */
  readonly allowsChanges: boolean;
}
