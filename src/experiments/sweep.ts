import { seedSpread } from "../evaluation/significance.ts";
import { crc32c } from "../formats/crc32c.ts";
import type { FittedRecipe } from "../recipes/fit-to-images.ts";
import { changesText } from "../recipes/recipe-fields.ts";
import type { SweepRow } from "../report/node/sweep-report.ts";
import type { OutputFolder } from "../runs/node/output-folder.ts";
import { divergedRuns, trainSets } from "./diverged-runs.ts";
import { type FinishedRun, type PlannedRun, planSeeds } from "./planned-run.ts";
import type { ExperimentOptions } from "./train-all.ts";
import type { Candidate } from "./variations.ts";

/** A rung of successive halving: the remaining candidates, trained for the same number of epochs. */
export interface Rung {
  readonly epochs: number;
  /** Number of candidates. */
  readonly candidates: number;
}

/** Each rung of successive halving keeps one in this many candidates, and trains this many times longer. */
export const HALVING_FACTOR = 3;

/**
 * Successive halving (Jamieson and Talwalkar 2016), told from its end: the last rung trains for all epochs, each rung
 * before it for a third of those after it, as long as there are three times as many candidates and an epoch to train.
 */
export function halvingRungs(candidates: number, epochs: number): Rung[] {
  const most = Math.floor(Math.log(candidates) / Math.log(HALVING_FACTOR) + 1e-9);
  const rungs: Rung[] = [];
  let left = candidates;
  for (let after = most; after >= 0; after--) {
    const share = epochs / HALVING_FACTOR ** after;
    if (share < 1) continue;
    rungs.push({ epochs: Math.round(share), candidates: left });
    left = Math.ceil(left / HALVING_FACTOR);
  }
  return rungs;
}

/** Settings of a sweep's runs. */
export interface SweepPlan {
  readonly out: string;
  /** The file that exports the recipe, unless it is built-in. */
  readonly recipeFile?: string | undefined;
  readonly fittedFrom?: FittedRecipe["fittedFrom"] | undefined;
  readonly seeds: number;
  /** Training images to use; null: all. */
  readonly limit: number | null;
}

/** Plans a candidate's runs for a number of epochs, on the training part of the split. */
export function planCandidate(
  { changes, recipe }: Candidate,
  epochs: number,
  { out, recipeFile, fittedFrom, seeds, limit }: SweepPlan,
): PlannedRun[] {
  // A model named by the sweep is a built-in one, whatever the recipe's file exports.
  const file = changes.model === undefined ? recipeFile : undefined;
  const name = shortened(changesText(changes).replaceAll(/[^\w.=,[\]-]+/g, "+"));
  return planSeeds(
    { recipe: { ...recipe, epochs }, fittedFrom, recipeFile: file, trainOn: "split", limit },
    { seeds, pathOf: (seed) => `${out}/runs/${name}-e${epochs}-s${seed}` },
  );
}

/**
 * Maximum length of a folder name; longer ones are truncated and end with a checksum (file systems allow 255 bytes).
 */
const LONGEST_NAME = 120;

function shortened(name: string): string {
  if (name.length <= LONGEST_NAME) return name;
  return `${name.slice(0, LONGEST_NAME)}+${crc32c(new TextEncoder().encode(name)).toString(16).padStart(8, "0")}`;
}

/** Result of a candidate in its last rung. */
export interface SweepResult extends SweepRow {
  readonly candidate: Candidate;
}

/** @param trained the candidate's runs of this rung, fewer than planned where some diverged */
export function candidateResult(
  candidate: Candidate,
  { epochs, planned, trained }: { epochs: number; planned: readonly PlannedRun[]; trained: readonly FinishedRun[] },
): SweepResult {
  const results = trained.map(({ record }) => record.result);
  const isWhole = trained.length === planned.length;
  return {
    candidate,
    changes: candidate.changes,
    epochs,
    accuracy: isWhole ? seedSpread(results.map(({ validationAccuracy }) => validationAccuracy!)) : null,
    loss: isWhole ? seedSpread(results.map(({ validationLoss }) => validationLoss!)).mean : null,
    seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
    runs: planned.map(({ path }) => path),
  };
}

/**
 * Sorts results, best first: those of a later rung (more epochs) before those of an earlier one, then by accuracy and
 * by loss; diverged ones last. If the sweep varies the epochs themselves, these do not define rungs.
 */
export function ranked(results: readonly SweepResult[]): SweepResult[] {
  const isRung = results.every(({ changes }) => changes.epochs === undefined);
  return results.toSorted(
    (a, b) =>
      Number(a.accuracy === null) - Number(b.accuracy === null) ||
      (isRung ? b.epochs - a.epochs : 0) ||
      (b.accuracy?.mean ?? -1) - (a.accuracy?.mean ?? -1) ||
      (a.loss ?? Number.MAX_VALUE) - (b.loss ?? Number.MAX_VALUE),
  );
}

/** Options of `runSweep`. */
export interface SweepOptions extends ExperimentOptions {
  readonly plan: SweepPlan;
  /** Default: one rung, in which each candidate trains for its recipe's epochs. */
  readonly rungs?: readonly Rung[] | undefined;
  /** The plan's output folder; its marker is written before the first run is trained. It also records diverged runs. */
  readonly folder: OutputFolder;
}

/**
 * Trains candidates rung by rung, run by run; finished runs are not trained again.
 *
 * @returns the result of each, best first; undefined when it was interrupted: the same call resumes
 */
export async function runSweep(
  candidates: readonly Candidate[],
  { plan, rungs, folder, onEvent = () => {}, ...machine }: SweepOptions,
): Promise<SweepResult[] | undefined> {
  const diverged = divergedRuns(folder, machine);
  const out: SweepResult[] = [];
  let left = [...candidates];
  for (const [at, rung] of (rungs ?? [undefined]).entries()) {
    if (left.length === 0) break;
    if (rung) {
      onEvent({ kind: "rung", rung: at + 1, rungs: rungs!.length, candidates: left.length, epochs: rung.epochs });
    }
    const plans = left.map((candidate) => {
      const epochs = rung?.epochs ?? candidate.recipe.epochs;
      return { candidate, epochs, planned: planCandidate(candidate, epochs, plan) };
    });
    const sets = plans.map(({ planned }) => planned);
    const trained = await trainSets(sets, diverged, { ...machine, onBegin: folder.begin, onEvent });
    if (!trained) return undefined;
    const results = ranked(
      plans.map(({ candidate, ...one }) => {
        const paths = new Set(one.planned.map(({ path }) => path));
        return candidateResult(candidate, { ...one, trained: trained.filter(({ path }) => paths.has(path)) });
      }),
    );
    const kept = results.slice(0, rungs?.[at + 1]?.candidates ?? 0).filter(({ accuracy }) => accuracy !== null);
    out.push(...results.filter((result) => !kept.includes(result)));
    left = kept.map(({ candidate }) => candidate);
  }
  return ranked(out);
}
