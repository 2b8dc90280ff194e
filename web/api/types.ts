/** What the server answers; its contracts stand in docs/serve.md. */
import type { Spread } from "../../src/evaluation/significance.ts";
import type { CurveEpoch } from "../../src/plots/training-curves.ts";
import type { LadderEntry } from "../../src/report/ladder-entry.ts";

export interface RunSummary {
  /** Names the run in addresses. */
  readonly id: string;
  readonly recipe: string;
  readonly seed: number | null;
  readonly status: string;
  readonly parameters: number;
  readonly epochs: number | null;
  readonly epochsDone: number;
  /** 0 to 1. */
  readonly validationAccuracy: number | null;
  readonly testAccuracy: number | null;
  readonly startedAt: string;
  /** Of training. */
  readonly seconds: number | null;
  readonly classes: readonly string[];
}

export interface EpochMetrics extends CurveEpoch {
  readonly step: number;
  readonly learningRate: number;
  readonly imagesPerSecond: number;
  readonly seconds: number;
}

export interface RunDetail extends RunSummary {
  /** Of run.json. */
  readonly record: Readonly<Record<string, unknown>>;
  readonly metrics: readonly EpochMetrics[];
}

export interface Mistake {
  /** Of the test image. */
  readonly index: number;
  readonly label: number;
  readonly prediction: number;
  readonly probability: number;
}

export interface RunEvaluation {
  readonly accuracy: number;
  readonly correct: number;
  readonly total: number;
  readonly standardError: number;
  readonly perClass: readonly {
    readonly label: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly support: number;
  }[];
  /** `confusion[label][predicted]` counts images. */
  readonly confusion: readonly (readonly number[])[];
  readonly mistakes: readonly Mistake[];
}

export interface TestImage {
  readonly index: number;
  readonly label: number;
  readonly className: string;
  /** 0 to 255, row by row. */
  readonly pixels: readonly number[];
}

export interface RecipeSummary {
  readonly name: string;
  readonly summary: string;
  readonly parameters: number;
  readonly epochs: number;
}

export interface TrainingStatus {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

/** A recipe of ours, over its seeds. */
export interface OwnResult {
  readonly name: string;
  readonly accuracy: Spread;
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly epochs: number | null;
}

export interface Ladder {
  readonly entries: readonly LadderEntry[];
  readonly ours: readonly OwnResult[];
}
