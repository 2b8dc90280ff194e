import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError, valueOrUserError } from "../errors.ts";
import { readModelMetadata } from "../formats/model-metadata.ts";
import { errorCode, explainFileError } from "../runs/file-errors.ts";
import { type MetricsLine, parseMetrics } from "../runs/metrics.ts";
import { RUN_FILES, readModel } from "../runs/run-files.ts";
import type { AnyRunRecord } from "../runs/run-record.ts";
import { runOrigin } from "../study/run-origin.ts";
import type { RunSummary } from "./answers.ts";
import { type ServedRun, stateOf } from "./run-catalog.ts";

/** Class names are read from the model's file, which takes longer than all the rest, once for each record. */
const classesOf = new WeakMap<AnyRunRecord, readonly string[]>();

/**
 * What is told of a run in the list of runs.
 *
 * @param metrics a line for each epoch so far
 * @param failure why its training ended before its time, where that is known
 */
export function summaryOf(
  run: ServedRun,
  { metrics, failure }: { metrics: readonly MetricsLine[]; failure: string | null },
): RunSummary {
  const { id, record } = run;
  const { parameters, startedAt, evaluations } = record;
  const last = metrics.at(-1);
  const { recipe, seed, epochs, seconds } = runOrigin(record);
  const status = stateOf(run);
  return {
    id,
    recipe,
    seed,
    epochs,
    seconds: seconds ?? last?.seconds ?? null,
    status,
    failure: status === "interrupted" ? failure : null,
    parameters,
    epochsDone: last?.epoch ?? 0,
    validationAccuracy: last?.validationAccuracy ?? null,
    testAccuracy: evaluations?.test?.accuracy ?? null,
    startedAt,
    classes: classNames(run),
  };
}

/**
 * The lines that are whole: the last one may just be written, by whatever program, and then has no end yet.
 *
 * @returns none before the first epoch is done
 * @throws UserError when a line is damaged
 */
export function metricsSoFar(path: string): MetricsLine[] {
  const file = join(path, RUN_FILES.metrics);
  try {
    const text = readFileSync(file, "utf8");
    return parseMetrics(text.slice(0, text.lastIndexOf("\n") + 1), file);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw explainFileError(error, "read", file);
  }
}

/** The record with the names only of what it tells the paths of: weights' file, recipe's file, data's folder. */
export function publicRecord(record: AnyRunRecord): AnyRunRecord {
  const { recipeFile } = record;
  const recipe = recipeFile === undefined ? {} : { recipeFile: nameOf(recipeFile) };
  if (record.status === "imported") {
    return { ...record, ...recipe, source: { ...record.source, file: nameOf(record.source.file) } };
  }
  const { data } = record;
  const folder = data.folder === undefined ? {} : { folder: nameOf(data.folder) };
  return { ...record, ...recipe, data: { ...data, ...folder } };
}

/** The last part of a path, of whatever system. */
function nameOf(path: string): string {
  return path.replace(/^.*[\\/]/, "");
}

function classNames({ path, record }: ServedRun): readonly string[] {
  if (record.status !== "imported" && record.data.classes) return record.data.classes;
  if (record.status === "running") return [];
  const known = classesOf.get(record);
  if (known) return known;
  const metadata = valueOrUserError(() => readModelMetadata(readModel(path), path));
  const names = metadata instanceof UserError ? [] : metadata.classNames;
  classesOf.set(record, names);
  return names;
}
