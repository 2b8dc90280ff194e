import type { LoadedData } from "../../data/node/chain.ts";
import { imageTask } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import type { ClassificationMetrics } from "../../evaluation/metrics.ts";
import { type EvaluationSplit, evaluateRun } from "../../evaluation/node/evaluate-run.ts";
import { comparePaired, type PairedComparison } from "../../evaluation/significance.ts";
import { RUN_FILES, readAnyRunRecord, requireTrained } from "../../runs/node/run-files.ts";
import type { AnyRunRecord } from "../../runs/run-record.ts";
import { type RunCost, type RunOrigin, runCost, runOrigin } from "./run-origin.ts";

/** A run of a comparison. */
export interface ComparedRun extends RunOrigin, RunCost {
  /** Its folder. */
  readonly run: string;
  readonly metrics: ClassificationMetrics;
}

/** Two runs on the same images: `b` minus `a`. */
export interface ComparedPair extends PairedComparison {
  readonly a: string;
  readonly b: string;
}

export interface CompareOptions {
  readonly data: LoadedData;
  readonly split: EvaluationSplit;
  readonly threads: number;
  readonly onNotKept: (why: string) => void;
}

/**
 * Evaluates runs on the same images and compares each with each.
 *
 * @throws UserError when a run is not finished or was trained on other data
 */
export async function compareRuns(
  paths: readonly string[],
  { data, split, threads, onNotKept }: CompareOptions,
): Promise<{ runs: ComparedRun[]; pairs: ComparedPair[] }> {
  // Invalid or unfinished runs are detected before the first is evaluated.
  const records = paths.map((path) => readAnyRunRecord(path));
  for (const [i, path] of paths.entries()) requireTrained(path, records[i]!);
  checkSameData(paths, records);
  const runs: ComparedRun[] = [];
  for (const [i, path] of paths.entries()) {
    const record = records[i]!;
    const metrics = await evaluateRun(path, { data, split, averageFlips: false, threads, onNotKept });
    const fileName = `${path}/${RUN_FILES.record}`;
    const cost = runCost(record, { task: imageTask(data.train), fileName });
    runs.push({ run: path, ...runOrigin(record), ...cost, metrics });
  }
  const pairs = runs.flatMap((a, i) =>
    runs.slice(i + 1).map((b) => ({
      a: a.run,
      b: b.run,
      ...comparePaired(a.metrics.predictions, b.metrics.predictions),
    })),
  );
  return { runs, pairs };
}

/** @throws UserError when two runs were trained on different data, so that their predictions cannot be compared */
function checkSameData(paths: readonly string[], records: readonly AnyRunRecord[]): void {
  const trained = records.flatMap((record, i) =>
    record.status === "imported" ? [] : [{ path: paths[i]!, sums: record.data.files.map(({ sha256 }) => sha256) }],
  );
  const other = trained.find(({ sums }) => sums.join() !== trained[0]!.sums.join());
  if (!other) return;
  throw new UserError(
    `${other.path} was trained on other data than ${trained[0]!.path}; only runs on the same images can be compared`,
  );
}
