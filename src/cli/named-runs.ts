import { resolve } from "node:path";
import { UserError } from "../errors.ts";
import { hasChecksums, openRun, type Run, UNVERIFIED } from "../runs/node/run-files.ts";
import { runsAt } from "../runs/node/run-status.ts";
import type { Output } from "./output.ts";

/**
 * The runs that were named: each path is a run, or a folder that holds some.
 *
 * @throws UserError when a path is no run or folder of runs, or a run is named twice
 */
export function namedRuns(typed: readonly (string | undefined)[]): Run[] {
  const paths = typed.filter((run) => run !== undefined).flatMap(runsAt);
  const places = paths.map((run) => resolve(run));
  const twice = paths.find((_, i) => places.indexOf(places[i]!) < i);
  if (twice !== undefined) throw new UserError(`${twice} is named twice; name each run once`, { exitCode: 2 });
  return paths.map(openRun);
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
