import { normalizationOf, type TrainingDataOptions, trainingData } from "../../data/training-data.ts";
import { base } from "../../recipes/index.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import { train } from "../train.ts";
import type { TrainRunOptions } from "./train-into.ts";

/**
 * Times the race's unit in this process: one epoch of recipe `base`, on the images that a run trains on.
 *
 * @returns seconds of training; undefined when it was interrupted
 */
export async function timeBaseEpoch(
  images: TrainingDataOptions,
  { data, threads, lowering, runtime, hooks: { isStopRequested = () => false } = {} }: TrainRunOptions,
): Promise<number | undefined> {
  const { train: set } = trainingData(data.train, images);
  const { isFinished, snapshot } = await train(
    {
      recipe: { ...base, epochs: 1 },
      data: { train: set, validation: null },
      normalization: normalizationOf(set),
      seed: 1,
      threads,
      lowering: await chooseLowering(runtime, lowering),
      runtime,
    },
    { isStopRequested },
  );
  return isFinished ? snapshot.position.seconds : undefined;
}
