import type { Recipe } from "../recipes/recipe.ts";

/** Sums that training keeps within an epoch, and its place in the run: all that must survive an interruption. */
export interface TrainingPosition {
  /** Steps done. */
  readonly step: number;
  /** Seconds of training so far, evaluation not counted. */
  readonly seconds: number;
  /** Since the epoch began: sum of the batches' mean losses (without smoothing), of their correct images, and seconds. */
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

/** What is shown while training runs. */
export interface TrainingProgress {
  /** The epoch under way, from 1. */
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

/** Means over the epoch under way, or, when it is done, over all of it. */
export function epochMeans({ epoch }: TrainingPosition, batchSize: number) {
  const images = epoch.steps * batchSize;
  return {
    trainLoss: epoch.lossSum / epoch.steps,
    trainAccuracy: epoch.correct / images,
    imagesPerSecond: images / epoch.seconds,
  };
}

/** What is shown of a place in a run. */
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
