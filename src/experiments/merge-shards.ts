/** Putting the folders of an experiment's shards together. */
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { explainFileError, whatIsAt } from "../runs/node/file-errors.ts";
import { listNames, makeFolder, openOutputFolder, readJsonIfThere } from "../runs/node/output-folder.ts";
import { readRegularFile } from "../runs/node/regular-file.ts";
import { checkRunFiles, hasChecksums, RUN_FILES, type Run } from "../runs/node/run-files.ts";
import { isLock } from "../runs/node/run-lock.ts";
import { listRuns } from "../runs/node/run-status.ts";
import { isTemporary, writeWholeFile } from "../runs/node/whole-file.ts";
import type { FinishedRunRecord } from "../runs/run-record.ts";
import { earlierSplit } from "./earlier-split.ts";
import { EXPERIMENT_MARKERS, RUN_NOTES } from "./experiment-files.ts";

/** What `mergeShards` did. */
export interface MergedShards {
  /** The folder of all runs. */
  readonly folder: string;
  /** Folders of its runs, sorted. */
  readonly runs: readonly string[];
  /** How many of them were copied; the others were there already. */
  readonly copied: number;
  /** Folders of runs that are not finished, which were left out. */
  readonly unfinished: readonly string[];
}

/** A finished run of a shard. */
interface ShardRun extends Run<FinishedRunRecord> {
  /** Its folder in that of the experiment. */
  readonly name: string;
}

/** Where experiments have their runs: `s1` of seeds is in the folder itself, those of a sweep are in `runs`. */
const RUN_PLACES = ["", "runs"];

/**
 * Copies the finished runs of an experiment's shards into one folder, with what is known of diverged runs and of a race's
 * unit of time. The experiment's own call on that folder then finds all runs trained. Runs are checked before anything is
 * written, and copied whole: a copy that was interrupted is repeated by the same call.
 *
 * @param folders of the shards
 * @param out a new folder, or one that this experiment is merged in already
 * @throws UserError when a folder is of no experiment or of another one, a run is damaged or being trained, or two folders have
 *   different results for one run
 */
export function mergeShards(folders: readonly string[], out: string): MergedShards {
  const marker = commonMarker(folders);
  const folder = openOutputFolder(out, marker);
  const places = whatIsAt(join(out, marker)) === "file" ? [out, ...folders] : [...folders];
  const split = commonSplit(places, marker);
  const runs = new Map<string, ShardRun>();
  const unfinished = new Set<string>();
  for (const place of places) {
    const found = runsOf(place);
    for (const run of found.finished) {
      const other = runs.get(run.name);
      if (other) requireSameResult(other, run);
      else runs.set(run.name, run);
    }
    for (const path of found.unfinished) unfinished.add(path);
  }
  if (runs.size === 0) {
    throw new UserError(`no finished run is in ${folders.join(", ")}; train the shards first`, { exitCode: 2 });
  }
  const open = [...unfinished].filter((path) => !places.some((place) => runs.has(relative(place, path))));
  folder.begin(split === undefined ? {} : { split });
  for (const name of Object.values(RUN_NOTES)) {
    const notes = places.map((place) => notesOf(place, name));
    // The first folder with a run gives the run, and so what is noted of it.
    const all = Object.assign({}, ...notes.toReversed());
    if (Object.keys(all).length > 0) folder.write(name, `${JSON.stringify(all, null, 2)}\n`);
  }
  const toCopy = [...runs.values()].filter((run) => run.path !== join(out, run.name));
  for (const run of toCopy) copyRun(run, join(out, run.name));
  return {
    folder: out,
    runs: [...runs.keys()].sort().map((name) => join(out, name)),
    copied: toCopy.length,
    unfinished: open,
  };
}

/** The marker that all folders have. @throws UserError when one has none, or another one */
function commonMarker(folders: readonly string[]): string {
  const markers = folders.map((folder) => {
    const names = whatIsAt(folder) === "folder" ? listNames(folder) : [];
    const marker = Object.values(EXPERIMENT_MARKERS).find((name) => names.includes(name));
    if (marker !== undefined) return marker;
    const expected = Object.values(EXPERIMENT_MARKERS).join(", ");
    throw new UserError(
      `${folder} is not the folder of an experiment: it has none of ${expected}; name the folders of its shards`,
      { exitCode: 2 },
    );
  });
  const [first] = markers as [string];
  const other = markers.findIndex((marker) => marker !== first);
  if (other < 0) return first;
  throw new UserError(
    `${folders[0]} and ${folders[other]} are of different experiments: one has ${first}, the other ${markers[other]}; merge the shards of one`,
    { exitCode: 2 },
  );
}

/** The images that the experiment evaluates on, where it says so. @throws UserError when the shards contradict each other */
function commonSplit(places: readonly string[], marker: string): string | undefined {
  const splits = places.flatMap((place) => {
    const split = earlierSplit(place, marker);
    return split === undefined ? [] : [{ place, split }];
  });
  const [first] = splits;
  const other = splits.find(({ split }) => split !== first?.split);
  if (first && other) {
    throw new UserError(
      `${first.place} is evaluated on the ${first.split} images, ${other.place} on the ${other.split} images; run all shards with the same options`,
      { exitCode: 2 },
    );
  }
  return first?.split;
}

/** The runs of a shard. @throws UserError when one is damaged, imported or being trained */
function runsOf(place: string): { finished: ShardRun[]; unfinished: string[] } {
  const finished: ShardRun[] = [];
  const unfinished: string[] = [];
  for (const run of RUN_PLACES.flatMap((sub) => listRuns(join(place, sub)))) {
    if (run.status === "damaged") throw run.error;
    const { path, record, status } = run;
    if (status === "running") {
      throw new UserError(`${path} is being trained; merge when all shards are trained`);
    }
    if (status === "interrupted") unfinished.push(path);
    if (record.status !== "finished") continue;
    if (!hasChecksums({ path, record })) {
      throw new UserError(
        `${path} was trained by an older version, which recorded no checksums, so damage would go unnoticed; train it again`,
      );
    }
    const opened = { path, record, name: relative(place, path) };
    checkRunFiles(opened);
    finished.push(opened);
  }
  return { finished, unfinished };
}

/** @throws UserError when two folders hold different runs of one name, or different weights of the same run */
function requireSameResult(one: ShardRun, other: ShardRun): void {
  const [a, b] = [one.record.result.weightsSha256, other.record.result.weightsSha256];
  if (a === b) return;
  throw new UserError(
    `${one.path} and ${other.path} are two different results for one run: weights ${a.slice(0, 12)} and ${b.slice(0, 12)}; remove one of them`,
  );
}

function notesOf(place: string, name: string): Record<string, unknown> {
  const todo = "remove it, and train that shard again";
  return readJsonIfThere(join(place, name), z.record(z.string(), z.unknown()), todo) ?? {};
}

/** Copies a run; its record last, as without it there is no run. */
function copyRun({ path }: ShardRun, to: string): void {
  makeFolder(to);
  const files = filesIn(path).filter((name) => name !== RUN_FILES.record);
  for (const name of [...files, RUN_FILES.record]) {
    makeFolder(join(to, name, ".."));
    writeWholeFile(join(to, name), readFile(join(path, name)));
  }
}

/** A run's files, those of its folders included, by their names in it. */
function filesIn(folder: string): string[] {
  const isOurs = (name: string) => !isLock(name) && !isTemporary(name);
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && isOurs(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

function readFile(path: string): Uint8Array {
  try {
    return readRegularFile(path);
  } catch (error) {
    throw explainFileError(error, "read", path);
  }
}
