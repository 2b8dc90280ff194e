import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { UserError, valueOrUserError } from "../errors.ts";
import { runOrigin } from "../experiments/study/run-origin.ts";
import { backboneSchema } from "../formats/backbone.ts";
import { readModelMetadata } from "../formats/model-metadata.ts";
import { dataName } from "../report/run-page.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import { fileStamp } from "../runs/node/regular-file.ts";
import { openRun, RUN_FILES, type Run, readModel } from "../runs/node/run-files.ts";
import { findRun, namesIn, runStatus } from "../runs/node/run-status.ts";
import type { AnyRunRecord, RunRecord } from "../runs/run-record.ts";
import type { RunSummary } from "./api-types.ts";
import { HttpError } from "./errors.ts";

/** The list of runs is asked for often, and a setting is long. */
const SETTING_DIGITS = 16;
/** Maximum age of the cached list of runs. */
const LIST_AGE_MS = 1000;

/** Locations of runs. */
export interface RunPlaces {
  /** The folder of runs; it may not exist yet. */
  readonly folder: string;
  /** An additional run, the default for predictions. */
  readonly run?: string | undefined;
}

/** A run that is served under a name of its own; its record is the same object as long as the file is the same. */
export interface ServedRun extends Run {
  /** Its folder's name, with -2, -3, ... after it where two would be equal. */
  readonly id: string;
}

/** The runs that are served. What clients send is only ever compared with their names, so it leads to no other folder. */
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
  readonly found: Run | UserError;
}

/**
 * @param log receives which run is damaged, and why
 * @throws UserError when `run` is given and not a run, or `folder` is not a folder
 */
export function createRunCatalog({ folder, run }: RunPlaces, log: (line: string) => void): RunCatalog {
  if (run !== undefined) openRun(run);
  const known = new Map<string, { readonly stamp: string; readonly found: Run | UserError }>();
  let entries = new Map<string, Entry>();
  let newestFirst: readonly ServedRun[] = [];
  let lookedAt = Number.NEGATIVE_INFINITY;

  const runAt = (path: string): Run | UserError | undefined => {
    const stamp = fileStamp(join(path, RUN_FILES.record));
    if (stamp === undefined) {
      known.delete(path);
      return undefined;
    }
    const before = known.get(path);
    if (before?.stamp === stamp) return before.found;
    const found = findRun(path);
    if (found === undefined) return undefined;
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
      const found = runAt(path);
      if (found === undefined) continue;
      const id = unusedName(
        name,
        (candidate) => next.has(candidate) || (candidate !== name && names.includes(candidate)),
      );
      next.set(id, { id, path, found });
    }
    entries = next;
    newestFirst = [...entries.values()]
      .flatMap(({ id, found }) => (found instanceof UserError ? [] : { id, ...found }))
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
      const found = entry && runAt(entry.path);
      if (!entry || !found) throw new HttpError(404, "no_such_run", "There is no run of this name here.");
      if (!(found instanceof UserError)) return { id, ...found };
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

/** Tells a run's model from one that replaces it later; undefined when there is none (yet). */
export function modelStamp({ path, record }: ServedRun): string | undefined {
  return record.status === "running" ? undefined : fileStamp(join(path, RUN_FILES.model));
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
  const { recipe, seed, setting, epochs, seconds } = runOrigin(record);
  const status = runStatus(run);
  return {
    id,
    recipe,
    data: record.status === "imported" ? null : dataName(record),
    seed,
    setting: createHash("sha256").update(setting).digest("hex").slice(0, SETTING_DIGITS),
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

/** The record with the names only of what it tells the paths of: weights' file, recipe's file, data's folder. */
export function publicRecord(record: AnyRunRecord): AnyRunRecord {
  const { recipeFile } = record;
  const recipe = recipeFile === undefined ? {} : { recipeFile: nameOf(recipeFile) };
  if (record.status === "imported") {
    return { ...record, ...recipe, source: { ...record.source, file: nameOf(record.source.file) } };
  }
  const { data } = record;
  const folder = data.folder === undefined ? {} : { folder: nameOf(data.folder) };
  return { ...record, ...recipe, recipe: publicRecipe(record.recipe), data: { ...data, ...folder } };
}

function publicRecipe(recipe: RunRecord["recipe"]): RunRecord["recipe"] {
  const backbone = backboneSchema.safeParse(recipe.backbone);
  return backbone.success ? { ...recipe, backbone: { ...backbone.data, file: nameOf(backbone.data.file) } } : recipe;
}

/** The last part of a path of any operating system. */
function nameOf(path: string): string {
  return path.replace(/^.*[\\/]/, "");
}

function classNames(run: ServedRun): readonly string[] {
  const { path, record } = run;
  if (record.status !== "imported" && record.data.classes) return record.data.classes;
  if (record.status === "running") return [];
  const known = classesOf.get(record);
  if (known) return known;
  const metadata = valueOrUserError(() => readModelMetadata(readModel(run), path));
  const names = metadata instanceof UserError ? [] : metadata.classNames;
  classesOf.set(record, names);
  return names;
}
