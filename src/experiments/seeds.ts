import type { EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import { type Spread, seedSpread } from "../evaluation/significance.ts";
import { openOutputFolder } from "../runs/node/output-folder.ts";
import { planSeeds, type SeedlessRun } from "./planned-run.ts";
import { type ExperimentOptions, evaluateAll, trainAll } from "./train-all.ts";

/** The file by which a folder of many seeds is known. */
const MARKER = "seeds.json";

/** Where the runs go, how many there are, and what they are evaluated on. */
export interface SeedsOptions extends ExperimentOptions {
  /** The folder that everything goes into: each run into a folder of its own (`s1`, `s2`, ...). */
  readonly out: string;
  /** Seeds 1 to so many. */
  readonly seeds: number;
  /** The images to evaluate on. Left out: the accuracy on the validation images at the end of training counts. */
  readonly split?: EvaluationSplit | undefined;
}

/** One of the runs of `trainSeeds`. */
export interface SeedResult {
  /** Its folder. */
  readonly run: string;
  readonly seed: number;
  /** Null: no images were held out to validate on, and none were asked for. */
  readonly accuracy: number | null;
  /** Of training. */
  readonly seconds: number;
  readonly weightsSha256: string;
}

/** What `trainSeeds` gives, and keeps in `seeds.json`. */
export interface SeedsResult {
  readonly folder: string;
  /** Its name. */
  readonly recipe: string;
  /** The images that the accuracies are on; null where there are none. */
  readonly split: EvaluationSplit | null;
  readonly runs: readonly SeedResult[];
  /** Mean and spread over the seeds; null where there are no accuracies. */
  readonly accuracy: Spread | null;
}

/**
 * Trains a recipe with seeds 1 to n, and sums up mean and spread of their accuracies. The same call resumes what was
 * interrupted; with more seeds it adds them.
 *
 * @returns undefined when it was interrupted
 * @throws UserError as `trainAll` does, and (exit code 2) when `out` holds something else
 */
export async function trainSeeds(
  run: SeedlessRun,
  { out, seeds, split, ...options }: SeedsOptions,
): Promise<SeedsResult | undefined> {
  const folder = openOutputFolder(out, MARKER);
  const planned = planSeeds(run, { seeds, pathOf: (seed) => `${out}/s${seed}` });
  const trained = await trainAll(planned, { ...options, onBegin: folder.begin });
  const evaluated = trained && split ? await evaluateAll(trained, { ...options, split }) : undefined;
  if (!trained || (split && !evaluated)) return undefined;
  const runs = trained.map(({ path, seed, record }, i) => {
    const { seconds, weightsSha256, validationAccuracy } = record.result;
    return {
      run: path,
      seed,
      accuracy: evaluated ? evaluated[i]!.metrics.accuracy : validationAccuracy,
      seconds,
      weightsSha256,
    };
  });
  const known = runs.flatMap(({ accuracy }) => accuracy ?? []);
  const accuracy = known.length > 0 ? seedSpread(known) : null;
  const result = {
    folder: out,
    recipe: run.recipe.name,
    split: split ?? (accuracy ? "validation" : null),
    runs,
    accuracy,
  };
  folder.finish(result);
  return result;
}
