import { seedSpread } from "../evaluation/significance.ts";
import { crc32c } from "../formats/crc32c.ts";
import type { FittedRecipe } from "../recipes/fit-to-images.ts";
import { changesText } from "../recipes/recipe-fields.ts";
import type { SweepRow } from "../report/node/sweep-report.ts";
import type { OutputFolder } from "../runs/node/output-folder.ts";
import { divergedRuns } from "./diverged-runs.ts";
import { type FinishedRun, type PlannedRun, planSeeds, remainingWork, seedBySeed } from "./planned-run.ts";
import { type ExperimentEvent, type ExperimentOptions, trainAll } from "./train-all.ts";
import type { Candidate } from "./variations.ts";

/** All candidates that are still in, trained for as many epochs. */
export interface Rung {
  readonly epochs: number;
  /** How many are in. */
  readonly candidates: number;
}

/** Successive halving keeps the best 1 in so many of each rung, and trains them so many times longer. */
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

/** Where and how candidates are trained. */
export interface SweepPlan {
  readonly out: string;
  /** The file that exports the recipe, where it is not one of tailor's. */
  readonly recipeFile?: string | undefined;
  readonly fittedFrom?: FittedRecipe["fittedFrom"] | undefined;
  readonly seeds: number;
  /** Training images to use; null: all. */
  readonly limit: number | null;
}

/** A candidate's runs for so many epochs, on the split: its validation images choose. */
export function planCandidate(
  { changes, recipe }: Candidate,
  epochs: number,
  { out, recipeFile, fittedFrom, seeds, limit }: SweepPlan,
): PlannedRun[] {
  // A model that the sweep names is one of tailor's, whatever the recipe's file exports.
  const file = changes.model === undefined ? recipeFile : undefined;
  const name = shortened(changesText(changes).replaceAll(/[^\w.=,[\]-]+/g, "+"));
  return planSeeds(
    { recipe: { ...recipe, epochs }, fittedFrom, recipeFile: file, trainOn: "split", limit },
    { seeds, pathOf: (seed) => `${out}/runs/${name}-e${epochs}-s${seed}` },
  );
}

/** File systems take names of 255 bytes. A longer one than this ends in a checksum of the whole. */
const LONGEST_NAME = 120;

function shortened(name: string): string {
  if (name.length <= LONGEST_NAME) return name;
  return `${name.slice(0, LONGEST_NAME)}+${crc32c(new TextEncoder().encode(name)).toString(16).padStart(8, "0")}`;
}

/** What became of a candidate in the last rung that it was in. */
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
 * Best first: those of a later rung, whose epochs are more, before those of an earlier one, then by accuracy and by loss; what
 * diverged, last of all. Where the sweep varies the epochs themselves they are no rungs.
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

/** How candidates are trained. */
export interface SweepOptions extends ExperimentOptions {
  readonly plan: SweepPlan;
  /** Left out: one rung, in which each candidate trains for its recipe's epochs. */
  readonly rungs?: readonly Rung[] | undefined;
  /** That of the plan: begun before the first run is trained; it keeps which runs diverged. */
  readonly folder: OutputFolder;
}

/**
 * Trains candidates rung by rung, run by run; what is trained already is not trained again.
 *
 * @returns what became of each, best first; undefined when it was interrupted: the same call resumes
 */
export async function runSweep(
  candidates: readonly Candidate[],
  { plan, rungs, folder, onEvent = () => {}, ...machine }: SweepOptions,
): Promise<SweepResult[] | undefined> {
  const memory = divergedRuns(plan, folder, machine);
  const onTraining = (event: ExperimentEvent) => {
    onEvent(event);
    if (event.kind === "diverged") memory.add(event.run, event.error.message);
  };
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
    // Of a candidate that diverged with one seed no others are trained: it cannot win.
    const isWanted = (run: PlannedRun) => {
      const { planned } = plans.find((one) => one.planned.some(({ path }) => path === run.path))!;
      if (!planned.some(memory.has)) return true;
      return !memory.has(run) && remainingWork(run, machine).todo === "nothing";
    };
    const trained = await trainAll(seedBySeed(plans.map(({ planned }) => planned)), {
      ...machine,
      isWanted,
      isDivergedLeftOut: true,
      onBegin: folder.begin,
      onEvent: onTraining,
    });
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
