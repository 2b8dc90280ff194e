import type { RecipeAdjustments } from "../../src/recipes/adjust-recipe.ts";
import type { FittedRecipe } from "../../src/recipes/fit-to-images.ts";
import type { DeviceChoice } from "../../src/runtime/webgpu/device.ts";
import type { BackboneSummary } from "../../src/server/api-types.ts";
import type { TrainingProgress } from "../../src/training/progress.ts";
import type { EpochResult } from "../../src/training/train.ts";
import type { KeptState } from "./kept-training.ts";
import type { PictureClass } from "./own-data.ts";

/** Messages between the page and the training worker. */

export interface TrainingOrder {
  readonly recipe: string;
  readonly seed: number;
  readonly device: DeviceChoice;
  /** Batch size and epochs are adapted to the number of images unless given. */
  readonly adjustments: RecipeAdjustments;
  /** Number of training images; null: all. */
  readonly limit: number | null;
  /** The user's own pictures to train on; absent: the server's data. */
  readonly classes?: readonly PictureClass[];
  /** The pretrained network that made their features, for the recipe `transfer`. */
  readonly pretrained?: Pretrained;
}

/** A pretrained network: the server's description, and its file as it was when features were computed. */
export interface Pretrained {
  readonly backbone: BackboneSummary;
  readonly model: Uint8Array<ArrayBuffer>;
}

export type ToTrainer =
  /** @param isKept whether order and states are written into the browser's database; `from` is what was kept, to resume it */
  | {
      readonly kind: "start";
      readonly order: TrainingOrder;
      readonly isKept: boolean;
      readonly from?: KeptState | undefined;
    }
  | { readonly kind: "pause" }
  | { readonly kind: "continue" };

/** What computes. */
export interface EngineSummary {
  /** ONNX Runtime's build and version. */
  readonly runtime: string;
  /** Of the processor; null on the GPU. */
  readonly threads: number | null;
  /** Which device it is and why; undefined where none was chosen. */
  readonly reason: string | undefined;
}

/** The GPU failed: what follows is computed on the processor. */
export interface GpuFailure {
  /** What computes now. */
  readonly engine: EngineSummary;
  readonly message: string;
  /** The step of the last state that was kept, at which training goes on; 0: from the beginning. */
  readonly atStep: number;
  /** Whether it goes on by itself; otherwise it is paused. */
  readonly isGoingOn: boolean;
}

/** Result on the test images. */
export interface TestResult {
  readonly correct: number;
  readonly total: number;
  readonly accuracy: number;
  readonly standardError: number;
  readonly loss: number;
}

export interface TrainedFileBytes {
  readonly model: Uint8Array<ArrayBuffer>;
  readonly weights: Uint8Array<ArrayBuffer>;
}

export type FromTrainer =
  | { readonly kind: "loading"; readonly what: string }
  | {
      readonly kind: "started";
      readonly engine: EngineSummary;
      readonly images: number;
      /** By class index. */
      readonly classes: readonly string[];
      readonly epochs: number;
      readonly batchSize: number;
      /** The recipe's own values, if they were adapted to the number of images. */
      readonly fittedFrom: FittedRecipe["fittedFrom"];
    }
  | { readonly kind: "progress"; readonly progress: TrainingProgress }
  | { readonly kind: "epoch"; readonly result: EpochResult }
  /** Whether what is trained so far is in the browser's database: it may be full. */
  | { readonly kind: "kept"; readonly isKept: boolean }
  | ({ readonly kind: "gpuFailed" } & GpuFailure)
  | { readonly kind: "paused" }
  | { readonly kind: "testing" }
  | { readonly kind: "finished"; readonly test: TestResult | undefined; readonly files: TrainedFileBytes }
  | { readonly kind: "failed"; readonly message: string };
