/** The race (docs/race.md): running one, reading its result files, and repeating a run of one. */
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { seedSpread } from "../evaluation/significance.ts";
import type { Model } from "../nn/index.ts";
import { recipeFromJson } from "../recipes/recipe-json.ts";
import { parseRaceResult, type RaceEntry, type RaceResult, type RaceRun, raceRow } from "../report/race.ts";
import { readOutsideFile } from "../runs/node/export-files.ts";
import { listNames, openOutputFolder, readJsonIfThere } from "../runs/node/output-folder.ts";
import { readRunRecord } from "../runs/node/run-files.ts";
import type { RunRecord } from "../runs/run-record.ts";
import { chooseLowering } from "../runtime/lowering.ts";
import { EXPERIMENT_MARKERS, RUN_NOTES } from "./experiment-files.ts";
import { type FinishedRun, planSeeds, type SeedlessRun } from "./planned-run.ts";
import { type ExperimentOptions, evaluateAll, trainAll } from "./train-all.ts";

/** Options of `runRace`. */
export interface RaceOptions extends ExperimentOptions {
  /** The output folder, with a folder for each run (`s1`, `s2`, ...) and `race.json`. */
  readonly out: string;
  /** Mean test accuracy to reach, 0 to 1. */
  readonly target: number;
  /** Number of seeds, from 1. */
  readonly seeds: number;
}

/**
 * Trains a recipe with seeds 1 to n, each run tested after its last epoch. Before each run one epoch of `base` is timed in the
 * process that trains it, the unit of the run's time. The same call resumes an interrupted race; with more seeds it trains the
 * additional ones.
 *
 * @returns undefined when it was interrupted
 * @throws UserError as `trainAll` does, and (exit code 2) when `out` contains something else
 */
export async function runRace(
  run: SeedlessRun,
  { out, target, seeds, ...options }: RaceOptions,
): Promise<RaceResult | undefined> {
  const folder = openOutputFolder(out, EXPERIMENT_MARKERS.race);
  const planned = planSeeds({ ...run, timesBaseEpoch: true }, { seeds, pathOf: (seed) => join(out, `s${seed}`) });
  const trained = await trainAll(planned, { ...options, onBegin: folder.begin });
  const tested = trained && (await evaluateAll(trained.filter(isUntested), { ...options, split: "test" }));
  if (!tested) return undefined;
  const earlier = new Map(readBaseEpochs(out));
  const runs = planned.map(({ seed, path }): RaceRun => {
    const record = readRunRecord(path);
    const baseEpochSeconds = record.baseEpochs ? undefined : earlier.get(seed);
    if (record.status !== "finished" || (record.baseEpochs ?? baseEpochSeconds) === undefined) {
      throw new UserError(
        `${path} was not trained by a race, so its time has no unit; remove it and run the race again`,
      );
    }
    return { ...(baseEpochSeconds === undefined ? {} : { baseEpochSeconds }), record };
  });
  const result: RaceResult = { status: "finished", race: 1, target, runs };
  folder.finish(result);
  return result;
}

/** Seconds of an epoch of `base` by seed, where an earlier version timed it once for all runs. */
function readBaseEpochs(out: string): [number, number][] {
  const schema = z.record(z.string(), z.number().positive());
  const seconds =
    readJsonIfThere(join(out, RUN_NOTES.baseEpochs), schema, "remove this race's folder and run it again") ?? {};
  return Object.entries(seconds).map(([seed, value]) => [Number(seed), value]);
}

/** Whether a finished run still has to be tested; a test image is used once per run. */
function isUntested({ path }: FinishedRun): boolean {
  return readRunRecord(path).evaluations?.test === undefined;
}

/**
 * Reads a result file of the race.
 *
 * @throws UserError when it is missing, damaged or another kind of file
 */
export function readRace(file: string): RaceResult {
  return parseRaceResult(new TextDecoder().decode(readOutsideFile(file).bytes), file);
}

/**
 * Reads all result files of a folder, `docs/race` for example. A damaged or foreign one is an entry with its problem.
 *
 * @throws UserError when the folder cannot be read
 */
export function readRaces(folder: string): RaceEntry[] {
  return listNames(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name): RaceEntry => {
      try {
        const row = raceRow(readRace(join(folder, name)));
        return { file: name, row, problem: row.problem };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return { file: name, problem: error.message };
      }
    });
}

/** Options of `verifyRace`. */
export interface VerifyOptions extends Omit<ExperimentOptions, "lowering"> {
  /** The seed to repeat, one of the race's. */
  readonly seed: number;
  /** Folder of the repeated run. */
  readonly out: string;
  /** The network, if the recipe is not built from one of tailor's. */
  readonly model?: Model | undefined;
}

/** Comparison of a repeated run with the recorded one. */
export interface Verification {
  readonly seed: number;
  /** Test accuracies, 0 to 1. */
  readonly recorded: number;
  readonly repeated: number;
  /** Largest difference that other rounding explains. */
  readonly tolerance: number;
  readonly hasSameWeights: boolean;
  /** Whether the run is confirmed: the same weights, or an accuracy within the tolerance. */
  readonly isConfirmed: boolean;
}

/** Number of standard deviations between a confirmed run and the mean of the race; by chance 1 in 16,000 is further. */
const DEVIATIONS = 4;
/** Minimum standard deviation of a race, for one whose few seeds happen to agree: that of most recipes over seeds. */
const LEAST_DEVIATION = 0.001;

/**
 * Repeats a run of a race and compares it with the recorded one. On the same kind of processor, with the same version of
 * ONNX Runtime, the weights are bitwise the same; elsewhere rounding differs, so that the run is as another seed, and its
 * accuracy must lie within four standard deviations of the race's mean.
 *
 * @returns undefined when it was interrupted; the same call resumes
 * @throws UserError when the race has no such seed, or its recipe is not tailor's and `model` is missing
 */
export async function verifyRace(
  race: RaceResult,
  { seed, out, model, ...options }: VerifyOptions,
): Promise<Verification | undefined> {
  const run = race.runs.find(({ record }) => record.seed === seed);
  const recorded = run?.record.evaluations?.test?.accuracy;
  if (run === undefined || recorded === undefined) {
    const seeds = race.runs.map(({ record }) => record.seed).join(", ");
    throw new UserError(`the race has no tested run of seed ${seed}; its seeds are ${seeds}`, { exitCode: 2 });
  }
  const { record } = run;
  const recipe = recipeFromJson(record.recipe, "the race's recipe", model);
  const { trainOn, limit } = record;
  const trained = await trainAll([{ recipe, seed, path: out, trainOn, limit }], {
    ...options,
    lowering: await loweringLike(record, options),
  });
  const tested = trained && (await evaluateAll(trained, { ...options, split: "test" }));
  if (!tested) return undefined;
  const [{ metrics, record: again }] = tested as [(typeof tested)[number]];
  const { mean, standardDeviation } = seedSpread(
    race.runs.map(({ record }) => record.evaluations?.test?.accuracy ?? 0),
  );
  const tolerance = DEVIATIONS * Math.max(standardDeviation ?? 0, LEAST_DEVIATION);
  const hasSameWeights = again.result.weightsSha256 === record.result.weightsSha256;
  return {
    seed,
    recorded,
    repeated: metrics.accuracy,
    tolerance,
    hasSameWeights,
    isConfirmed: hasSameWeights || Math.abs(metrics.accuracy - mean) <= tolerance,
  };
}

/** The recorded lowering where the processor has it: only then the weights can be the same. */
async function loweringLike(
  { lowering }: Pick<RunRecord, "lowering">,
  { runtime }: Pick<ExperimentOptions, "runtime">,
): Promise<RunRecord["lowering"]> {
  const best = await chooseLowering(runtime);
  return best.kind === "standard" ? "standard" : lowering;
}
