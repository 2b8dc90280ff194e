import { UserError } from "../errors.ts";
import type { EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import { type Spread, seedSpread } from "../evaluation/significance.ts";
import { openOutputFolder } from "../runs/node/output-folder.ts";
import { earlierSplit } from "./earlier-split.ts";
import { EXPERIMENT_MARKERS } from "./experiment-files.ts";
import { type PlannedRun, planSeeds, type SeedlessRun } from "./planned-run.ts";
import { type ExperimentOptions, evaluateAll, trainAll } from "./train-all.ts";

/**
 * The images that an earlier call evaluated on, if that is not what a call evaluates on anyway.
 *
 * @throws UserError when its result is damaged
 */
export function splitOfRepeats(out: string, marker: string): "test" | undefined {
  return earlierSplit(out, marker) === "test" ? "test" : undefined;
}

/** Options of a recipe's training with several seeds or on several folds. */
interface RepeatOptions extends ExperimentOptions {
  /** The output folder, with a folder for each run. */
  readonly out: string;
  /**
   * The images to evaluate on. Default: the test images if an earlier call on this folder evaluated on them, else none: the
   * accuracies are then those on the validation images at the end of training.
   */
  readonly split?: EvaluationSplit | undefined;
}

/** Options of `trainSeeds`; runs are in `s1`, `s2`, ... */
export interface SeedsOptions extends RepeatOptions {
  /** Number of seeds, from 1. */
  readonly seeds: number;
}

/** Options of `trainFolds`; runs are in `f1`, `f2`, ... */
export interface FoldsOptions extends RepeatOptions {
  /** Number of folds, from 2. */
  readonly folds: number;
  readonly seed: number;
}

/** One of the runs of `trainSeeds` or `trainFolds`. */
export interface SeedResult {
  /** Its folder. */
  readonly run: string;
  readonly seed: number;
  /** The number of the fold that validates, in a cross-validation. */
  readonly fold?: number;
  /** Null without validation images and without an evaluation. */
  readonly accuracy: number | null;
  /** Training time. */
  readonly seconds: number;
  readonly weightsSha256: string;
}

/** Result of `trainSeeds` or `trainFolds`, also saved in `seeds.json` or `folds.json`. */
export interface SeedsResult {
  readonly folder: string;
  /** Its name. */
  readonly recipe: string;
  /** The images of the accuracies; null where there are none. */
  readonly split: EvaluationSplit | null;
  readonly runs: readonly SeedResult[];
  /** Mean and spread over the runs; null where there are no accuracies. */
  readonly accuracy: Spread | null;
}

/**
 * Trains a recipe with seeds 1 to n, and computes mean and standard deviation of their accuracies. The same call
 * resumes an interrupted one; with more seeds it trains the additional ones.
 *
 * @returns undefined when it was interrupted
 * @throws UserError as `trainAll` does, and (exit code 2) when `out` contains something else
 */
export function trainSeeds(run: SeedlessRun, { seeds, ...options }: SeedsOptions): Promise<SeedsResult | undefined> {
  return trainEach(
    planSeeds(run, { seeds, pathOf: (seed) => `${options.out}/s${seed}` }),
    EXPERIMENT_MARKERS.seeds,
    options,
  );
}

/**
 * Stratified k-fold cross-validation: trains a recipe k times, each time on all training images but those of one fold,
 * on which it is validated; with the mean and standard deviation of the accuracies. The same call resumes an interrupted
 * one.
 *
 * @returns undefined when it was interrupted
 * @throws UserError as `trainAll` does, and (exit code 2) when `out` contains something else or a class has fewer images
 *   than there are folds
 */
export function trainFolds(
  run: SeedlessRun,
  { folds, seed, ...options }: FoldsOptions,
): Promise<SeedsResult | undefined> {
  const planned = Array.from({ length: folds }, (_, i) => ({
    ...run,
    seed,
    fold: { number: i + 1, of: folds },
    path: `${options.out}/f${i + 1}`,
  }));
  return trainEach(planned, EXPERIMENT_MARKERS.folds, options);
}

async function trainEach(
  planned: readonly PlannedRun[],
  marker: string,
  { out, split: asked, ...options }: RepeatOptions,
): Promise<SeedsResult | undefined> {
  const folder = openOutputFolder(out, marker);
  const split = asked ?? splitOfRepeats(out, marker);
  if (split === "validation" && planned.some(({ trainOn }) => trainOn === "all")) {
    throw new UserError(
      (w) => `with ${w.option("trainOn", "all")} no images are kept to validate on; evaluate on the test images`,
      { exitCode: 2 },
    );
  }
  const trained = await trainAll(planned, { ...options, onBegin: () => folder.begin({ split }) });
  const evaluated = trained && split ? await evaluateAll(trained, { ...options, split }) : undefined;
  if (!trained || (split && !evaluated)) return undefined;
  const runs = trained.map(({ path, seed, fold, record }, i) => {
    const { seconds, weightsSha256, validationAccuracy } = record.result;
    return {
      run: path,
      seed,
      ...(fold ? { fold: fold.number } : {}),
      accuracy: evaluated ? evaluated[i]!.metrics.accuracy : validationAccuracy,
      seconds,
      weightsSha256,
    };
  });
  const known = runs.flatMap(({ accuracy }) => accuracy ?? []);
  const accuracy = known.length > 0 ? seedSpread(known) : null;
  const result = {
    folder: out,
    recipe: planned[0]!.recipe.name,
    split: split ?? (accuracy ? "validation" : null),
    runs,
    accuracy,
  };
  folder.finish(result);
  return result;
}
