import type { ImageSet } from "../data/image-set.ts";
import { imageTask } from "../data/training-data.ts";
import { differencesInBlocks, type MeanDifference, seedSpread } from "../evaluation/significance.ts";
import { modelFacts } from "../nn/model-facts.ts";
import type { AblationReport, AblationRow } from "../report/node/ablation-report.ts";
import { listText, points } from "../report/wording.ts";
import { percent } from "../text.ts";
import type { PlannedAblationRow } from "./ablation.ts";
import type { PlannedRun } from "./planned-run.ts";
import type { EvaluatedRun } from "./train-all.ts";

/** A row with its runs, in the order of their seeds; null where one of them diverged. */
interface AssembledRow extends Omit<PlannedAblationRow, "runs"> {
  readonly planned: readonly PlannedRun[];
  readonly runs: readonly EvaluatedRun[] | null;
}

type EvaluatedRow = AssembledRow & { readonly runs: readonly EvaluatedRun[] };

/** Compares each row with its part's reference. All rows have the same seeds, at least one; at least one row has runs. */
export function assembleAblation(
  rows: readonly AssembledRow[],
  { split, images }: { split: AblationReport["split"]; images: ImageSet },
): AblationReport {
  const { record, recipe } = rows.find(isEvaluated)!.runs[0]!;
  const parts = [...new Set(rows.map(({ part }) => part))].map((part) => {
    const own = rows.filter((row) => row.part === part);
    const reference = own.find(({ change }) => change === null);
    if (!reference) throw new Error(`${part.title}: no reference among the rows`);
    const compared = isEvaluated(reference) ? own.filter(isEvaluated).filter((row) => row !== reference) : [];
    const differences = isEvaluated(reference)
      ? differencesInBlocks(accuraciesOf(reference), compared.map(accuraciesOf))
      : [];
    const differenceOf = new Map(compared.map((row, i) => [row as AssembledRow, differences[i]!]));
    return {
      title: part.title,
      reference: part.reference.name,
      rows: [reference, ...own.filter((row) => row !== reference)].map((row) =>
        resultOf(row, differenceOf.get(row) ?? null, images),
      ),
    };
  });
  return { split, epochs: recipe.epochs, seeds: rows[0]!.planned.length, trainImages: record.data.trainImages, parts };
}

function isEvaluated(row: AssembledRow): row is EvaluatedRow {
  return row.runs !== null;
}

function accuraciesOf({ runs }: EvaluatedRow): number[] {
  return runs.map(({ metrics }) => metrics.accuracy);
}

function resultOf(row: AssembledRow, difference: MeanDifference | null, images: ImageSet): AblationRow {
  const { change, part, planned } = row;
  const runs = row.runs ?? [];
  const classes = runs[0]?.metrics.perClass ?? [];
  return {
    change: change?.name ?? null,
    what: change?.what ?? `recipe ${part.reference.name}`,
    accuracy: isEvaluated(row) ? seedSpread(accuraciesOf(row)) : null,
    difference,
    seconds: isEvaluated(row) ? meanOf(runs.map(({ record }) => record.result.seconds)) : null,
    parameters: modelFacts(planned[0]!.recipe.model, imageTask(images)).parameters,
    runs: runs.map(({ seed, metrics: { accuracy }, record }) => {
      const { seconds, weightsSha256 } = record.result;
      return { seed, accuracy, seconds, commit: record.commit, weightsSha256 };
    }),
    recalls: classes.map(({ label }, i) => ({
      label,
      recall: meanOf(runs.map(({ metrics }) => metrics.perClass[i]!.recall)),
    })),
  };
}

function meanOf(values: readonly number[]): number {
  return seedSpread(values).mean;
}

/** Maximum number of classes to name as affected by a change. */
const NAMED_CLASSES = 3;

/**
 * The results in sentences, for each part: which changes affect accuracy significantly over the seeds, which do not,
 * and which classes the worst change affects most.
 */
export function ablationConclusion({ parts }: AblationReport): string[] {
  return parts.map(({ title, rows }) => {
    const changes = rows.flatMap(({ change, difference }) => (change && difference ? [{ change, ...difference }] : []));
    const texts = (chosen: readonly (MeanDifference & { change: string })[]) =>
      listText(chosen.map(({ change, mean }) => `${change} (${points(mean)})`));
    const better = changes.filter((change) => isClear(change) && change.mean > 0);
    const worse = changes.filter((change) => isClear(change) && change.mean < 0);
    const unclear = changes.filter((change) => !isClear(change));
    const diverged = divergedText(rows);
    if (changes.length === 0) return `${title}. ${diverged}`;
    if (changes.every(({ interval }) => interval === null)) {
      return `${title}. One seed does not say how much is chance: ${texts(changes)}.${diverged && ` ${diverged}`}`;
    }
    const sentences = [
      better.length > 0 ? `Better by more than the chance of the seeds: ${texts(better)}.` : "",
      worse.length > 0 ? `Worse by more than the chance of the seeds: ${texts(worse)}.` : "",
      unclear.length > 0 ? `Not told apart from that chance: ${texts(unclear)}.` : "",
      diverged,
      worstChange(rows),
    ];
    return `${title}. ${sentences.filter((sentence) => sentence !== "").join(" ")}`;
  });
}

/** Which rows have no result, as they diverged; empty if all have one. */
function divergedText(rows: readonly AblationRow[]): string {
  const diverged = rows.filter(({ accuracy }) => accuracy === null);
  if (diverged.some(({ change }) => change === null)) {
    return "The reference diverged, so there is nothing to compare with.";
  }
  const names = diverged.flatMap(({ change }) => change ?? []);
  if (names.length === 0) return "";
  return `Diverged, so ${names.length === 1 ? "it has" : "they have"} no accuracy: ${listText(names)}.`;
}

/** Whether a difference is significant over the seeds. */
function isClear({ interval }: MeanDifference): boolean {
  return interval !== null && interval.low * interval.high > 0;
}

/** Effect on single classes of the change with the largest significant loss; empty if there is none. */
function worstChange(rows: readonly AblationRow[]): string {
  const reference = rows.find(({ change }) => change === null)!;
  const [worst] = rows
    .filter(({ difference }) => difference !== null && isClear(difference) && difference.mean < 0)
    .toSorted((a, b) => a.difference!.mean - b.difference!.mean);
  if (!worst) return "";
  const moved = worst.recalls
    .map(({ label, recall }, i) => ({ label, recall, difference: recall - reference.recalls[i]!.recall }))
    .toSorted((a, b) => Math.abs(b.difference) - Math.abs(a.difference))
    .slice(0, NAMED_CLASSES)
    .map(({ label, recall, difference }) => `${label} (${points(difference)} points, to ${percent(recall, 1)})`);
  return `With ${worst.change} the share of images that are right changes most for ${listText(moved)}.`;
}
