import type { LoadedData } from "../../data/node/chain.ts";
import { imageTask } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import type { ClassificationMetrics } from "../../evaluation/metrics.ts";
import { type EvaluationSplit, evaluateRun } from "../../evaluation/node/evaluate-run.ts";
import { comparePaired, type PairedComparison } from "../../evaluation/significance.ts";
import { openRun, RUN_FILES, type Run, requireTrained } from "../../runs/node/run-files.ts";
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
  /** As in the evaluation of a run. */
  readonly isKept?: boolean;
  readonly onNotKept?: (why: string) => void;
}

/**
 * Evaluates runs on the same images and compares each with each.
 *
 * @throws UserError when a run is not finished or was trained on other data
 */
export async function compareRuns(
  compared: readonly (string | Run)[],
  { data, split, threads, isKept = true, onNotKept = () => {} }: CompareOptions,
): Promise<{ runs: ComparedRun[]; pairs: ComparedPair[] }> {
  // A folder that is no run, or one that is not finished, is found before the first is evaluated.
  const opened = compared.map(openRun);
  opened.forEach(requireTrained);
  checkSameData(opened);
  if (split === "validation") checkSameFold(opened);
  const runs: ComparedRun[] = [];
  for (const run of opened) {
    const { path, record } = run;
    const metrics = await evaluateRun(run, { data, split, averageFlips: false, threads, isKept, onNotKept });
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

/** @throws UserError when runs were validated on different images, in a cross-validation */
function checkSameFold(runs: readonly Run[]): void {
  const foldOf = ({ record }: Run) => (record.status === "imported" ? undefined : record.fold?.number);
  const other = runs.find((run) => foldOf(run) !== foldOf(runs[0]!));
  if (!other) return;
  throw new UserError(
    (w) =>
      `${other.path} has other validation images than ${runs[0]!.path}, as they are different folds; compare them with ${w.option("split", "test")}`,
    { exitCode: 2 },
  );
}

/** @throws UserError when two runs were trained on other data: what they get right cannot be compared */
function checkSameData(runs: readonly Run[]): void {
  const trained = runs.flatMap(({ path, record }) =>
    record.status === "imported" ? [] : [{ path, sums: record.data.files.map(({ sha256 }) => sha256) }],
  );
  const other = trained.find(({ sums }) => sums.join() !== trained[0]!.sums.join());
  if (!other) return;
  throw new UserError(
    `${other.path} was trained on other data than ${trained[0]!.path}; only runs on the same images can be compared`,
  );
}
