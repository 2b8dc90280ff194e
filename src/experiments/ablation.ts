import { UserError } from "../errors.ts";
import type { EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import { baseBatchNorm, baseDropout, enhancedPlain } from "../models/study.ts";
import { base, baseStudy, enhanced, enhancedStudy, enhancedVflip } from "../recipes/index.ts";
import type { Recipe } from "../recipes/recipe.ts";
import type { AblationReport } from "../report/node/ablation-report.ts";
import type { OutputFolder } from "../runs/node/output-folder.ts";
import { counted } from "../text.ts";
import { assembleAblation } from "./ablation-result.ts";
import { divergedRuns, trainSets } from "./diverged-runs.ts";
import { type PlannedRun, planSeeds } from "./planned-run.ts";
import { type ExperimentOptions, evaluateAll } from "./train-all.ts";

/** A change of its part's reference recipe. */
export interface AblationChange {
  /** Short, for options, folders and the figure. */
  readonly name: string;
  /** Description of the difference: "batch norm after ...". */
  readonly what: string;
  readonly recipe: Recipe;
}

/** Changes of one reference recipe. */
export interface AblationPart {
  readonly title: string;
  readonly reference: Recipe;
  readonly changes: readonly AblationChange[];
}

/** Effect of each technique: the study's four changes added one at a time, then ours taken away one at a time. */
export const ABLATION: readonly AblationPart[] = [
  {
    title: "The study's changes, each added to base-study",
    reference: baseStudy,
    changes: [
      {
        name: "vertical-flips",
        what: "random vertical flips besides the horizontal ones",
        recipe: { ...baseStudy, augmentation: { ...baseStudy.augmentation, verticalFlip: true } },
      },
      {
        name: "batch-norm",
        what: "batch norm after convolutions and the hidden dense layer",
        recipe: { ...baseStudy, model: baseBatchNorm },
      },
      { name: "dropout", what: "dropout of 0.3 before the last layer", recipe: { ...baseStudy, model: baseDropout } },
      {
        name: "depth-width",
        what: "five convolutions and 256 dense units instead of two and 128",
        recipe: { ...baseStudy, model: enhancedPlain },
      },
      { name: "all-four", what: "all of these: enhanced-study", recipe: enhancedStudy },
    ],
  },
  {
    title: "One change at a time to enhanced",
    reference: enhanced,
    changes: [
      {
        name: "no-schedule",
        what: "a constant rate of 1e-3 instead of one-cycle up to 4e-3",
        recipe: { ...enhanced, schedule: { kind: "constant" }, learningRate: 1e-3 },
      },
      {
        name: "no-muon",
        what: "Adam instead of Muon, at the same rates",
        recipe: { ...enhanced, optimizer: base.optimizer },
      },
      { name: "no-smoothing", what: "no label smoothing", recipe: { ...enhanced, labelSmoothing: 0 } },
      {
        name: "no-shift",
        what: "no shifts of 1 px",
        recipe: { ...enhanced, augmentation: { horizontalFlip: "alternating" } },
      },
      {
        name: "random-flips",
        what: "random horizontal flips instead of alternating ones",
        recipe: { ...enhanced, augmentation: { ...enhanced.augmentation, horizontalFlip: "random" } },
      },
      {
        name: "no-flips",
        what: "no flips at all",
        recipe: { ...enhanced, augmentation: { shift: 1 } },
      },
      {
        name: "with-averaging",
        what: "averages of weights, decay 0.998, added",
        recipe: { ...enhanced, averaging: { kind: "exponential", decay: 0.998 } },
      },
      { name: "with-vertical-flips", what: "the study's vertical flips added", recipe: enhancedVflip },
    ],
  },
];

/** How an ablation's runs are planned. */
export interface AblationOptions {
  /** The output folder. */
  readonly out: string;
  readonly epochs: number;
  /** Number of seeds of each recipe, from 1. */
  readonly seeds: number;
  /** Number of training images to use; null: all. */
  readonly limit: number | null;
}

/** A row of the ablation with its runs; without a change, its part's reference. */
export interface PlannedAblationRow {
  readonly part: AblationPart;
  readonly change: AblationChange | null;
  readonly runs: readonly PlannedRun[];
}

/** Plans the rows of parts, each reference first. Every recipe is trained for the same number of epochs. */
export function planAblation(
  parts: readonly AblationPart[],
  { out, epochs, seeds, limit }: AblationOptions,
): PlannedAblationRow[] {
  const row = (part: AblationPart, change: AblationChange | null): PlannedAblationRow => {
    const name = change ? `${part.reference.name}+${change.name}` : part.reference.name;
    const recipe = { ...(change?.recipe ?? part.reference), name, epochs };
    const pathOf = (seed: number) => `${out}/runs/${name}-s${seed}`;
    return { part, change, runs: planSeeds({ recipe, trainOn: "split", limit }, { seeds, pathOf }) };
  };
  return parts.flatMap((part) => [row(part, null), ...part.changes.map((change) => row(part, change))]);
}

/** Options of `runAblation`. */
export interface RunAblationOptions extends ExperimentOptions {
  /** The images on which the rows are compared. */
  readonly split: EvaluationSplit;
  /** The output folder; its marker is written before the first run is trained. */
  readonly folder: OutputFolder;
}

/**
 * Trains the runs of all rows, evaluates them, and compares each row with its part's reference. A row that diverges has no
 * accuracy and does not end the others.
 *
 * @returns undefined when it was interrupted: the same call resumes
 * @throws UserError as `trainAll` does, and when all rows diverge
 */
export async function runAblation(
  rows: readonly PlannedAblationRow[],
  { split, folder, ...options }: RunAblationOptions,
): Promise<AblationReport | undefined> {
  const trained = await trainSets(
    rows.map(({ runs }) => runs),
    divergedRuns(folder, options),
    { ...options, onBegin: () => folder.begin({ split }) },
  );
  if (!trained) return undefined;
  const isTrained = new Set(trained.map(({ path }) => path));
  const wholeRows = rows.filter(({ runs }) => runs.every(({ path }) => isTrained.has(path)));
  if (wholeRows.length === 0)
    throw new UserError(`all ${counted(rows.length, "row")} diverged; try lower learning rates`);
  const isWanted = new Set(wholeRows.flatMap(({ runs }) => runs.map(({ path }) => path)));
  const evaluated = await evaluateAll(
    trained.filter(({ path }) => isWanted.has(path)),
    { ...options, split },
  );
  if (!evaluated) return undefined;
  const runAt = new Map(evaluated.map((run) => [run.path, run]));
  const evaluatedRows = rows.map((row) => ({
    ...row,
    planned: row.runs,
    runs: wholeRows.includes(row) ? row.runs.map(({ path }) => runAt.get(path)!) : null,
  }));
  return assembleAblation(evaluatedRows, { split, images: options.data.train });
}
