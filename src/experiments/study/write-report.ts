import { pngBytes } from "../../plots/node/render.ts";
import {
  type AblationReport,
  type AblationWords,
  ablationFigures,
  ablationPage,
} from "../../report/node/ablation-report.ts";
import { studyFigures } from "../../report/node/figures.ts";
import type { StudyFigure } from "../../report/node/sheets.ts";
import { type SweepReport, sweepDrawing } from "../../report/node/sweep-report.ts";
import { studyPage } from "../../report/page.ts";
import type { StudyReport } from "../../report/report-data.ts";
import type { OutputFolder } from "../../runs/node/output-folder.ts";

/** Paths of a written report. */
export interface WrittenReport {
  /** The page. */
  readonly report: string;
  /** Each figure as SVG and PNG. */
  readonly plots: readonly string[];
}

/** Writes a report's page and its figures, each as SVG and PNG. */
export function writeReport(report: StudyReport, folder: OutputFolder): WrittenReport {
  const figures = studyFigures(report);
  return written(studyPage(report, figures), figures, folder);
}

/** The same for an ablation. */
export function writeAblation(report: AblationReport, words: AblationWords, folder: OutputFolder): WrittenReport {
  const figures = ablationFigures(report);
  return written(ablationPage(report, figures, words), figures, folder);
}

/** Writes a sweep's figure as SVG and PNG. @returns their paths; empty if every candidate diverged */
export function writeSweep(report: SweepReport, folder: OutputFolder): string[] {
  const figure = sweepDrawing(report);
  return figure ? writePlots([figure], folder) : [];
}

function written(page: string, figures: readonly StudyFigure[], folder: OutputFolder): WrittenReport {
  const plots = writePlots(figures, folder);
  return { report: folder.write("report.html", page), plots };
}

function writePlots(figures: readonly StudyFigure[], folder: OutputFolder): string[] {
  return figures.flatMap(({ name, svg }) => [
    folder.write(`plots/${name}.svg`, svg),
    folder.write(`plots/${name}.png`, pngBytes(svg)),
  ]);
}
