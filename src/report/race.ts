/**
 * The race (docs/race.md): seconds of training until a mean test accuracy. A result file, `race.json` in the folder of
 * `tailor race` and each file of `docs/race`, contains the complete record of each run, so that anyone can check it and
 * repeat a run. The board is computed from these files.
 */
import { z } from "zod";
import { FASHION_MNIST } from "../data/fashion-mnist.ts";
import { type Spread, seedSpread } from "../evaluation/significance.ts";
import { RACE_TARGETS, type RaceTarget } from "../recipes/race.ts";
import { checkJson, parseJson } from "../runs/parse-json.ts";
import { finishedSchema } from "../runs/run-record.ts";
import { counted, duration, percent } from "../text.ts";
import type { Table } from "./tables.ts";
import { known, large, shortSpreadText, UNKNOWN } from "./wording.ts";

/** Incremented when old files can no longer be read in the new format. */
const RACE_FORMAT = 1;

const raceSchema = z.strictObject({
  status: z.literal("finished"),
  race: z.literal(RACE_FORMAT),
  /** Test accuracy to reach, 0 to 1. */
  target: z.number().min(0).max(1),
  runs: z
    .array(
      z
        .strictObject({
          /** Training time of one epoch of the recipe `base`, where an earlier version timed it once for all runs. */
          baseEpochSeconds: z.number().positive().optional(),
          record: finishedSchema,
        })
        .refine(({ baseEpochSeconds, record }) => (baseEpochSeconds ?? record.baseEpochs) !== undefined, {
          error: "expected the unit of the run's time, baseEpochs of its record",
        }),
    )
    .min(1),
});

/** A race's runs, from its result file. */
export type RaceResult = z.infer<typeof raceSchema>;
/** One of the runs of a race. */
export type RaceRun = RaceResult["runs"][number];

/**
 * Parses a result file of the race.
 *
 * @param fileName for error messages
 * @throws UserError when the text is damaged or is another kind of file: names the field and what was expected
 */
export function parseRaceResult(text: string, fileName: string): RaceResult {
  const todo = "restore the file, or run the race again into another folder";
  return checkJson(raceSchema, parseJson(text, fileName, todo), fileName, todo);
}

/** A race's figures, and whether it counts. */
export interface RaceRow {
  readonly target: number;
  readonly recipe: string;
  readonly epochs: number;
  readonly multiplyAdds: number | undefined;
  /** Test accuracy after the last epoch, over the seeds. */
  readonly accuracy: Spread;
  /** Mean training time, without evaluation. */
  readonly seconds: number;
  /** Mean training time in units of an epoch of `base` in the same process. */
  readonly baseEpochs: number;
  /** Processors and threads of the machines that trained, each once. */
  readonly machines: readonly string[];
  /** Why the row does not count; null if it does. */
  readonly problem: string | null;
}

/** Computes the figures of a race from its runs. */
export function raceRow({ target, runs }: RaceResult): RaceRow {
  const [{ record: first }] = runs as [RaceRun];
  // A run that was not tested counts as wrong throughout; the row does not count anyway.
  const accuracy = seedSpread(runs.map(({ record }) => record.evaluations?.test?.accuracy ?? 0));
  return {
    target,
    recipe: first.recipeName,
    epochs: first.epochs,
    multiplyAdds: first.multiplyAdds,
    accuracy,
    seconds: meanOf(runs.map(({ record }) => record.result.seconds)),
    baseEpochs: meanOf(runs.map(baseEpochsOf)),
    machines: [...new Set(runs.map(({ record }) => `${record.cpu.model}, ${counted(record.threads, "thread")}`))],
    problem: problemOf({ target, runs, accuracy }),
  };
}

/** Training time of a run in epochs of `base`; where several processes trained it, each part in the unit of its own. */
function baseEpochsOf({ record, baseEpochSeconds }: RaceRun): number {
  const { seconds } = record.result;
  if (!record.baseEpochs) return seconds / baseEpochSeconds!;
  const parts = record.baseEpochs.map((part, i, all) => {
    // What was trained before the first unit was timed has that unit too.
    const from = i === 0 ? 0 : part.from;
    return ((all[i + 1]?.from ?? seconds) - from) / part.seconds;
  });
  return parts.reduce((sum, part) => sum + part);
}

function problemOf({
  target,
  runs,
  accuracy,
}: Pick<RaceResult, "target" | "runs"> & { readonly accuracy: Spread }): string | null {
  const wanted = RACE_TARGETS.find((one) => one.accuracy === target);
  if (!wanted) return `${percent(target)} is not a target of the race`;
  const records = runs.map(({ record }) => record);
  if (new Set(records.map(({ recipe, networkSha256 }) => JSON.stringify([recipe, networkSha256]))).size > 1) {
    return "its runs are of different recipes";
  }
  if (!records.every(isOfPublishedData))
    return "not trained and tested on the 55,000 and 10,000 images of Fashion-MNIST";
  if (records.some(({ evaluations }) => !evaluations?.test)) return "a run is not tested";
  const seeds = records.map(({ seed }) => seed);
  if (seeds.some((seed, i) => seed !== i + 1)) return `its seeds are ${seeds.join(", ")}, not 1 to ${seeds.length}`;
  if (new Set(records.map(({ result }) => result.weightsSha256)).size < records.length) return "a run occurs twice";
  if (runs.length < wanted.seeds) return `${counted(runs.length, "seed")}; ${wanted.seeds} are needed`;
  if (accuracy.mean < target) return `mean ${percent(accuracy.mean)} is below ${percent(target)}`;
  return null;
}

/** Whether a run used the training images of the split, all of them, and the test images as published. */
function isOfPublishedData({ trainOn, limit, data, evaluations }: RaceRun["record"]): boolean {
  const published = new Set(Object.values(FASHION_MNIST.files).map(({ sha256 }) => sha256));
  const own = new Set(data.files.map(({ sha256 }) => sha256));
  const isSame = own.size === published.size && [...own].every((sha256) => published.has(sha256));
  const isWhole = trainOn === "split" && limit === null && (evaluations?.test?.total ?? 10_000) === 10_000;
  return isSame && isWhole;
}

function meanOf(values: readonly number[]): number {
  return seedSpread(values).mean;
}

/** A row of the board: a race's figures, or why a file has none. */
export interface RaceEntry {
  readonly file: string;
  /** Undefined for a damaged file, or one of another kind. */
  readonly row?: RaceRow | undefined;
  /** Why it does not count; null if it does. */
  readonly problem: string | null;
}

/**
 * The board: for each target the races that reach it, fastest first, then those that do not count, with the reason. A
 * target that no race reaches has a row that says so.
 */
export function raceTable(entries: readonly RaceEntry[], targets: readonly RaceTarget[] = RACE_TARGETS): Table {
  const rows = targets.flatMap(({ accuracy }) => {
    const reached = entries
      .flatMap(({ row }) => (row?.target === accuracy && row.problem === null ? [row] : []))
      .sort((a, b) => a.baseEpochs - b.baseEpochs);
    return reached.length > 0 ? reached.map(cellsOf) : [[percent(accuracy), "no race reaches it yet", ...UNKNOWNS]];
  });
  const others = entries.filter(({ problem }) => problem !== null);
  return {
    title: "The race on Fashion-MNIST: training time until a mean test accuracy",
    header: ["target", "recipe", "test accuracy", "n", "epochs", "multiply-adds", "seconds", "base epochs", "machine"],
    leftColumns: [0, 1, 8],
    rows,
    notes: [
      "Mean and standard deviation over seeds 1 to n, after the last epoch. Seconds: training of a run, without evaluation. Base epochs: the same in units of one epoch of recipe base, timed before the run in the same process.",
      ...others.map(({ file, problem }) => `${file} does not count: ${problem}.`),
    ],
  };
}

const UNKNOWNS = new Array<string>(7).fill(UNKNOWN);

function cellsOf(row: RaceRow): string[] {
  const { target, recipe, accuracy, epochs, multiplyAdds, seconds, baseEpochs, machines } = row;
  return [
    percent(target),
    recipe,
    shortSpreadText(accuracy),
    String(accuracy.n),
    String(epochs),
    known(multiplyAdds, large),
    duration(seconds),
    baseEpochs.toFixed(1),
    machines.join("; "),
  ];
}
