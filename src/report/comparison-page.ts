import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import type { EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import type { PairedComparison, Spread } from "../evaluation/significance.ts";
import { count, counted, duration, percent } from "../text.ts";
import { html } from "./html.ts";
import { perClassTables } from "./model-tables.ts";
import type { StudyFigure } from "./node/sheets.ts";
import { figureHtml, type PageSection, wholePage } from "./page.ts";
import { factsHtml, type PageOrigin, timeText } from "./run-page.ts";
import { fieldsOf } from "./run-tables.ts";
import { type Table, tablesHtml } from "./tables.ts";
import { intervalText, known, large, points, pText, spreadText, UNKNOWN } from "./wording.ts";

/** A run of a comparison. */
export interface ComparisonRun {
  /** Its folder. */
  readonly run: string;
  readonly recipe: string;
  readonly seed: number | null;
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Training time; null if unknown. */
  readonly seconds: number | null;
  readonly metrics: ClassificationMetrics;
}

/** Runs that differ only in their seeds. */
export interface ComparisonGroup {
  readonly name: string;
  readonly accuracy: Spread;
}

/** Two runs on the same images: `b` minus `a`. */
export interface ComparisonPair extends PairedComparison {
  readonly a: string;
  readonly b: string;
}

/** The data of a page that compares runs. */
export interface ComparisonReport {
  readonly split: EvaluationSplit;
  readonly runs: readonly ComparisonRun[];
  readonly groups: readonly (ComparisonGroup & {
    /** Its first run. */
    readonly first: ComparisonRun;
    /** Its recipe as JSON, with what else tells the groups apart; null for imported weights. */
    readonly settings: Readonly<Record<string, unknown>> | null;
  })[];
  /** Each run with each; with many runs, the groups' first runs only. */
  readonly pairs: readonly ComparisonPair[];
  readonly made: PageOrigin;
  /** The command line that makes the page, where one does. */
  readonly command: string | null;
}

/** Accuracy and cost of each run. */
export function runsTable(
  runs: readonly ComparisonRun[],
  groups: readonly ComparisonGroup[],
  split: EvaluationSplit,
): Table {
  return {
    title: `Accuracy on the ${split} images`,
    header: [
      "run",
      "recipe",
      "seed",
      "accuracy",
      "right",
      "standard error",
      "parameters",
      "multiply-adds",
      "trained in",
    ],
    leftColumns: [0, 1],
    rows: runs.map(({ run, recipe, seed, metrics, parameters, multiplyAdds, seconds }) => [
      run,
      recipe,
      known(seed, String),
      percent(metrics.accuracy),
      `${count(metrics.correct)} of ${count(metrics.total)}`,
      percent(metrics.standardError),
      count(parameters),
      large(multiplyAdds),
      known(seconds, duration),
    ]),
    notes: groups
      .filter(({ accuracy }) => accuracy.n > 1)
      .map(({ name, accuracy }) => `${name} over seeds: ${spreadText(accuracy)}`),
  };
}

/** Differences between runs on the same images, with intervals. */
export function pairsTable(pairs: readonly ComparisonPair[]): Table {
  return {
    title: "Each run minus another, on the same images",
    header: ["b", "minus a", "points", "95 % interval", "McNemar", "only a right", "only b right"],
    leftColumns: [0, 1],
    rows: pairs.map(({ a, b, difference, interval, p, onlyFirst, onlySecond }) => [
      b,
      a,
      points(difference),
      intervalText(interval),
      pText(p),
      count(onlyFirst),
      count(onlySecond),
    ]),
    notes: [
      "Intervals and p (McNemar's exact test, two-sided) tell what the chance of the images can do, not that of the seed.",
    ],
  };
}

/** Further metrics of each run. */
function metricsTable(runs: readonly ComparisonRun[]): Table {
  const hasTop5 = runs.some(({ metrics }) => metrics.top5 !== undefined);
  return {
    title: "Further metrics",
    header: ["run", ...(hasTop5 ? ["top-5 accuracy"] : []), "loss", "ECE", "confidence minus accuracy"],
    leftColumns: [0],
    rows: runs.map(({ run, metrics: { top5, loss, calibration } }) => [
      run,
      ...(hasTop5 ? [known(top5, percent)] : []),
      loss.toFixed(4),
      percent(calibration.error),
      points(calibration.overconfidence),
    ]),
    notes: [
      "Loss: cross entropy in nats. ECE: expected calibration error. Confidence minus accuracy, in points: above 0 over-confident, below 0 under-confident.",
    ],
  };
}

/** The settings in which the groups differ; without rows where they do not. */
export function differencesTable(groups: ComparisonReport["groups"]): Table {
  const trained = groups.filter(({ settings }) => settings !== null);
  const columns = trained.map(({ settings }) => new Map(fieldsOf(settings!)));
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  const valuesOf = (name: string) => columns.map((column) => column.get(name) ?? UNKNOWN);
  return {
    title: "Settings that differ",
    header: ["field", ...trained.map(({ name }) => name)],
    leftColumns: [0, ...trained.map((_, i) => i + 1)],
    rows: names.filter((name) => new Set(valuesOf(name)).size > 1).map((name) => [name, ...valuesOf(name)]),
    notes: [],
  };
}

/** A comparison of runs as one self-contained HTML file. Deterministic. */
export function comparisonPage(report: ComparisonReport, figures: readonly StudyFigure[]): string {
  const { split, runs, groups, pairs, made, command } = report;
  const tested = groups.map(({ name, first }) => ({ recipe: name, test: first.metrics }));
  const sections: PageSection[] = [
    { id: "results", title: "Results", body: tablesHtml(runsTable(runs, groups, split), metricsTable(runs)) },
    { id: "pairs", title: "Run against run", body: tablesHtml(pairsTable(pairs)) },
    { id: "curves", title: "Training", body: figures.map(figureHtml) },
    { id: "classes", title: "Class by class", body: tablesHtml(...perClassTables(tested)) },
    { id: "configuration", title: "Configuration", body: tablesHtml(differencesTable(groups)) },
    {
      id: "made",
      title: "How it was made",
      body: [
        factsHtml([
          [
            "This page",
            `made ${timeText(made.date)} by tailor ${made.version}. Its figures are of ${count(runs[0]!.metrics.total)} ${split} images; those of classes are of the first run of each recipe. It does not change when runs are evaluated again.`,
          ],
          ...(command === null ? [] : [["Command", html`<code>${command}</code>`] as const]),
        ]),
      ],
    },
  ];
  return wholePage({
    title: `Comparison of ${counted(runs.length, "run")}`,
    version: made.version,
    lead: `On the ${split} images: ${groups.map(({ name, accuracy }) => `${name} ${spreadText(accuracy)}`).join("; ")}.`,
    sections: sections.filter(({ body }) => body.length > 0),
  });
}
