import { chooseLowering } from "../runtime/lowering.ts";
import { recipeToTime } from "./stages.ts";
import { type TrainingJob, train } from "./train.ts";

/** The first steps compile the GPU's programs and allocate memory. */
const WARM_UP_STEPS = 4;
const TIMED_STEPS = 12;
/** Ends a trial of a large network: then the steps so far decide. */
const LIMIT_MILLISECONDS = 5000;

/** Milliseconds per step of a training, from its first steps; what they train is discarded. */
export async function millisecondsPerStep(job: Omit<TrainingJob, "lowering">): Promise<number> {
  const ends: { step: number; at: number }[] = [];
  const started = performance.now();
  await train(
    {
      ...job,
      recipe: recipeToTime(job.recipe),
      lowering: await chooseLowering(job.runtime),
      data: { train: job.data.train, validation: null },
      stepsPerCall: 4,
    },
    {
      onStep({ step }) {
        if (step >= WARM_UP_STEPS) ends.push({ step, at: performance.now() });
      },
      isStopRequested: () =>
        ends.length > 1 &&
        (ends.at(-1)!.step - ends[0]!.step >= TIMED_STEPS || performance.now() - started > LIMIT_MILLISECONDS),
    },
  );
  const [first, last] = [ends[0]!, ends.at(-1)!];
  return last.step > first.step ? (last.at - first.at) / (last.step - first.step) : last.at - started;
}
