import { join } from "node:path";
import type { LoadedData } from "../data/node/chain.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import {
  type EvaluateOnOptions,
  type EvaluationSplit,
  evaluateRun,
  imagesOfSplit,
} from "../evaluation/node/evaluate-run.ts";
import { rankingOf } from "../evaluation/ranking.ts";
import { type PageOrigin, type Repeat, type ReportedEvaluation, type RunReport, runPage } from "../report/run-page.ts";
import { collectEnvironment } from "../runs/node/environment.ts";
import { makeFolder } from "../runs/node/output-folder.ts";
import { openRun, RUN_FILES, type Run, readMetrics, requireTrained } from "../runs/node/run-files.ts";
import { writeWholeFile } from "../runs/node/whole-file.ts";
import type { WrittenReport } from "./study/write-report.ts";

/** Folder of a report's figures, beside its page. */
const PLOTS = "plots";

/** Options of a run's report. */
export interface RunReportOptions extends Pick<EvaluateOnOptions, "threads" | "openModel"> {
  /** The run's data. */
  readonly data: LoadedData;
  /**
   * The images of the figures. Default: the test images if the run was evaluated on them, else the validation images; a
   * run without either gets a page without an evaluation.
   */
  readonly split?: EvaluationSplit | undefined;
  /** The run's metrics on `split`, if they are known already: they are not computed again. */
  readonly metrics?: ClassificationMetrics | undefined;
  /** How to train the run again, for the page. */
  readonly repeat?: Repeat | null | undefined;
}

/**
 * Writes the report of a finished or imported run into its folder: `report.html`, and its figures as SVG in `plots`. An
 * earlier report is replaced; the run's record stays as it is.
 *
 * @throws UserError when the run is unfinished or damaged, the data is not the run's, it has no such images, or the system
 *   refuses to write
 */
export async function writeRunReport(run: string | Run, options: RunReportOptions): Promise<WrittenReport> {
  const { page, figures, path } = await madeReport(run, options);
  makeFolder(join(path, PLOTS));
  const plots = figures.map(({ name, svg }) => {
    const file = join(path, PLOTS, `${name}.svg`);
    writeWholeFile(file, svg);
    return file;
  });
  const report = join(path, RUN_FILES.report);
  writeWholeFile(report, page);
  return { report, plots };
}

/**
 * The same page as text, without writing anything.
 *
 * @throws UserError as `writeRunReport` does
 */
export async function runReportPage(run: string | Run, options: RunReportOptions): Promise<string> {
  return (await madeReport(run, options)).page;
}

async function madeReport(run: string | Run, { repeat = null, ...options }: RunReportOptions) {
  const opened = openRun(run);
  requireTrained(opened);
  const { path, record } = opened;
  if (record.status === "running") throw new Error("requireTrained refuses running ones");
  const evaluation = await evaluationOf(opened, options);
  const report: RunReport = {
    path,
    record,
    epochs: record.status === "imported" ? [] : readMetrics(opened),
    evaluation,
    sample: evaluation
      ? { of: evaluation.split, images: evaluation.images }
      : { of: "training", images: options.data.train },
    made: pageOrigin(),
    repeat,
  };
  // Loaded on use, as the figures' libraries load slowly, also for programs that import the package for other things.
  const { runFigures } = await import("../report/node/run-figures.ts");
  const figures = runFigures(report);
  return { page: runPage(report, figures), figures, path };
}

export function pageOrigin(): PageOrigin {
  return { date: new Date().toISOString(), version: collectEnvironment().versions.tailor };
}

async function evaluationOf(
  run: Run,
  { data, split: wanted, metrics: known, threads, openModel }: Omit<RunReportOptions, "repeat">,
): Promise<ReportedEvaluation | null> {
  const split = wanted ?? defaultSplit(run);
  if (split === null) return null;
  const images = imagesOfSplit(run, data, split);
  const metrics =
    known ?? (await evaluateRun(run, { data, split, averageFlips: false, threads, openModel, isKept: false }));
  return { split, images, metrics, ranking: rankingOf(metrics.predictions, images.classNames) };
}

/** Test images are looked at only if they were before: a page about a run must not use them up. */
export function defaultSplit({ record }: Run): EvaluationSplit | null {
  if (record.evaluations?.test) return "test";
  return record.status !== "imported" && record.trainOn === "all" ? null : "validation";
}
