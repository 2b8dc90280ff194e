import { medianStep, timeSteps } from "../bench/time-steps.ts";
import type { Lowering } from "../compile/program.ts";
import type { LoadedData } from "../data/node/chain.ts";
import { normalizationOf, type TrainingDataOptions, trainingData } from "../data/training-data.ts";
import { chooseLowering } from "../runtime/lowering.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { DivergedError } from "../training/diverged.ts";
import { trainingValues } from "../training/node/picture-features.ts";
import type { TrainingJob } from "../training/train.ts";
import type { PlannedRun } from "./planned-run.ts";

/** Numbers of steps timed for a forecast, and before. */
const FORECAST_STEPS = { timed: 8, warmUp: 5 };

/** The same for runs of few steps, of which a forecast should not take a large part. */
const FEW_FORECAST_STEPS = { timed: 1, warmUp: 1, runSteps: 100 };

/** The forward pass takes about a third of a training step. */
const FORWARD_SHARE = 1 / 3;

/**
 * Estimated duration of a run in seconds, from its first steps: training and the validation after each epoch.
 */
export async function forecastSeconds(job: TrainingJob): Promise<number> {
  const { recipe, data } = job;
  const runSteps = (recipe.epochs * data.train.count) / recipe.batchSize;
  const { timed, warmUp } = runSteps < FEW_FORECAST_STEPS.runSteps ? FEW_FORECAST_STEPS : FORECAST_STEPS;
  const secondsAStep = medianStep(await timeSteps(job, timed, warmUp)) / 1000;
  const images = recipe.epochs * data.train.count + recipe.epochs * (data.validation?.count ?? 0) * FORWARD_SHARE;
  return (images / recipe.batchSize) * secondsAStep;
}

export interface ForecastOptions {
  readonly data: LoadedData;
  readonly threads: number;
  readonly runtime: Runtime;
  /** Default: blocked where the processor supports it. */
  readonly lowering?: Lowering["kind"] | undefined;
}

/**
 * Estimated duration of runs in seconds: the first steps of one run of each recipe are timed and discarded. Progress of
 * interrupted runs is not subtracted.
 */
export async function forecastStudy(
  planned: readonly PlannedRun[],
  { data, threads, runtime, lowering: wanted }: ForecastOptions,
): Promise<number> {
  const lowering = await chooseLowering(runtime, wanted);
  // Most recipes train on the same images, which are copied once.
  const parts = new Map<string, ReturnType<typeof imagesOf>>();
  const secondsOf = new Map<string, number>();
  for (const { recipe, seed, trainOn, limit } of planned) {
    if (secondsOf.has(recipe.name)) continue;
    const key = `${trainOn} ${limit}`;
    const part = parts.get(key) ?? imagesOf(data, { trainOn, limit });
    parts.set(key, part);
    const values = await trainingValues(recipe, part.data, { threads, report: () => {} });
    secondsOf.set(recipe.name, await secondsOfJob({ recipe, seed, ...part, data: values, threads, lowering, runtime }));
  }
  return planned.reduce((sum, { recipe }) => sum + secondsOf.get(recipe.name)!, 0);
}

/** A run that diverges in its first steps counts as 0 s; its training reports the error. */
async function secondsOfJob(job: TrainingJob): Promise<number> {
  try {
    return await forecastSeconds(job);
  } catch (error) {
    if (error instanceof DivergedError) return 0;
    throw error;
  }
}

function imagesOf({ train }: LoadedData, options: TrainingDataOptions) {
  const data = trainingData(train, options);
  return { data, normalization: normalizationOf(data.train) };
}
