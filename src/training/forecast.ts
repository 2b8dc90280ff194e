import { medianStep, timeSteps } from "./time-steps.ts";
import type { TrainingJob } from "./train.ts";

/** Steps that a forecast is made from. */
const FORECAST_STEPS = 8;

/** Forward alone takes about a third of a training step. */
const FORWARD_SHARE = 1 / 3;

/**
 * How long a run will take, in seconds, judged by its first steps: training and the validation after each epoch.
 */
export async function forecastSeconds(job: TrainingJob): Promise<number> {
  const { recipe, data } = job;
  const secondsAStep = medianStep(await timeSteps(job, FORECAST_STEPS)) / 1000;
  const images = recipe.epochs * data.train.count + recipe.epochs * (data.validation?.count ?? 0) * FORWARD_SHARE;
  return (images / recipe.batchSize) * secondsAStep;
}
