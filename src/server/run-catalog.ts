import { readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { UserError, valueOrUserError } from "../errors.ts";
import { runOrigin } from "../experiments/study/run-origin.ts";
import { readModelMetadata } from "../formats/model-metadata.ts";
import { type MetricsLine, parseMetrics } from "../runs/metrics.ts";
import { errorCode, explainFileError } from "../runs/node/file-errors.ts";
import { RUN_FILES, readAnyRunRecord, readModel } from "../runs/node/run-files.ts";
import { lockHolder } from "../runs/node/run-lock.ts";
import { namesIn } from "../runs/node/run-status.ts";
import type { AnyRunRecord } from "../runs/run-record.ts";
import type { RunSummary } from "./api-types.ts";
import { HttpError } from "./errors.ts";

/** Maximum age of the cached list of runs. */
const LIST_AGE_MS = 1000;

/** Locations of runs. */
export interface RunPlaces {
  /** The folder of runs; it may not exist yet. */
  readonly folder: string;
  /** An additional run, the default for predictions. */
  readonly run?: string | undefined;
}

/** A served run with its ID. */
export interface ServedRun {
  /** Its folder's name, with the suffix -2, -3, ... if it is already used. */
  readonly id: string;
  readonly path: string;
  /** Contents of run.json; the same object as long as the file is unchanged. */
  readonly record: AnyRunRecord;
}

/** "interrupted": not finished, and no process is training it. */
export type RunState = "running" | "interrupted" | "finished" | "imported";

/** The served runs. IDs from clients are only compared with their names, so they cannot address other folders. */
export interface RunCatalog {
  /** The readable runs, newest first, and the names of the damaged ones. */
  list(): { readonly runs: readonly ServedRun[]; readonly damaged: readonly string[] };
  /** Finds a run by its ID. @throws HttpError 404 when there is no such run, 503 when it is damaged */
  find(id: string): ServedRun;
  /** The default run: the one given at the start, or else the newest with a model. @throws HttpError as `find` does */
  preferred(): ServedRun;
  /** Invalidates the cached list. */
  refresh(): void;
}

interface Entry {
  readonly id: string;
  readonly path: string;
  readonly found: AnyRunRecord | UserError;
}

/**
 * @param log receives which run is damaged, and why
 * @throws UserError when `run` is given and not a run, or `folder` is not a folder
 */
export function createRunCatalog({ folder, run }: RunPlaces, log: (line: string) => void): RunCatalog {
  if (run !== undefined) readAnyRunRecord(run);
  const known = new Map<string, { readonly stamp: string; readonly found: AnyRunRecord | UserError }>();
  let entries = new Map<string, Entry>();
  let newestFirst: readonly ServedRun[] = [];
  let lookedAt = Number.NEGATIVE_INFINITY;

  const recordAt = (path: string): AnyRunRecord | UserError | undefined => {
    const stamp = fileStamp(join(path, RUN_FILES.record));
    if (stamp === undefined) {
      known.delete(path);
      return undefined;
    }
    const before = known.get(path);
    if (before?.stamp === stamp) return before.found;
    const found = valueOrUserError(() => readAnyRunRecord(path));
    if (found instanceof UserError) log(`a run is left out: ${found.message}`);
    known.set(path, { stamp, found });
    return found;
  };

  const look = () => {
    if (performance.now() - lookedAt < LIST_AGE_MS) return;
    const names = namesIn(folder);
    const first = run === undefined ? [] : [{ path: run, name: basename(resolve(run)) }];
    const others = names.map((name) => ({ path: join(folder, name), name }));
    const isFirst = (path: string) => run !== undefined && resolve(path) === resolve(run);
    const places = [...first, ...others.filter(({ path }) => !isFirst(path))];
    const next = new Map<string, Entry>();
    for (const { path, name } of places) {
      const found = recordAt(path);
      if (found === undefined) continue;
      const id = unusedName(
        name,
        (candidate) => next.has(candidate) || (candidate !== name && names.includes(candidate)),
      );
      next.set(id, { id, path, found });
    }
    entries = next;
    newestFirst = [...entries.values()]
      .flatMap(({ found, ...entry }) => (found instanceof UserError ? [] : { ...entry, record: found }))
      .sort((a, b) => Date.parse(b.record.startedAt) - Date.parse(a.record.startedAt));
    lookedAt = performance.now();
  };

  look();
  const catalog: RunCatalog = {
    list() {
      catalog.refresh();
      look();
      const damaged = [...entries.values()].filter(({ found }) => found instanceof UserError).map(({ id }) => id);
      return { runs: newestFirst, damaged };
    },
    find(id) {
      look();
      // A new run may be missing in the cached list.
      if (!entries.has(id)) {
        catalog.refresh();
        look();
      }
      const entry = entries.get(id);
      const found = entry && recordAt(entry.path);
      if (!entry || !found) throw new HttpError(404, "no_such_run", "There is no run of this name here.");
      if (!(found instanceof UserError)) return { id, path: entry.path, record: found };
      throw new HttpError(503, "run_damaged", `The run ${id} is damaged; the server's log tells more.`);
    },
    preferred() {
      if (run !== undefined) return catalog.find(basename(resolve(run)));
      look();
      const newest = newestFirst.find((one) => modelStamp(one) !== undefined);
      if (newest) return newest;
      throw new HttpError(404, "no_run", "There is no finished run yet; train one first.");
    },
    refresh() {
      lookedAt = Number.NEGATIVE_INFINITY;
    },
  };
  return catalog;
}

export function stateOf({ path, record }: Pick<ServedRun, "path" | "record">): RunState {
  if (record.status !== "running") return record.status;
  return lockHolder(path) === null ? "interrupted" : "running";
}

/** A stamp that changes when a run's model is replaced; undefined when there is none (yet). */
export function modelStamp({ path, record }: ServedRun): string | undefined {
  return record.status === "running" ? undefined : fileStamp(join(path, RUN_FILES.model));
}

/** A stamp that changes when a file is replaced; undefined when it does not exist or is inaccessible. */
function fileStamp(path: string): string | undefined {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return undefined;
  }
}

function unusedName(name: string, isUsed: (candidate: string) => boolean): string {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    if (!isUsed(candidate)) return candidate;
  }
}

/** Cache: class names are read from the model's file, which is slow, once for each record. */
const classesOf = new WeakMap<AnyRunRecord, readonly string[]>();

/**
 * A run's entry in the list of runs.
 *
 * @param metrics one line per epoch so far
 * @param failure why its training ended early, if known
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
 * The complete lines of a run's metrics: the last one may be incomplete while another program writes it.
 *
 * @returns empty before the end of the first epoch
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

/** The record with paths (file of weights, file of the recipe, folder of data) reduced to names. */
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

/** The last part of a path of any operating system. */
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
