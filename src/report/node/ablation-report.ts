import type { MeanDifference, Spread } from "../../evaluation/significance.ts";
import { type DifferenceRow, differenceFigure } from "../../plots/difference.ts";
import { count, counted, duration } from "../../text.ts";
import { html, prose } from "../html.ts";
import { figureHtml, wholePage } from "../page.ts";
import { type Table, tableHtml } from "../tables.ts";
import { intervalText, known, points, shortSpreadText } from "../wording.ts";
import { drawn, type StudyFigure } from "./sheets.ts";

/** Results of an ablation: the effect of each change on its reference. Accuracies are fractions. */
export interface AblationReport {
  /** The images on which accuracies were measured. */
  readonly split: "test" | "validation";
  readonly epochs: number;
  readonly seeds: number;
  readonly trainImages: number;
  /** At least one. */
  readonly parts: readonly AblationResultPart[];
}

/** Results of the changes to one recipe. */
export interface AblationResultPart {
  readonly title: string;
  /** Name of the reference recipe. */
  readonly reference: string;
  /** The reference first. */
  readonly rows: readonly AblationRow[];
}

/** Results of a change, or of the reference, over the seeds. */
export interface AblationRow {
  /** Null for the reference. */
  readonly change: string | null;
  readonly what: string;
  /** Null where a run diverged: the row then has no runs, recalls or training time either. */
  readonly accuracy: Spread | null;
  /** Difference from the reference, paired by seed; null for the reference itself, and where either diverged. */
  readonly difference: MeanDifference | null;
  /** Training time, mean of the seeds. */
  readonly seconds: number | null;
  readonly parameters: number;
  /** In the order of the seeds. */
  readonly runs: readonly AblationRun[];
  /** Recall of each class, mean of the seeds, [classes]. */
  readonly recalls: readonly { readonly label: string; readonly recall: number }[];
}

/** One run of a row. */
export interface AblationRun {
  readonly seed: number;
  readonly accuracy: number;
  /** Training time. */
  readonly seconds: number;
  /** The commit of tailor that trained it; null where unknown. */
  readonly commit: string | null;
  readonly weightsSha256: string;
}

/** An ablation's results as JSON, for `ablate --json` and `ablation.json`. */
export function ablationSummary({ parts, ...setting }: AblationReport) {
  const rows = parts.flatMap(({ reference, rows }) =>
    rows.map(({ difference, recalls, ...row }) => ({
      reference,
      ...row,
      difference: difference?.mean ?? null,
      interval: difference?.interval ? [difference.interval.low, difference.interval.high] : null,
      recalls: Object.fromEntries(recalls.map(({ label, recall }) => [label, recall])),
    })),
  );
  return { ...setting, rows };
}

/** A table for each part. */
export function ablationTables({ parts, split, epochs, seeds }: AblationReport): Table[] {
  return parts.map(({ title, rows }) => ({
    title,
    header: ["", "accuracy", "points", "95 % interval", "trained in", "what"],
    leftColumns: [0, 5],
    rows: rows.map(({ change, what, accuracy, difference, seconds }) => [
      change ?? "(reference)",
      accuracy ? shortSpreadText(accuracy) : "diverged",
      known(difference, ({ mean }) => points(mean)),
      known(difference?.interval, intervalText),
      known(seconds, duration),
      what,
    ]),
    strongRows: [0],
    notes: [
      `Accuracy on the ${split} images after ${counted(epochs, "epoch")}, ${counted(seeds, "seed")}; differences are taken seed by seed.`,
      seeds > 1
        ? "Intervals are Student's t, the chance of the seeds estimated from all rows together; each holds by itself, and for these images: the chance of other images is not in it."
        : "One seed has no intervals: it does not say how much is chance.",
    ],
  }));
}

/** A forest plot for each part in which there is something to compare. */
export function ablationFigures({ parts, split, seeds }: AblationReport): StudyFigure[] {
  return parts.filter(isCompared).map(({ title, reference, rows }) =>
    drawn(
      differenceFigure,
      { title, xLabel: `points of ${split} accuracy`, rows: rows.flatMap(figureRow) },
      {
        name: figureName(reference),
        title,
        caption:
          seeds > 1
            ? `Accuracy minus that of ${reference}, mean of ${counted(seeds, "seed")} with 95 % intervals. An interval that leaves out 0 speaks for a difference that is no accident of the seeds; of twenty changes that change nothing, one looks as if it did.`
            : `Accuracy minus that of ${reference}, one seed: how much of it is chance is not known.`,
        section: "gains",
      },
    ),
  );
}

function isCompared({ rows }: AblationResultPart): boolean {
  return rows.some(({ difference }) => difference !== null);
}

function figureName(reference: string): string {
  return `ablation-${reference}`;
}

function figureRow({ change, what, difference }: AblationRow): DifferenceRow[] {
  if (change === null || difference === null) return [];
  const { mean, interval } = difference;
  return [{ name: change, difference: mean, low: interval?.low, high: interval?.high, note: what }];
}

/** Text of an ablation's page. */
export interface AblationWords {
  /** Paragraphs. */
  readonly conclusion: readonly string[];
  /** The command line, for reproduction. */
  readonly command: string;
  /** Version of tailor. */
  readonly version: string;
}

/** The ablation as one HTML file: the conclusion, then a table and a picture for each part. */
export function ablationPage(
  report: AblationReport,
  figures: readonly StudyFigure[],
  { conclusion, command, version }: AblationWords,
): string {
  const tables = ablationTables(report);
  const { epochs, seeds, trainImages, split } = report;
  const runs = `${counted(seeds, "seed")} of each recipe, ${counted(epochs, "epoch")} on ${count(trainImages)} images`;
  return wholePage({
    title: "Effect of each technique",
    version,
    lead: `${runs}; accuracies are of the ${split} images, after the last epoch.`,
    sections: [
      { id: "conclusion", title: "In short", body: conclusion.map((text) => html`<p>${prose(text)}</p>\n`) },
      ...report.parts.map(({ title, reference }, i) => ({
        id: reference,
        title,
        body: [tableHtml(tables[i]!), ...figures.filter(({ name }) => name === figureName(reference)).map(figureHtml)],
      })),
      { id: "made", title: "How it was made", body: [html`<p><code>${command}</code></p>`] },
    ],
  });
}
