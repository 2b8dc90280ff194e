import type { LoadedData } from "../../data/sources/chain.ts";
import { imageTask, normalizationOf, trainingData } from "../../data/training-data.ts";
import { readRunRecord } from "../../runs/run-files.ts";
import { openRunFolder } from "../../runs/run-folder.ts";
import { readRecipe } from "../../runs/run-recipe.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import { nodeRuntime } from "../../runtime/node/index.ts";
import { PROFILED_STEPS, profileSteps } from "./profile-steps.ts";
import { gflops, type StepProfile } from "./step-profile.ts";

/** What `profile.json` holds. */
export interface RunProfile extends StepProfile {
  readonly batchSize: number;
  readonly threads: number;
  readonly lowering: "standard" | "blocked";
  /** Over the whole step, the profiler's own work included. */
  readonly gflops: number;
}

/**
 * Profiles the training of a finished run and writes `profile.json` into its folder: sums, not the trace.
 *
 * The run's first steps are done once more, in a session of their own whose weights are thrown away: the same recipe,
 * data, seed and lowering. So profiling neither slows the run down nor can it change its weights, and whatever happens to
 * it, the run is whole before it begins. The number of steps is bounded, as the trace grows with each.
 *
 * @param folder of a finished run @param data what the run was trained on
 * @throws UserError when the folder is no run or cannot be written
 */
export async function profileRun(
  folder: string,
  { data, threads }: { readonly data: LoadedData; readonly threads: number },
): Promise<RunProfile> {
  const record = readRunRecord(folder);
  const recipe = await readRecipe(folder, record, { task: imageTask(data.train) });
  const lowering = await chooseLowering(nodeRuntime, record.lowering);
  const { train } = trainingData(data.train, record);
  const normalization = normalizationOf(train);
  const job = { recipe, data: { train, validation: null }, normalization, seed: record.seed, threads, lowering };
  const profile = await profileSteps(job, PROFILED_STEPS);
  const speed = gflops(profile.multiplyAdds, profile.stepMilliseconds);
  const result = { batchSize: recipe.batchSize, threads, lowering: lowering.kind, gflops: speed, ...profile };
  const { folder: opened } = openRunFolder(folder);
  try {
    opened.writeProfile(result);
  } finally {
    opened.close();
  }
  return result;
}
