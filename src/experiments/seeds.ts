import type { EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import { type Spread, seedSpread } from "../evaluation/significance.ts";
import { openOutputFolder } from "../runs/node/output-folder.ts";
import { planSeeds, type SeedlessRun } from "./planned-run.ts";
import { type ExperimentOptions, evaluateAll, trainAll } from "./train-all.ts";

/** The file that marks an output folder of many seeds. */
const MARKER = "seeds.json";

/** Options of `trainSeeds`. */
export interface SeedsOptions extends ExperimentOptions {
  /** The output folder, with a folder for each run (`s1`, `s2`, ...). */
  readonly out: string;
  /** Number of seeds, from 1. */
  readonly seeds: number;
  /** The images to evaluate on. Default: validation accuracy at the end of training. */
  readonly split?: EvaluationSplit | undefined;
}

/** One of the runs of `trainSeeds`. */
export interface SeedResult {
  /** Its folder. */
  readonly run: string;
  readonly seed: number;
  /** Null without validation images and without an evaluation. */
  readonly accuracy: number | null;
  /** Training time. */
  readonly seconds: number;
  readonly weightsSha256: string;
}

/** Result of `trainSeeds`, also saved in `seeds.json`. */
export interface SeedsResult {
  readonly folder: string;
  /** Its name. */
  readonly recipe: string;
  /** The images of the accuracies; null where there are none. */
  readonly split: EvaluationSplit | null;
  readonly runs: readonly SeedResult[];
  /** Mean and spread over the seeds; null where there are no accuracies. */
  readonly accuracy: Spread | null;
}

/**
 * Trains a recipe with seeds 1 to n, and computes mean and standard deviation of their accuracies. The same call
 * resumes an interrupted one; with more seeds it trains the additional ones.
 *
 * @returns undefined when it was interrupted
 * @throws UserError as `trainAll` does, and (exit code 2) when `out` contains something else
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
