import { differingFile } from "../../data/differing-file.ts";
import type { LoadedData } from "../../data/node/chain.ts";
import { imageTask } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import type { ClassificationMetrics } from "../../evaluation/metrics.ts";
import { type EvaluationSplit, evaluateRun } from "../../evaluation/node/evaluate-run.ts";
import { comparePaired, type PairedComparison } from "../../evaluation/significance.ts";
import { loadRunData } from "../../runs/node/run-data.ts";
import { openRun, RUN_FILES, type Run, readSplit, requireTrained } from "../../runs/node/run-files.ts";
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
  /** Of the first run that tells its data. */
  readonly data: LoadedData;
  /**
   * Loads the data of a run on the same pictures at another size, in gray, or fitted otherwise. Default: `loadRunData`, from the
   * folder of `data`.
   */
  readonly loadData?: ((run: Run) => Promise<LoadedData>) | undefined;
  readonly split: EvaluationSplit;
  readonly threads: number;
  /** As in the evaluation of a run. */
  readonly isKept?: boolean;
  readonly onNotKept?: (why: string) => void;
}

/**
 * Evaluates runs on the same images and compares each with each. Of pictures the size may differ, as networks take them at the
 * size that suits them.
 *
 * @throws UserError when a run is not finished or was trained on other data
 */
export async function compareRuns(
  compared: readonly (string | Run)[],
  { split, ...options }: CompareOptions,
): Promise<{ runs: ComparedRun[]; pairs: ComparedPair[] }> {
  // A folder that is no run, or one that is not finished, is found before the first is evaluated.
  const opened = compared.map(openRun);
  opened.forEach(requireTrained);
  checkSameData(opened);
  if (split === "validation") checkSameFold(opened);
  const runs = await evaluateRuns(opened, { split, ...options });
  const pairs = runs.flatMap((a, i) =>
    runs.slice(i + 1).map((b) => ({
      a: a.run,
      b: b.run,
      ...comparePaired(a.metrics.predictions, b.metrics.predictions),
    })),
  );
  return { runs, pairs };
}

/** Evaluates runs, each on its own images of a split. @throws UserError when data are not a run's */
export async function evaluateRuns(
  opened: readonly Run[],
  { data, loadData, split, threads, isKept = true, onNotKept = () => {} }: CompareOptions,
): Promise<ComparedRun[]> {
  const runs: ComparedRun[] = [];
  const dataOf = dataLoader(data, loadData ?? ((run) => loadRunData(run, { folder: data.folder })));
  for (const run of opened) {
    const { path, record } = run;
    const own = await dataOf(run);
    const metrics = await evaluateRun(run, { data: own, split, averageFlips: false, threads, isKept, onNotKept });
    const fileName = `${path}/${RUN_FILES.record}`;
    const cost = runCost(record, { task: imageTask(own.train), fileName });
    runs.push({ run: path, ...runOrigin(record), ...cost, metrics });
  }
  return runs;
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
  const [first, ...others] = runs.filter(({ record }) => record.status !== "imported");
  const other = first && others.find((run) => !isSameData(first, run));
  if (!other) return;
  throw new UserError(
    `${other.path} was trained on other data than ${first.path}, or on other parts of it; only runs on the same images can be compared`,
  );
}

/** Whether two runs were trained on the same images, of any size, in the same parts. */
export function isSameData(a: Run, b: Run): boolean {
  return sumsOf(a).join() === sumsOf(b).join() || (isOfPictures(a) && isOfPictures(b) && partsOf(a) === partsOf(b));
}

function isOfPictures({ record }: Run): boolean {
  return record.status !== "imported" && record.data.source === "pictures";
}

function sumsOf({ record }: Run): string[] {
  return record.status === "imported" ? [] : record.data.files.map(({ sha256 }) => sha256);
}

/** Equal for runs on the same pictures with the same classes, in the same parts. */
function partsOf(run: Run): string {
  const { classNames, pictures } = readSplit(run);
  return JSON.stringify([classNames, pictures.map(({ sha256, label, part }) => [sha256, label, part])]);
}

/** The images of each run: those at hand where they are its own, else loaded, once for all runs that take the same. */
function dataLoader(data: LoadedData, load: (run: Run) => Promise<LoadedData>): (run: Run) => Promise<LoadedData> {
  const loaded = [data];
  return async (run) => {
    const { record } = run;
    if (record.status === "imported" || !isOfPictures(run)) return data;
    const found = loaded.find((one) => differingFile(one, record.data.files) === undefined);
    if (found) return found;
    const own = await load(run);
    loaded.push(own);
    return own;
  };
}
