import { type EngineProfile, profilingRuntime } from "../../runtime/node/profiling.ts";
import { timeSteps } from "../time-steps.ts";
import type { TrainingJob } from "../train.ts";
import { type StepProfile, stepProfile } from "./step-profile.ts";

/** A step of the larger networks writes about half a megabyte of trace: more steps would tell nothing new. */
export const PROFILED_STEPS = 40;

/**
 * Profiles the first steps of the real training loop on real data, after some to warm up, in a session of its own.
 *
 * @param steps to profile at least; the run of the engine that reaches them is counted whole
 */
export async function profileSteps(job: Omit<TrainingJob, "runtime">, steps: number): Promise<StepProfile> {
  let profile: EngineProfile | undefined;
  const runtime = profilingRuntime((found) => {
    profile = found;
  });
  const runs = await timeSteps({ ...job, runtime }, steps);
  if (!profile) throw new Error("training ended without a profile");
  return stepProfile(profile.program, profile.runs, runs);
}
