/** Status of a path as a run, lists of runs, and paths for new ones. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError, valueOrUserError } from "../../errors.ts";
import type { FinishedRunRecord, ImportedRunRecord, RunRecord } from "../run-record.ts";
import { errorCode, explainFileError } from "./file-errors.ts";
import { RUN_FILES, readAnyRunRecord, readStateIfWhole } from "./run-files.ts";
import { lockHolder } from "./run-lock.ts";

/** Status of a run folder. */
export type FoundRun =
  | { readonly kind: "finished"; readonly record: FinishedRunRecord }
  /** Imported external weights. */
  | { readonly kind: "imported"; readonly record: ImportedRunRecord }
  | {
      readonly kind: "unfinished";
      readonly record: RunRecord;
      /** Whether its state can be read, for `--resume`. */
      readonly resumable: boolean;
      /** The process that is training it, as "process 123"; null when it was interrupted. */
      readonly writer: string | null;
    }
  /** run.json cannot be read, or the system denies access to the state: the error gives the reason. */
  | { readonly kind: "damaged"; readonly error: UserError };

export type RunStatus =
  | { readonly kind: "missing" }
  /** A file, or a folder without run.json. */
  | { readonly kind: "not-a-run" }
  | FoundRun;

/** A run in a folder of runs. */
export type ListedRun = FoundRun & { readonly path: string; readonly name: string };

/** Status of `path`. Problems of the run are part of the result and not thrown. */
export function runStatus(path: string): RunStatus {
  if (!existsSync(path)) return { kind: "missing" };
  if (!existsSync(join(path, RUN_FILES.record))) return { kind: "not-a-run" };
  const record = valueOrUserError(() => readAnyRunRecord(path));
  if (record instanceof UserError) return { kind: "damaged", error: record };
  if (record.status === "finished") return { kind: "finished", record };
  if (record.status === "imported") return { kind: "imported", record };
  const state = valueOrUserError(() => readStateIfWhole(path));
  if (state instanceof UserError) return { kind: "damaged", error: state };
  return { kind: "unfinished", record, resumable: state !== null, writer: lockHolder(path) };
}

/**
 * The runs among the folders of `parent`, newest first: by start time, damaged ones by their last change. Other entries
 * are ignored; a missing `parent` has no runs.
 *
 * @throws UserError when `parent` is not a folder or cannot be read
 */
export function listRuns(parent: string): ListedRun[] {
  const runs: { time: number; run: ListedRun }[] = [];
  for (const name of namesIn(parent)) {
    const path = join(parent, name);
    const status = runStatus(path);
    if (status.kind === "missing" || status.kind === "not-a-run") continue;
    const time =
      status.kind === "damaged"
        ? (statSync(join(path, RUN_FILES.record), { throwIfNoEntry: false })?.mtimeMs ?? 0)
        : Date.parse(status.record.startedAt);
    runs.push({ time, run: { ...status, path, name } });
  }
  return runs.sort((a, b) => b.time - a.time || (a.run.name < b.run.name ? 1 : -1)).map(({ run }) => run);
}

/**
 * The runs at a path: itself if it is a run, else the runs in it (`train --seeds`) or in its folder `runs` (`study`,
 * `ablate`, `sweep`), sorted by name with numbers by value.
 */
export function runsAt(path: string): string[] {
  const { kind } = runStatus(path);
  if (kind !== "not-a-run" || !statSync(path).isDirectory()) return [path];
  for (const folder of [path, join(path, "runs")]) {
    const names = listRuns(folder).map(({ name }) => name);
    if (names.length === 0) continue;
    return names.sort(new Intl.Collator("en", { numeric: true }).compare).map((name) => join(folder, name));
  }
  return [path];
}

/**
 * A new folder for a run of `recipe`: `runs/base-20260131-120000`, with `-2`, `-3`, ... after it when that is taken.
 *
 * @param date shown in local time
 * @param parent the folder of all runs
 */
export function defaultRunPath(recipe: string, date: Date, parent = "runs"): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  const time = `${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
  const path = join(parent, `${recipe}-${day}-${time}`);
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? path : `${path}-${n}`;
    if (!existsSync(candidate)) return candidate;
  }
}

/** The names in a folder; a missing one has none. @throws UserError when it is no folder or cannot be read */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw explainFileError(error, "list the runs in", folder);
  }
}
