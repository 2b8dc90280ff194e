import type { ImageSet } from "../data/image-set.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import type { EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import type { Ranking } from "../evaluation/ranking.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import {
  type AnyRunRecord,
  type FinishedRunRecord,
  type ImportedRunRecord,
  recordedWeights,
} from "../runs/run-record.ts";
import { count, counted, duration, megabytes, percent } from "../text.ts";
import { type Html, html, prose } from "./html.ts";
import type { StudyFigure } from "./node/sheets.ts";
import { overfittingText } from "./overfitting.ts";
import { figuresHtml, type PageSection, sideBySide, wholePage } from "./page.ts";
import { classesTable, configurationTable, pairsTable, runCalibrationTable } from "./run-tables.ts";
import { tablesHtml } from "./tables.ts";
import { known, large } from "./wording.ts";

/** The data of the report of one run. */
export interface RunReport {
  /** The run's folder. */
  readonly path: string;
  readonly record: FinishedRunRecord | ImportedRunRecord;
  /** One line per epoch; empty for imported weights. */
  readonly epochs: readonly MetricsLine[];
  /** Null for a run that has no validation images and was not evaluated on the test images. */
  readonly evaluation: ReportedEvaluation | null;
  /** Images for the sample of the data. */
  readonly sample: { readonly of: "test" | "validation" | "training"; readonly images: ImageSet };
  readonly made: PageOrigin;
  /** How to train the same run again; null where it cannot be told. */
  readonly repeat: Repeat | null;
}

/** A run's answers to images. */
export interface ReportedEvaluation {
  readonly split: EvaluationSplit;
  readonly images: ImageSet;
  readonly metrics: ClassificationMetrics;
  readonly ranking: Ranking;
}

/** When and with what a page was made. */
export interface PageOrigin {
  /** ISO 8601. */
  readonly date: string;
  /** Version of tailor. */
  readonly version: string;
}

/** What to type to train a run again. */
export interface Repeat {
  readonly command: string;
  /** A file that the command reads, where the recipe is not known by a name. */
  readonly recipeFile?: { readonly name: string; readonly text: string } | undefined;
}

/** The report of one run as one self-contained HTML file. Deterministic. */
export function runPage(report: RunReport, figures: readonly StudyFigure[]): string {
  return wholePage({
    title: `${nameOf(report.record)} on ${dataName(report.record)}`,
    version: report.made.version,
    lead: leadOf(report),
    banner: bannerOf(report),
    sections: runSections(report, figures),
  });
}

/** A run's shown name: its recipe, or the model of imported weights. */
export function nameOf(record: AnyRunRecord): string {
  return record.status === "imported" ? `${record.model} (imported)` : record.recipeName;
}

/** The data's name: the last part of its folder, unless it is Fashion-MNIST. */
export function dataName(record: AnyRunRecord): string {
  if (record.status === "imported") return "data of unknown origin";
  const { verified, folder } = record.data;
  if (verified || folder === undefined) return "Fashion-MNIST";
  return folder.split(/[\\/]/).findLast((part) => part !== "") ?? folder;
}

function leadOf({ evaluation, record }: RunReport): string {
  const seed = record.status === "imported" ? "" : `Seed ${record.seed}. `;
  if (evaluation === null) {
    return `${seed}It trained on all images and was not evaluated on the test images, so no accuracy is known.`;
  }
  const { split, metrics } = evaluation;
  const { accuracy, correct, total, standardError, top5 } = metrics;
  const further = top5 === undefined ? "" : `; ${percent(top5)} among the first five`;
  return `${seed}${percent(accuracy)} ± ${(100 * standardError).toFixed(2)} (standard error) of the ${split} images are classified correctly, ${count(correct)} of ${count(total)}${further}.`;
}

/** What to know before reading on: accuracy that chose something, and overfitting. */
function bannerOf({ record, evaluation }: RunReport): Html | null {
  const overfitting = record.status === "imported" ? undefined : overfittingText(record);
  const notes = [
    ...(evaluation?.split === "validation"
      ? [
          "All figures are of the validation images, with which recipes and epochs are chosen; the test images were not used.",
        ]
      : []),
    ...(overfitting === undefined ? [] : [overfitting]),
  ];
  return notes.length > 0
    ? html`<div class="banner" role="note">${notes.map((note) => html`<p>${prose(note)}</p>\n`)}</div>`
    : null;
}

/** The page's sections in reading order; empty ones are omitted. */
function runSections(report: RunReport, figures: readonly StudyFigure[]): PageSection[] {
  const { evaluation, record } = report;
  const sections: PageSection[] = [
    { id: "results", title: "Results", body: [factsHtml(resultFacts(report))] },
    { id: "curves", title: "Training", body: sideBySide(figuresHtml(figures, "curves")) },
    ...(evaluation ? evaluationSections(evaluation, figures) : []),
    { id: "data", title: "The images", body: figuresHtml(figures, "data") },
    {
      id: "configuration",
      title: "Configuration",
      body: record.status === "imported" ? [] : tablesHtml(configurationTable(record.recipe)),
    },
    { id: "made", title: "How it was made", body: [factsHtml(originFacts(report)), ...repeatHtml(report.repeat)] },
  ];
  return sections.filter(({ body }) => body.length > 0);
}

/** What a model answered, from classes to rankings; empty sections are omitted. */
export function evaluationSections(
  { metrics, ranking }: Pick<ReportedEvaluation, "metrics" | "ranking">,
  figures: readonly StudyFigure[],
): PageSection[] {
  const sections: PageSection[] = [
    { id: "classes", title: "Class by class", body: tablesHtml(classesTable(metrics, ranking)) },
    {
      id: "confusion",
      title: "Confusion",
      body: [...figuresHtml(figures, "confusion"), ...tablesHtml(pairsTable(metrics))],
    },
    { id: "mistakes", title: "Most confident mistakes", body: figuresHtml(figures, "mistakes") },
    {
      id: "calibration",
      title: "Calibration",
      body: [...tablesHtml(runCalibrationTable(metrics)), ...figuresHtml(figures, "calibration")],
    },
    { id: "ranking", title: "ROC, precision and recall", body: sideBySide(figuresHtml(figures, "ranking")) },
  ];
  return sections.filter(({ body }) => body.length > 0);
}

/** A term and what is known of it. */
type Fact = readonly [string, string | Html];

/** Facts as a list of terms. */
export function factsHtml(facts: readonly Fact[]): Html {
  return html`<dl>${facts.map(([term, fact]) => html`<dt>${term}</dt><dd>${typeof fact === "string" ? prose(fact) : fact}</dd>\n`)}</dl>\n`;
}

function resultFacts({ record, evaluation }: RunReport): Fact[] {
  return [
    ["Recipe", `${nameOf(record)}, model ${record.model}`],
    ["Data", dataFact(record)],
    ...(evaluation ? evaluationFacts(evaluation) : []),
    ...(record.status === "imported" ? [] : trainingFacts(record)),
    ["Parameters", count(record.parameters)],
    ["Multiply-adds", `${known(record.multiplyAdds, large)}, forward pass of one image`],
  ];
}

function evaluationFacts({ split, metrics, ranking }: ReportedEvaluation): Fact[] {
  const { accuracy, correct, total, standardError, top5, loss, calibration } = metrics;
  const { macroAuc, macroAveragePrecision } = ranking;
  return [
    [
      "Accuracy",
      `${percent(accuracy)} of the ${split} images (${count(correct)} of ${count(total)}), standard error ${percent(standardError)}`,
    ],
    ...(top5 === undefined ? [] : [["Top-5 accuracy", percent(top5)] as const]),
    ["Loss", `${loss.toFixed(4)}, cross entropy in nats`],
    ["Calibration error", percent(calibration.error)],
    ["AUC", `${known(macroAuc, (area) => area.toFixed(4))}, mean of the classes, each against the rest`],
    ["Average precision", `${known(macroAveragePrecision, (area) => area.toFixed(4))}, mean of the classes`],
  ];
}

function trainingFacts({ result, epochs, data }: FinishedRunRecord): Fact[] {
  const { trainAccuracy, validationAccuracy, stoppedAfter, bestEpoch, seconds, imagesPerSecond, peakMemoryBytes } =
    result;
  const stopped = stoppedAfter === undefined ? "" : `; stopped early, after epoch ${stoppedAfter}`;
  const best = bestEpoch === undefined ? "" : `; weights of the best epoch, ${bestEpoch}`;
  return [
    ["Training accuracy", `${percent(trainAccuracy)}, during the last epoch`],
    ...(validationAccuracy === null ? [] : [["Validation accuracy", percent(validationAccuracy)] as const]),
    ["Epochs", `${counted(epochs, "epoch")} of ${count(data.trainImages)} images${stopped}${best}`],
    ["Training time", `${duration(seconds)}, ${count(imagesPerSecond)} images/s`],
    ["Peak memory", megabytes(peakMemoryBytes)],
  ];
}

function dataFact(record: RunReport["record"]): string {
  if (record.status === "imported") return `unknown; the weights are from ${record.source.file}`;
  const { trainImages, validationImages, image, classes } = record.data;
  const parts = [
    dataName(record),
    `${count(trainImages)} training and ${count(validationImages)} validation images`,
    ...(image ? [`${image.channels}x${image.height}x${image.width} pixels`] : []),
    ...(classes ? [counted(classes.length, "class", "classes")] : []),
  ];
  return parts.join(", ");
}

function originFacts({ path, record, evaluation, made }: RunReport): Fact[] {
  const { versions, cpu, commit, platform } = record;
  const weights = recordedWeights(record);
  const images =
    evaluation === null
      ? "No image was classified for it."
      : `Its figures are of ${count(evaluation.metrics.total)} ${evaluation.split} images.`;
  return [
    ["Run", html`<code>${path}</code>`],
    [
      "This page",
      `made ${timeText(made.date)} by tailor ${made.version}. ${images} It does not change when the run is evaluated again.`,
    ],
    ["Weights", weights === undefined ? "unknown" : html`SHA-256 <code>${weights}</code>`],
    [record.status === "imported" ? "Imported" : "Trained", timeText(record.startedAt)],
    ...(record.status === "imported" ? [] : computationFacts(record)),
    ["Processor", `${cpu.model}, ${counted(cpu.cores, "core")}; ${platform}`],
    ["Versions", `tailor ${versions.tailor}, Node ${versions.node}, ONNX Runtime ${versions.onnxruntime}`],
    ["Commit", commit ?? "unknown: not made in a checkout"],
  ];
}

function computationFacts({
  seed,
  threads,
  lowering,
  blockSize,
  gpu,
  device,
  trainOn,
  limit,
  data,
  fittedFrom,
}: FinishedRunRecord): Fact[] {
  const { source, folder, files, normalization } = data;
  const three = (values: readonly number[]) => values.map((value) => value.toFixed(4)).join(", ");
  return [
    ["Seed", String(seed)],
    [
      "Computation",
      `${counted(threads, "thread")}, ${lowering} lowering${blockSize === null ? "" : ` (block ${blockSize})`}${gpu ? `, GPU ${gpu.name ?? "of unknown name"} (${gpu.backend})` : ""}`,
    ],
    ...(device === undefined ? [] : [["Device", device] as const]),
    ...(fittedFrom
      ? [
          [
            "Adapted",
            `to the number of images: the recipe has batches of ${fittedFrom.batchSize} and ${counted(fittedFrom.epochs, "epoch")}`,
          ] as const,
        ]
      : []),
    ["Data", folder === undefined ? `Fashion-MNIST (${source})` : html`<code>${folder}</code>`],
    [
      "Images used",
      `${trainOn === "all" ? "all, none for validation" : "without those for validation"}${limit === null ? "" : `; limited to ${count(limit)}`}`,
    ],
    ...(normalization
      ? [
          [
            "Normalisation",
            `mean ${three(normalization.mean)}, standard deviation ${three(normalization.standardDeviation)}`,
          ] as const,
        ]
      : []),
    ...files.map(({ name, sha256 }): Fact => [name, html`SHA-256 <code>${sha256}</code>`]),
  ];
}

function repeatHtml(repeat: Repeat | null): Html[] {
  if (repeat === null) return [];
  const { command, recipeFile } = repeat;
  const file = recipeFile
    ? html`<p>The file <code>${recipeFile.name}</code> holds the recipe:</p>
<pre tabindex="0" role="region" aria-label="${recipeFile.name}"><code>${recipeFile.text}</code></pre>
`
    : null;
  return [
    html`<h3>To repeat it</h3>
<p><code>${command}</code></p>
${file}`,
  ];
}

/** `2026-01-31, 12:00 UTC` */
export function timeText(iso: string): string {
  return iso.replace(/T(\d\d:\d\d).*Z$/, ", $1 UTC");
}
