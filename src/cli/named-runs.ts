import { resolve } from "node:path";
import { UserError } from "../errors.ts";
import { openRun, type Run } from "../runs/node/run-files.ts";
import { runsAt } from "../runs/node/run-status.ts";

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
