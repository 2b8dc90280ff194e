import { recipeToTime } from "../training/stages.ts";
import { MAX_STEPS_PER_CALL, type TrainingJob, train } from "../training/train.ts";

/** Number of untimed steps first, which allocate memory and fill caches. */
const WARM_UP_STEPS = 5;

/** A timed run of the engine, including the preparation of its feeds. */
export interface TimedRun {
  readonly steps: number;
  readonly milliseconds: number;
}

/**
 * Times steps of the real training loop on real data: batch preparation with augmentation, the session's runs and the
 * loop's overhead. The trained weights are discarded.
 *
 * @param steps minimum number to time, after the warm-up; an engine run of several steps is timed completely
 * @param warmUp number of untimed steps before, at least 1
 */
export async function timeSteps(job: TrainingJob, steps: number, warmUp = WARM_UP_STEPS): Promise<TimedRun[]> {
  const { data } = job;
  const recipe = recipeToTime(job.recipe);
  // Allows for the engine runs in which the warm-up and the last step end.
  const most = steps + warmUp + 2 * MAX_STEPS_PER_CALL;
  // The recipe's own learning rates, if it has enough steps.
  const epochs = Math.max(recipe.epochs, Math.ceil((most * recipe.batchSize) / data.train.count));
  const ends: { step: number; at: number }[] = [];
  const isEnough = () => ends.length > 0 && ends.at(-1)!.step - ends[0]!.step >= steps;
  await train(
    { ...job, recipe: { ...recipe, epochs }, data: { train: data.train, validation: null } },
    {
      onStep: ({ step }) => {
        if (step >= warmUp) ends.push({ step, at: performance.now() });
      },
      isStopRequested: isEnough,
    },
  );
  return ends.slice(1).map(({ step, at }, i) => ({ steps: step - ends[i]!.step, milliseconds: at - ends[i]!.at }));
}

/** Median over the runs of the milliseconds per step. */
export function medianStep(runs: readonly TimedRun[]): number {
  return median(runs.map(({ steps, milliseconds }) => milliseconds / steps));
}

/** Total number of steps and total time of the runs. */
export function totalOf(runs: readonly TimedRun[]): TimedRun {
  return {
    steps: runs.reduce((sum, { steps }) => sum + steps, 0),
    milliseconds: runs.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
  };
}

/** Differences of consecutive timestamps. */
export function differences(moments: readonly number[]): number[] {
  return moments.slice(1).map((moment, i) => moment - moments[i]!);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
