import { type TrainingJob, train } from "./train.ts";

/** Steps that are not timed: the first ones allocate and fill caches. */
const WARM_UP_STEPS = 5;

/**
 * Times steps of the real training loop on real data: batch preparation with augmentation, the session's run and the
 * loop's own work. Nothing is kept of them.
 *
 * @param steps to time, after the warm-up
 * @returns when each timed step ended and when the last untimed one did: `steps` + 1 moments in milliseconds
 */
export async function timeSteps(job: TrainingJob, steps: number): Promise<number[]> {
  const { data, recipe } = job;
  const total = steps + WARM_UP_STEPS;
  // The recipe's own learning rates, as long as it has steps enough.
  const epochs = Math.max(recipe.epochs, Math.ceil((total * recipe.batchSize) / data.train.count));
  const ends: number[] = [];
  await train(
    { ...job, recipe: { ...recipe, epochs }, data: { train: data.train, validation: null } },
    { onStep: () => ends.push(performance.now()), isStopRequested: () => ends.length >= total },
  );
  return ends.slice(WARM_UP_STEPS - 1);
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

/** Steps that a forecast is made from. */
const FORECAST_STEPS = 8;

/** Forward alone takes about a third of a training step. */
const FORWARD_SHARE = 1 / 3;

/**
 * How long a run will take, in seconds, judged by its first steps: training and the validation after each epoch.
 */
export async function forecastSeconds(job: TrainingJob): Promise<number> {
  const { recipe, data } = job;
  const secondsAStep = median(differences(await timeSteps(job, FORECAST_STEPS))) / 1000;
  const images = recipe.epochs * data.train.count + recipe.epochs * (data.validation?.count ?? 0) * FORWARD_SHARE;
  return (images / recipe.batchSize) * secondsAStep;
}
