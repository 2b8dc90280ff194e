import { resolve, sep } from "node:path";
import { UserError } from "../errors.ts";
import { hasChecksums, openRun, type Run, UNVERIFIED } from "../runs/node/run-files.ts";
import { type ListedRun, runsIn } from "../runs/node/run-status.ts";
import type { Output } from "./output.ts";
import { IN_FLAGS } from "./wording.ts";

/**
 * The runs that were named: each path is a run, or a folder that holds some. Of a folder those that have no model yet, or
 * cannot be read, are left out, which is said; one that is named itself is not.
 *
 * @throws UserError when a path is no run or folder of runs, has none that is finished, or a run is named twice
 */
export function namedRuns(typed: readonly (string | undefined)[], output: Output): Run[] {
  const runs = typed.filter((path) => path !== undefined).flatMap((path) => runsOf(path, output));
  const places = runs.map(({ path }) => resolve(path));
  const twice = runs.find((_, i) => places.indexOf(places[i]!) < i);
  if (twice !== undefined) throw new UserError(`${twice.path} is named twice; name each run once`, { exitCode: 2 });
  return runs;
}

function runsOf(path: string, output: Output): Run[] {
  const listed = runsIn(path);
  if (listed.length === 0) return [openRun(path)];
  const usable = listed.flatMap((run) => {
    if (run.status === "finished" || run.status === "imported") return [{ path: run.path, record: run.record }];
    output.note(`left out: ${run.path}, ${whyNot(run)}`);
    return [];
  });
  if (usable.length > 0) return usable;
  throw new UserError(`${path} holds no finished run; name a finished run, or a folder that holds some`);
}

function whyNot(run: ListedRun): string {
  if (run.status === "damaged") return `which cannot be read: ${run.error.worded(IN_FLAGS)}`;
  return run.status === "running" ? "which is still being trained" : "whose training was interrupted";
}

/** The first run that tells its data; imported weights do not. */
export function trainedRun(runs: readonly Run[]): Run {
  return runs.find(({ record }) => record.status !== "imported") ?? runs[0]!;
}

/** Says which of some runs have files without checksums. */
export function noteUnverified(runs: readonly Run[], output: Output): void {
  const [first, ...others] = runs.filter((run) => !hasChecksums(run));
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  output.note(`${first.path}${more} is unverified: ${UNVERIFIED}`);
}

/**
 * The folder that all runs are in, if there is one, and a run's name below it: with whole paths the tables of many runs are
 * wider than a terminal.
 */
export function sharedFolder(runs: readonly string[]): { folder: string | undefined; nameOf: (run: string) => string } {
  const parts = runs.map((run) => run.split(sep));
  const [first = []] = parts;
  const most = Math.min(...parts.map(({ length }) => length)) - 1;
  let shared = 0;
  while (shared < most && parts.every((one) => one[shared] === first[shared])) shared++;
  if (runs.length < 2 || shared === 0) return { folder: undefined, nameOf: (run) => run };
  return { folder: first.slice(0, shared).join(sep) || sep, nameOf: (run) => run.split(sep).slice(shared).join(sep) };
}
