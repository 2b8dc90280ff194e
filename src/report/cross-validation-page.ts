import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import type { Spread } from "../evaluation/significance.ts";
import { count, counted, duration, percent } from "../text.ts";
import { html } from "./html.ts";
import type { StudyFigure } from "./node/sheets.ts";
import { type PageSection, wholePage } from "./page.ts";
import { evaluationSections, factsHtml, type PageOrigin, type ReportedEvaluation, timeText } from "./run-page.ts";
import { configurationTable } from "./run-tables.ts";
import { type Table, tableHtml } from "./tables.ts";
import { spreadText } from "./wording.ts";

/** The run that one fold validates. */
export interface ReportedFold {
  readonly run: string;
  /** From 1. */
  readonly number: number;
  readonly metrics: ClassificationMetrics;
  /** During the last epoch, 0 to 1. */
  readonly trainAccuracy: number;
  /** Training time. */
  readonly seconds: number;
}

/** The data of the report of a cross-validation. */
export interface CrossValidationReport {
  readonly recipeName: string;
  /** As JSON. */
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly dataName: string;
  /** In the order of their numbers. */
  readonly folds: readonly ReportedFold[];
  /** Number of folds of the cross-validation; some may not be in `folds`. */
  readonly of: number;
  /** Over the folds. */
  readonly accuracy: Spread;
  /** All folds' images, each answered by the run that did not train on it. */
  readonly pooled: Pick<ReportedEvaluation, "images" | "metrics" | "ranking">;
  readonly made: PageOrigin;
  /** The command line that makes the page, where one does. */
  readonly command: string | null;
}

/** The report of a cross-validation as one self-contained HTML file. Deterministic. */
export function crossValidationPage(report: CrossValidationReport, figures: readonly StudyFigure[]): string {
  const { recipeName, recipe, seed, dataName, folds, of, accuracy, pooled, made, command } = report;
  const { metrics } = pooled;
  const all = `${folds.length === of ? "" : `${folds.length} of `}${counted(of, "fold")}`;
  const sections: PageSection[] = [
    { id: "results", title: "Results", body: [tableHtml(foldsTable(report))] },
    ...evaluationSections(pooled, figures),
    { id: "configuration", title: "Configuration", body: [tableHtml(configurationTable(recipe))] },
    {
      id: "made",
      title: "How it was made",
      body: [
        factsHtml([
          [
            "This page",
            `made ${timeText(made.date)} by tailor ${made.version}. Its figures are of ${counted(metrics.total, "image")} of ${all}, each classified by the run that was not trained on it. It does not change when runs are evaluated again.`,
          ],
          ["Seed", String(seed)],
          ...(command === null ? [] : [["Command", html`<code>${command}</code>`] as const]),
        ]),
      ],
    },
  ];
  return wholePage({
    title: `${recipeName} on ${dataName}, ${all}`,
    version: made.version,
    lead: `${spreadText(accuracy)}, mean and standard deviation over the folds. Of all their images ${percent(metrics.accuracy)} are classified correctly, ${count(metrics.correct)} of ${count(metrics.total)}.`,
    sections,
  });
}

/** Accuracy and cost of each fold's run. */
export function foldsTable({ folds, accuracy, pooled: { metrics } }: CrossValidationReport): Table {
  return {
    title: "Each fold, validated by the run that was not trained on it",
    header: ["fold", "run", "accuracy", "right", "standard error", "loss", "training accuracy", "trained in"],
    leftColumns: [0, 1],
    rows: [
      ...folds.map(({ number, run, metrics: own, trainAccuracy, seconds }) => [
        String(number),
        run,
        ...answers(own),
        percent(trainAccuracy),
        duration(seconds),
      ]),
      ["all", "", ...answers(metrics), "", duration(folds.reduce((sum, { seconds }) => sum + seconds, 0))],
    ],
    notes: [
      `Over the folds: ${spreadText(accuracy)}. The folds' training images overlap, so this spread tells little of how another set of images would do. Loss: cross entropy in nats. Training accuracy: during the last epoch.`,
    ],
  };
}

function answers({ accuracy, correct, total, standardError, loss }: ClassificationMetrics): string[] {
  return [percent(accuracy), `${count(correct)} of ${count(total)}`, percent(standardError), loss.toFixed(4)];
}
