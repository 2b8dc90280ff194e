import type { Recipe } from "../recipes/recipe.ts";

/** Position of a training and its sums within the epoch: everything besides tensors that resuming needs. */
export interface TrainingPosition {
  /** Number of finished steps. */
  readonly step: number;
  /** Seconds of training so far, without evaluation. */
  readonly seconds: number;
  /**
   * Since the epoch's start: sums of the batches' mean losses (without smoothing) and of correct images, and seconds.
   */
  readonly epoch: {
    readonly lossSum: number;
    readonly correct: number;
    readonly steps: number;
    readonly seconds: number;
  };
}

export const START: TrainingPosition = { step: 0, seconds: 0, epoch: { lossSum: 0, correct: 0, steps: 0, seconds: 0 } };

/** The position after one more step. */
export function advance(
  { step, seconds, epoch }: TrainingPosition,
  result: { loss: number; correct: number; seconds: number },
): TrainingPosition {
  return {
    step: step + 1,
    seconds: seconds + result.seconds,
    epoch: {
      lossSum: epoch.lossSum + result.loss,
      correct: epoch.correct + result.correct,
      steps: epoch.steps + 1,
      seconds: epoch.seconds + result.seconds,
    },
  };
}

/** Progress of a training. */
export interface TrainingProgress {
  /** The current epoch, from 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly totalSteps: number;
  /** Running means over the epoch so far. */
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

/** Means over the current epoch so far, or over all of it at its end. */
export function epochMeans({ epoch }: TrainingPosition, batchSize: number) {
  const images = epoch.steps * batchSize;
  return {
    trainLoss: epoch.lossSum / epoch.steps,
    trainAccuracy: epoch.correct / images,
    imagesPerSecond: images / epoch.seconds,
  };
}

/** The progress at a position of a run. */
export function progressAt(
  position: TrainingPosition,
  {
    recipe,
    epoch,
    totalSteps,
    learningRate,
  }: {
    readonly recipe: Pick<Recipe, "epochs" | "batchSize">;
    readonly epoch: number;
    readonly totalSteps: number;
    readonly learningRate: number;
  },
): TrainingProgress {
  const { trainLoss, trainAccuracy, imagesPerSecond } = epochMeans(position, recipe.batchSize);
  return {
    epoch,
    epochs: recipe.epochs,
    step: position.step,
    totalSteps,
    loss: trainLoss,
    accuracy: trainAccuracy,
    learningRate,
    imagesPerSecond,
    secondsLeft: ((totalSteps - position.step) * recipe.batchSize) / imagesPerSecond,
  };
}
