import type { FigureSection, StudyFigure } from "./drawn-figure.ts";
import { figureHtml } from "./figure-html.ts";
import { type Html, html, prose } from "./html.ts";
import { ladderTable, notCredibleTable } from "./ladder-table.ts";
import { howItWasMade } from "./made.ts";
import { calibrationTable, confusedPairsTable, perClassTables } from "./model-tables.ts";
import type { StudyReport } from "./report-data.ts";
import { gainsTable, resultsTable } from "./result-tables.ts";
import { type Table, tableHtml } from "./table.ts";

/** A part of the page with a heading and a place in the table of contents. */
export interface PageSection {
  readonly id: string;
  readonly title: string;
  readonly body: readonly Html[];
}

/** The page's parts in reading order: what came out first, how, and what is concluded last. Empty ones are left out. */
export function pageSections(report: StudyReport, figures: readonly StudyFigure[]): PageSection[] {
  const { models, conclusion, isFashionMnist } = report;
  const pictures = (section: FigureSection) => figures.filter((figure) => figure.section === section).map(figureHtml);
  const shown = (...tables: Table[]) => tables.filter(({ rows }) => rows.length > 0).map(tableHtml);
  const curves = pictures("curves");
  const sections: PageSection[] = [
    { id: "results", title: "Results", body: shown(resultsTable(report)) },
    {
      id: "gains",
      title: "What Enhanced adds",
      body: [...shown(gainsTable(report)), ...pictures("gains")],
    },
    {
      id: "curves",
      title: "Training",
      body: [
        ...pictures("overview"),
        ...(curves.length > 0
          ? [html`<details><summary>The same curves one by one, larger</summary>${curves}</details>`]
          : []),
      ],
    },
    { id: "confusion", title: "Confusion", body: pictures("confusion") },
    { id: "classes", title: "Class by class", body: shown(...perClassTables(models)) },
    { id: "pairs", title: "Most confused", body: shown(confusedPairsTable(models)) },
    {
      id: "calibration",
      title: "Calibration",
      body: [...shown(calibrationTable(models)), ...sideBySide(pictures("calibration"))],
    },
    { id: "mistakes", title: "Most confident mistakes", body: pictures("mistakes") },
    { id: "data", title: "The images", body: pictures("data") },
    {
      id: "ladder",
      title: isFashionMnist ? "Beside published results" : "Accuracy and cost",
      body: [...pictures("cost"), ...(isFashionMnist ? shown(ladderTable(report), notCredibleTable()) : [])],
    },
    { id: "made", title: "How it was made", body: howItWasMade(report) },
    { id: "conclusion", title: "Conclusion", body: conclusion.map((paragraph) => html`<p>${prose(paragraph)}</p>\n`) },
  ];
  return sections.filter(({ body }) => body.length > 0);
}

/** Two pictures in a row where there is room. */
function sideBySide(pictures: readonly Html[]): Html[] {
  return pictures.length > 0 ? [html`<div class="pair">${pictures}</div>`] : [];
}
