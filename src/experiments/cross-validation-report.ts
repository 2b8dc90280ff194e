import { selectImages } from "../data/image-set.ts";
import type { LoadedData } from "../data/node/chain.ts";
import { trainingParts } from "../data/training-data.ts";
import { pooledMetrics } from "../evaluation/metrics.ts";
import { rankingOf } from "../evaluation/ranking.ts";
import { seedSpread } from "../evaluation/significance.ts";
import { crossValidationPage } from "../report/cross-validation-page.ts";
import { dataName } from "../report/run-page.ts";
import type { Run } from "../runs/node/run-files.ts";
import type { FinishedRunRecord } from "../runs/run-record.ts";
import { pageOrigin } from "./run-report.ts";
import { evaluateRuns, isSameData } from "./study/compare-runs.ts";

/** A run of a cross-validation that has finished. */
export interface FoldRun extends Run {
  readonly record: FinishedRunRecord & { readonly fold: NonNullable<FinishedRunRecord["fold"]> };
}

/** Runs as the folds of one cross-validation, by number; undefined where they are something else. */
export function asFolds(runs: readonly Run[]): readonly FoldRun[] | undefined {
  const folds = runs.filter((run): run is FoldRun => run.record.status === "finished" && run.record.fold !== undefined);
  const [first] = folds;
  if (!first || folds.length < runs.length) return undefined;
  const numbers = new Set(folds.map(({ record }) => record.fold.number));
  const whatOf = ({ record: { recipe, seed, limit, fold } }: FoldRun) => JSON.stringify([recipe, seed, limit, fold.of]);
  const isOne = folds.every((run) => whatOf(run) === whatOf(first) && isSameData(first, run));
  if (!isOne || numbers.size < folds.length) return undefined;
  return folds.toSorted((a, b) => a.record.fold.number - b.record.fold.number);
}

/** Options of a cross-validation's page. */
export interface CrossValidationOptions {
  /** The data of the runs. */
  readonly data: LoadedData;
  readonly threads: number;
  /** The command line that makes the page, for its reader. */
  readonly command?: string | undefined;
}

/**
 * The page of a cross-validation: each fold's accuracy, and what all images together show, each answered by the run that
 * was not trained on it. The text of an HTML file; the runs' records stay as they are.
 *
 * @throws UserError when the data is not the runs', or a run is damaged
 */
export async function crossValidationReport(
  folds: readonly FoldRun[],
  { data, threads, command }: CrossValidationOptions,
): Promise<string> {
  const evaluated = await evaluateRuns(folds, { data, split: "validation", threads, isKept: false });
  const all = evaluated.map(({ metrics }) => metrics);
  const metrics = pooledMetrics(all);
  const indices = folds.flatMap(({ record: { fold } }) => [
    ...trainingParts(data.train, { trainOn: "split", limit: null, fold }).validation!,
  ]);
  const images = selectImages(data.train, Uint32Array.from(indices));
  const pooled = { images, metrics, ranking: rankingOf(metrics.predictions, images.classNames) };
  const { record } = folds[0]!;
  const report = {
    ...{ recipeName: record.recipeName, recipe: record.recipe },
    seed: record.seed,
    dataName: dataName(record),
    of: record.fold.of,
    folds: folds.map(({ path, record: { fold, result } }, i) => ({
      run: path,
      number: fold.number,
      metrics: all[i]!,
      trainAccuracy: result.trainAccuracy,
      seconds: result.seconds,
    })),
    accuracy: seedSpread(all.map(({ accuracy }) => accuracy)),
    pooled,
    made: pageOrigin(),
    command: command ?? null,
  };
  // Loaded on use, as the figures' libraries load slowly.
  const { evaluationFigures } = await import("../report/node/run-figures.ts");
  const model = { recipe: record.recipeName, prefix: "", split: "validation", metrics } as const;
  return crossValidationPage(report, evaluationFigures(model, pooled));
}
