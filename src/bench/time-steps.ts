import { MAX_STEPS_PER_CALL, type TrainingJob, train } from "../training/train.ts";

/** Steps that are not timed: the first ones allocate and fill caches. */
const WARM_UP_STEPS = 5;

/** A run of the engine that was timed, with the preparation of what it is fed. */
export interface TimedRun {
  readonly steps: number;
  readonly milliseconds: number;
}

/**
 * Times steps of the real training loop on real data: batch preparation with augmentation, the session's runs and the
 * loop's own work. Nothing is kept of them.
 *
 * @param steps to time at least, after the warm-up: a run of several is timed whole
 */
export async function timeSteps(job: TrainingJob, steps: number): Promise<TimedRun[]> {
  const { data, recipe } = job;
  // Room for the run that the warm-up ends in, and for the one that the last step is in.
  const most = steps + WARM_UP_STEPS + 2 * MAX_STEPS_PER_CALL;
  // The recipe's own learning rates, as long as it has steps enough.
  const epochs = Math.max(recipe.epochs, Math.ceil((most * recipe.batchSize) / data.train.count));
  const ends: { step: number; at: number }[] = [];
  const isEnough = () => ends.length > 0 && ends.at(-1)!.step - ends[0]!.step >= steps;
  await train(
    { ...job, recipe: { ...recipe, epochs }, data: { train: data.train, validation: null } },
    {
      onStep: ({ step }) => {
        if (step >= WARM_UP_STEPS) ends.push({ step, at: performance.now() });
      },
      isStopRequested: isEnough,
    },
  );
  return ends.slice(1).map(({ step, at }, i) => ({ steps: step - ends[i]!.step, milliseconds: at - ends[i]!.at }));
}

/** Milliseconds of a step: the median of the runs. */
export function medianStep(runs: readonly TimedRun[]): number {
  return median(runs.map(({ steps, milliseconds }) => milliseconds / steps));
}

/** Steps of all runs together, and their time. */
export function totalOf(runs: readonly TimedRun[]): TimedRun {
  return {
    steps: runs.reduce((sum, { steps }) => sum + steps, 0),
    milliseconds: runs.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
  };
}

/** What lies between moments. */
export function differences(moments: readonly number[]): number[] {
  return moments.slice(1).map((moment, i) => moment - moments[i]!);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
