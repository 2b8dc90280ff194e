import type { Lowering } from "../compile/program.ts";
import { differingFile } from "../data/differing-file.ts";
import type { LoadedData } from "../data/node/chain.ts";
import type { Fold } from "../data/split.ts";
import { imageTask } from "../data/training-data.ts";
import { UserError } from "../errors.ts";
import { sortedJson } from "../formats/json.ts";
import type { FittedRecipe } from "../recipes/fit-to-images.ts";
import { type Recipe, recipeToJson, withoutPlaces } from "../recipes/recipe.ts";
import { networkSha256 } from "../runs/node/hashes.ts";
import { type Run, readStateIfWhole } from "../runs/node/run-files.ts";
import { findRun } from "../runs/node/run-status.ts";
import type { FinishedRunRecord, RunRecord } from "../runs/run-record.ts";
import { counted } from "../text.ts";
import { timeBaseEpoch } from "../training/node/base-epoch.ts";
import type { TrainRunOptions } from "../training/node/train-into.ts";
import { resumeRun, trainNewRun } from "../training/node/train-run.ts";

/** A run to train: one of a study, a sweep, an ablation or a set of seeds. */
export interface PlannedRun {
  readonly recipe: Recipe;
  /** The recipe's original values of fields that were adapted to the number of images, if any. */
  readonly fittedFrom?: FittedRecipe["fittedFrom"] | undefined;
  /** The file that exports the recipe, unless it is built-in. */
  readonly recipeFile?: string | undefined;
  readonly seed: number;
  /** Its folder. */
  readonly path: string;
  readonly trainOn: "split" | "all";
  /** Training images to use; null: all. */
  readonly limit: number | null;
  /** The fold that validates, in a cross-validation. */
  readonly fold?: Fold | undefined;
  /** Whether an epoch of recipe `base` is timed before the run in the process that trains it: the unit of a race. */
  readonly timesBaseEpoch?: boolean | undefined;
}

/** A planned run without its seed and folder. */
export type SeedlessRun = Omit<PlannedRun, "seed" | "path">;

/** Plans runs with seeds 1 to `seeds`, each in its own folder. */
export function planSeeds(
  run: SeedlessRun,
  { seeds, pathOf }: { readonly seeds: number; readonly pathOf: (seed: number) => string },
): PlannedRun[] {
  return Array.from({ length: seeds }, (_, i) => ({ ...run, seed: i + 1, path: pathOf(i + 1) }));
}

/**
 * Runs in training order: seed by seed, so that an interrupted experiment has complete sets.
 *
 * @param sets each with the same seeds
 */
export function seedBySeed(sets: readonly (readonly PlannedRun[])[]): PlannedRun[] {
  return (sets[0] ?? []).flatMap((_, i) => sets.map((runs) => runs[i]!));
}

/** What is left to do of a planned run. */
export type RemainingWork =
  | { readonly todo: "nothing"; readonly record: FinishedRunRecord }
  | { readonly todo: "resume"; readonly run: Run<RunRecord> }
  /** There is no run yet, or none with a state to resume from. */
  | { readonly todo: "train" };

/** Settings of a planned run's training that identify the run. */
interface Given {
  readonly data: LoadedData;
  /** Default: any. */
  readonly lowering?: Lowering["kind"] | undefined;
}

/** A finished planned run. */
export interface FinishedRun extends PlannedRun {
  readonly record: FinishedRunRecord;
}

/**
 * What is left to do of a planned run: a study that was interrupted goes on where it was.
 *
 * @throws UserError when the folder contains a different or a damaged run
 */
export function remainingWork(planned: PlannedRun, { data, lowering }: Given): RemainingWork {
  const { path } = planned;
  const found = findRun(path);
  if (found === undefined) return { todo: "train" };
  if (found instanceof UserError) throw found;
  const { record } = found;
  if (record.status === "imported") {
    throw new UserError(
      (w) =>
        `${path} holds imported weights, not this study's run; choose another folder with ${w.option("out")}, or remove that run`,
      { exitCode: 2 },
    );
  }
  const difference = differenceOf(record, planned, { data, lowering });
  if (difference) {
    throw new UserError(
      (w) =>
        `${path} holds another run than the one asked for: ${difference}; choose another folder with ${w.option("out")}, or remove that run`,
      { exitCode: 2 },
    );
  }
  if (record.status === "finished") return { todo: "nothing", record };
  if (readStateIfWhole(path) === null) return { todo: "train" };
  return { todo: "resume", run: { path, record } };
}

/** The first difference between a record and the planned run; undefined if there is none. */
function differenceOf(
  record: RunRecord,
  { recipe, seed, trainOn, limit, fold }: PlannedRun,
  { data, lowering }: Given,
): string | undefined {
  const field = differingField(record.recipe, recipe);
  if (field)
    return `its recipe's ${field.name} is ${JSON.stringify(field.recorded)}, not ${JSON.stringify(field.asked)}`;
  if (record.seed !== seed) return `its seed is ${record.seed}, not ${seed}`;
  if (record.limit !== limit || record.trainOn !== trainOn) {
    return `it was trained on ${imagesText(record)}, not on ${imagesText({ trainOn, limit })}`;
  }
  if (record.fold?.number !== fold?.number || record.fold?.of !== fold?.of) {
    return `it was validated on ${foldText(record.fold)}, not on ${foldText(fold)}`;
  }
  if (lowering !== undefined && record.lowering !== lowering) {
    return `its operators were lowered to ${record.lowering}, not to ${lowering}`;
  }
  if (differingFile(data, record.data.files) !== undefined) return "it was trained on other data";
  const isSameNetwork =
    record.networkSha256 === undefined || record.networkSha256 === networkSha256(recipe.model, imageTask(data.train));
  return isSameNetwork ? undefined : `its network "${record.model}" is another one`;
}

/** The first field except the description in which a recorded recipe differs from the planned one, if any. */
export function differingField(
  recorded: Readonly<Record<string, unknown>>,
  recipe: Recipe,
): { name: string; recorded: unknown; asked: unknown } | undefined {
  const asked: Record<string, unknown> = recipeToJson(recipe);
  const [one, other] = [withoutPlaces(asked), withoutPlaces(recorded)];
  const name = [...new Set([...Object.keys(one), ...Object.keys(other)])].find(
    (field) => field !== "description" && sortedJson(one[field]) !== sortedJson(other[field]),
  );
  return name === undefined ? undefined : { name, recorded: recorded[name], asked: asked[name] };
}

/** "5,000 images of the training split" */
function imagesText({ trainOn, limit }: Pick<PlannedRun, "trainOn" | "limit">): string {
  const images = limit === null ? "all images" : counted(limit, "image");
  return trainOn === "all" ? `${images}, none left for validation` : `${images} of the training split`;
}

/** "fold 2 of 5" */
function foldText(fold: Fold | undefined): string {
  return fold ? `fold ${fold.number} of ${fold.of}` : "the usual split";
}

/**
 * Trains or resumes a planned run, unless it is finished already.
 *
 * @returns undefined when it was interrupted: the same call resumes
 */
export async function trainPlanned(planned: PlannedRun, options: TrainRunOptions): Promise<FinishedRun | undefined> {
  const { path: out, timesBaseEpoch = false, ...run } = planned;
  const work = remainingWork(planned, options);
  if (work.todo === "nothing") return { ...planned, record: work.record };
  const baseEpochSeconds = timesBaseEpoch ? await timeBaseEpoch(run, options) : undefined;
  if (timesBaseEpoch && baseEpochSeconds === undefined) return undefined;
  const trained =
    work.todo === "train"
      ? await trainNewRun({ ...run, out }, { ...options, baseEpochSeconds })
      : await resumeRun(work.run, { ...options, baseEpochSeconds, allowDifferent: false });
  return trained.isFinished ? { ...planned, record: trained.record } : undefined;
}
