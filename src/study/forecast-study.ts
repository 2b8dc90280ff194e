import type { Lowering } from "../compile/program.ts";
import type { LoadedData } from "../data/sources/chain.ts";
import { normalizationOf, type TrainingDataOptions, trainingData } from "../data/training-data.ts";
import { chooseLowering } from "../runtime/lowering.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { DivergedError } from "../training/diverged.ts";
import { forecastSeconds } from "../training/forecast.ts";
import type { TrainingJob } from "../training/train.ts";
import type { PlannedRun } from "./plan.ts";

export interface ForecastOptions {
  readonly data: LoadedData;
  readonly threads: number;
  readonly runtime: Runtime;
  /** Left out: blocked where the processor has it. */
  readonly lowering?: Lowering["kind"] | undefined;
}

/**
 * How long runs will take, in seconds: the first steps of one run of each recipe are timed, nothing is kept. What a run
 * that was interrupted has done already is not taken off.
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
    secondsOf.set(recipe.name, await secondsOfJob({ recipe, seed, ...part, threads, lowering, runtime }));
  }
  return planned.reduce((sum, { recipe }) => sum + secondsOf.get(recipe.name)!, 0);
}

/** What diverges in its first steps takes no time worth telling: training it will say so. */
async function secondsOfJob(job: TrainingJob): Promise<number> {
  try {
    return await forecastSeconds(job);
  } catch (error) {
    if (error instanceof DivergedError) return 0;
    throw error;
  }
}

function imagesOf({ train }: LoadedData, options: TrainingDataOptions): Pick<TrainingJob, "data" | "normalization"> {
  const data = trainingData(train, options);
  return { data, normalization: normalizationOf(data.train) };
}
