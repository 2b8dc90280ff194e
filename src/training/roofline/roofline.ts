import { type BenchTask, benchJob } from "../bench-training.ts";
import { PROFILED_STEPS, profileSteps } from "../profile/profile-steps.ts";
import { gflops, type StepProfile } from "../profile/step-profile.ts";
import { medianStep, timeSteps } from "../time-steps.ts";

/** What a network's training reaches of the machine. */
export interface ModelRoofline {
  readonly model: string;
  /** Median of the timed steps, without the profiler. */
  readonly stepMilliseconds: number;
  /** All multiply-adds of a step (two operations each) over that time. */
  readonly gflops: number;
  /** Of the measured multiply-add peak, 0 to 1. */
  readonly shareOfPeak: number;
  /** Steps of another session, with the profiler on. */
  readonly profile: StepProfile;
}

/**
 * Times training steps as `bench train` does, and then profiles some: the profiler itself takes time, so that the speed is
 * taken from the steps without it.
 *
 * @param peakGflops the machine's multiply-add peak
 */
export async function modelRoofline(task: Omit<BenchTask, "kind">, peakGflops: number): Promise<ModelRoofline> {
  const { model, steps } = task;
  const job = await benchJob(task);
  const stepMilliseconds = medianStep(await timeSteps(job, steps));
  const profile = await profileSteps(job, Math.min(steps, PROFILED_STEPS));
  const reached = gflops(profile.multiplyAdds, stepMilliseconds);
  return { model, stepMilliseconds, gflops: reached, shareOfPeak: reached / peakGflops, profile };
}
