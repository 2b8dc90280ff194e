/** What a path is as a run, how a run stands, which runs there are, and where the next one goes. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError, valueOrUserError } from "../../errors.ts";
import { errorCode, explainFileError } from "./file-errors.ts";
import { openRun, RUN_FILES, type Run } from "./run-files.ts";
import { lockHolder } from "./run-lock.ts";

/** How a run stands. "interrupted": it is not finished, and no process is training it. "imported": trained elsewhere. */
export type RunStatus = "running" | "interrupted" | "finished" | "imported";

/** A record cannot know that its process was killed: the lock does. */
export function runStatus({ path, record }: Run): RunStatus {
  if (record.status !== "running") return record.status;
  return lockHolder(path) === null ? "interrupted" : "running";
}

/** The run in a folder; undefined where there is none; for one whose run.json cannot be read, the error that says why. */
export function findRun(path: string): Run | UserError | undefined {
  if (!existsSync(join(path, RUN_FILES.record))) return undefined;
  return valueOrUserError(() => openRun(path));
}

/** A run that was found in a folder of runs. */
export type ListedRun = { readonly name: string } & (
  | (Run & { readonly status: RunStatus })
  /** Its run.json cannot be read: the error says why. */
  | { readonly status: "damaged"; readonly path: string; readonly error: UserError }
);

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
    const run = findRun(path);
    if (run === undefined) continue;
    if (run instanceof UserError) {
      const time = statSync(join(path, RUN_FILES.record), { throwIfNoEntry: false })?.mtimeMs ?? 0;
      runs.push({ time, run: { name, path, status: "damaged", error: run } });
    } else {
      runs.push({ time: Date.parse(run.record.startedAt), run: { name, ...run, status: runStatus(run) } });
    }
  }
  return runs.sort((a, b) => b.time - a.time || (a.run.name < b.run.name ? 1 : -1)).map(({ run }) => run);
}

/**
 * The runs in a folder (`train --seeds`) or in its folder `runs` (`study`, `ablate`, `sweep`), sorted by name with numbers
 * by value; none where the path is a run itself or no folder.
 */
export function runsIn(path: string): ListedRun[] {
  if (findRun(path) !== undefined || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
  const { compare } = new Intl.Collator("en", { numeric: true });
  for (const folder of [path, join(path, "runs")]) {
    const runs = listRuns(folder);
    if (runs.length > 0) return runs.sort((a, b) => compare(a.name, b.name));
  }
  return [];
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
