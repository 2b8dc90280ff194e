import { differingFile } from "../data/differing-file.ts";
import type { LoadedData } from "../data/sources/chain.ts";
import { normalizationOf, trainingData } from "../data/training-data.ts";
import { UserError } from "../errors.ts";
import { recipeToJson } from "../recipes/recipe.ts";
import type { FinishedRunRecord, RunRecord } from "../runs/run-record.ts";
import { runStatus } from "../runs/run-status.ts";
import { chooseLowering } from "../runtime/lowering.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { forecastSeconds } from "../training/forecast.ts";
import { resumeRun, type TrainRunOptions, trainNewRun } from "../training/train-run.ts";
import type { PlannedRun } from "./plan.ts";

/** What there is of a planned run before it is trained. */
export type FoundState = "finished" | "unfinished" | "new";

/** A planned run that is trained. */
export interface StudyRun extends PlannedRun {
  readonly record: FinishedRunRecord;
}

/**
 * What there is of a planned run: a study that was interrupted goes on where it was.
 *
 * @throws UserError when the folder holds another run than the planned one, or a damaged one
 */
export function stateOf(planned: PlannedRun, data: LoadedData): FoundState {
  const status = runStatus(planned.path);
  switch (status.kind) {
    case "missing":
    case "not-a-run":
      return "new";
    case "damaged":
      throw status.error;
    case "imported":
      throw new UserError(
        `${planned.path} holds imported weights, not this study's run; choose another folder with --out, or remove that run`,
        { exitCode: 2 },
      );
    case "finished":
    case "unfinished": {
      const difference = differenceOf(status.record, planned, data);
      if (difference) {
        throw new UserError(
          `${planned.path} holds another run than the one asked for: ${difference}; choose another folder with --out, or remove that run`,
          { exitCode: 2 },
        );
      }
      if (status.kind === "finished") return "finished";
      return status.resumable ? "unfinished" : "new";
    }
    default:
      return status satisfies never;
  }
}

/** The first thing in which a record is not the planned run's; undefined when it is. */
function differenceOf(
  record: RunRecord,
  { recipe, seed, trainOn, limit }: PlannedRun,
  data: LoadedData,
): string | undefined {
  const planned = JSON.parse(JSON.stringify(recipeToJson(recipe))) as Record<string, unknown>;
  const field = [...new Set([...Object.keys(planned), ...Object.keys(record.recipe)])].find(
    (name) => name !== "description" && canonical(planned[name]) !== canonical(record.recipe[name]),
  );
  if (field !== undefined) {
    return `its recipe's ${field} is ${JSON.stringify(record.recipe[field])}, not ${JSON.stringify(planned[field])}`;
  }
  if (record.seed !== seed) return `its seed is ${record.seed}, not ${seed}`;
  if (record.limit !== limit || record.trainOn !== trainOn) return "it was trained on another part of the images";
  return differingFile(data, record.data.files) === undefined ? undefined : "it was trained on other data";
}

/** JSON in which the order of fields does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export interface ForecastOptions {
  readonly data: LoadedData;
  readonly threads: number;
  readonly runtime: Runtime;
}

/**
 * How long the runs that are not finished will take, in seconds: each recipe's first steps are timed, nothing is kept.
 * What an unfinished run has done already is not taken off.
 */
export async function forecastStudy(
  planned: readonly PlannedRun[],
  { data, threads, runtime }: ForecastOptions,
): Promise<number> {
  const lowering = await chooseLowering(runtime);
  const secondsOf = new Map<string, number>();
  let seconds = 0;
  for (const { recipe, trainOn, limit, seed } of planned) {
    if (!secondsOf.has(recipe.name)) {
      const part = trainingData(data.train, { trainOn, limit });
      const job = { recipe, data: part, normalization: normalizationOf(part.train), seed, threads, lowering, runtime };
      secondsOf.set(recipe.name, await forecastSeconds(job));
    }
    seconds += secondsOf.get(recipe.name)!;
  }
  return seconds;
}

/**
 * Trains a planned run, goes on with it, or finds it done.
 *
 * @returns undefined when it was stopped before its end: the same call goes on with it
 */
export async function trainPlanned(planned: PlannedRun, options: TrainRunOptions): Promise<StudyRun | undefined> {
  const { recipe, seed, trainOn, limit, path } = planned;
  const state = stateOf(planned, options.data);
  if (state === "finished") {
    const status = runStatus(path);
    if (status.kind === "finished") return { ...planned, record: status.record };
  }
  const trained =
    state === "unfinished"
      ? await resumeRun(path, { ...options, allowDifferent: false })
      : await trainNewRun({ recipe, seed, trainOn, limit, out: path }, options);
  return trained.isFinished ? { ...planned, record: trained.record } : undefined;
}
