import { raw } from "hono/html";
import { INK } from "../plots/theme.ts";
import { count, counted, percent } from "../text.ts";
import { type Html, html, prose } from "./html.ts";
import { howItWasMade } from "./ladder/entry.ts";
import { ladderTable, notCredibleTable } from "./ladder/ladder-table.ts";
import { calibrationTable, confusedPairsTable, perClassTables } from "./model-tables.ts";
import type { FigureSection, StudyFigure } from "./node/sheets.ts";
import { PAGE_STYLE } from "./page-style.ts";
import type { ModelResult, Role, StudyReport } from "./report-data.ts";
import { gainsTable, isPublished, resNet18Tables, resultsTable } from "./result-tables.ts";
import { tablesHtml } from "./tables.ts";
import { listText, spreadText } from "./wording.ts";

/**
 * A figure on the page. It is embedded as an image, not inline, so that its ids and styles do not collide with others;
 * on a narrow screen it scrolls instead of becoming illegibly small.
 */
export function figureHtml({ name, title, caption, section, svg }: StudyFigure): Html {
  // In the dark a drawing's lightness is inverted by the page's style; that of photos would show other images.
  const hasPhotos = section === "mistakes" || section === "data";
  const kind = hasPhotos ? "photos" : "drawing";
  const source = `data:image/svg+xml;base64,${base64(hasPhotos ? withDarkInk(svg) : svg)}`;
  return html`<figure id="figure-${name}">
<div class="card ${kind}" role="region" tabindex="0" aria-label="${title}"><img src="${source}" alt="${title}"${sizeOf(svg)}></div>
<figcaption>${prose(caption)}</figcaption>
</figure>
`;
}

/** The figures of a section, in their order. */
export function figuresHtml(figures: readonly StudyFigure[], section: FigureSection): Html[] {
  return figures.filter((figure) => figure.section === section).map(figureHtml);
}

/** Colours of a sheet's paper and text in the dark. */
const DARK_INK = { [INK.text]: "#e4e8ec", [INK.quiet]: "#9ba6b1", [INK.rule]: "#343b43", [INK.paper]: "#1c1c1c" };

/** A sheet whose paper and text, but not its images, follow the reader's colour scheme. */
function withDarkInk(svg: string): string {
  const rules = Object.entries(DARK_INK).map(([ink, dark]) => `[fill="${ink}"]{fill:${dark}}`);
  const style = `<style>@media (prefers-color-scheme: dark){${rules.join("")}}</style>`;
  return svg.replace(/<svg[^>]*>/, (head) => `${head}${style}`);
}

/** The picture's size, so that the layout does not shift while the page loads. */
function sizeOf(svg: string): Html | null {
  const head = /<svg[^>]*>/.exec(svg)?.[0] ?? "";
  const [width, height] = ["width", "height"].map(
    (side) => new RegExp(`\\s${side}="(\\d+(?:\\.\\d+)?)"`).exec(head)?.[1],
  );
  return width && height ? html` width="${width}" height="${height}"` : null;
}

/** Encodes a text's UTF-8 bytes as base64. */
function base64(text: string): string {
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return btoa(bytes);
}

/** A section of the page with a heading and an entry in the table of contents. */
export interface PageSection {
  readonly id: string;
  readonly title: string;
  readonly body: readonly Html[];
}

/** The page's sections in reading order: results and what follows from them, then the details. Empty ones are omitted. */
export function pageSections(report: StudyReport, figures: readonly StudyFigure[]): PageSection[] {
  const { models, conclusion, isFashionMnist } = report;
  const pictures = (section: FigureSection) => figuresHtml(figures, section);
  const curves = pictures("curves");
  const sections: PageSection[] = [
    { id: "results", title: "Results", body: tablesHtml(resultsTable(report)) },
    { id: "conclusion", title: "Conclusion", body: conclusion.map((paragraph) => html`<p>${prose(paragraph)}</p>\n`) },
    {
      id: "gains",
      title: "What Enhanced adds",
      body: [...tablesHtml(gainsTable(report)), ...pictures("gains")],
    },
    { id: "resnet18", title: "Beside ResNet18", body: tablesHtml(...resNet18Tables(report)) },
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
    { id: "classes", title: "Class by class", body: tablesHtml(...perClassTables(models)) },
    { id: "pairs", title: "Most confused", body: tablesHtml(confusedPairsTable(models)) },
    {
      id: "calibration",
      title: "Calibration",
      body: [...tablesHtml(calibrationTable(models)), ...sideBySide(pictures("calibration"))],
    },
    { id: "mistakes", title: "Most confident mistakes", body: pictures("mistakes") },
    { id: "data", title: "The images", body: pictures("data") },
    {
      id: "ladder",
      title: isFashionMnist ? "Beside published results" : "Accuracy and cost",
      body: [...pictures("cost"), ...(isFashionMnist ? tablesHtml(ladderTable(report), notCredibleTable()) : [])],
    },
    { id: "made", title: "How it was made", body: howItWasMade(report) },
  ];
  return sections.filter(({ body }) => body.length > 0);
}

/** Two figures per row where they fit. */
export function sideBySide(pictures: readonly Html[]): Html[] {
  return pictures.length > 0 ? [html`<div class="pair">${pictures}</div>`] : [];
}

/** The complete report as one self-contained HTML file, including styles and pictures. Deterministic. */
export function studyPage(report: StudyReport, figures: readonly StudyFigure[]): string {
  return wholePage({
    title: `Base and Enhanced on ${report.isFashionMnist ? "Fashion-MNIST" : report.setting.dataSource}`,
    version: report.setting.versions.tailor,
    lead: resultSentence(report),
    banner: report.isQuick ? quickBanner(report) : null,
    sections: pageSections(report, figures),
  });
}

/** The result in one sentence: our last row of each role, compared with the published ones. */
function resultSentence({ results, setting, isQuick }: StudyReport): string {
  const ours = firstOfRoles(results.filter((result) => !isPublished(result)).reverse());
  const published = firstOfRoles(results.filter(isPublished));
  const reached = ours.map(({ name, accuracy }, i) => `${name}${i === 0 ? " reaches" : ""} ${spreadText(accuracy)}`);
  const stated = published.map(({ role, accuracy }) => `${percent(accuracy.mean)} (${ROLES[role]})`);
  const where = `${isQuick ? "In a quick try, on" : "On"} ${count(setting.testImages)} test images`;
  const parts = [
    ...(reached.length > 0 ? [`${where}, ${listText(reached)}`] : []),
    ...(stated.length > 0 ? [`the study published ${listText(stated)}`] : []),
  ];
  return `${parts.join("; ")}.`;
}

const ROLES: Record<Role, string> = {
  base: "Base",
  enhanced: "Enhanced",
  champion: "Champion",
  resnet18: "ResNet18",
};

/** The first row of each role, Base first. */
function firstOfRoles(results: readonly ModelResult[]): ModelResult[] {
  const roles: readonly Role[] = ["base", "enhanced"];
  return roles.flatMap((role) => results.find((result) => result.role === role) ?? []);
}

function quickBanner({ setting }: StudyReport): Html {
  return html`<p class="banner" role="note"><strong>A quick study.</strong> It trained on ${count(setting.trainImages)} images for ${counted(setting.epochs, "epoch")}, to see that everything works. Its figures are no result.</p>`;
}

export interface WholePage {
  readonly title: string;
  /** Version of tailor. */
  readonly version: string;
  /** The result in one sentence. */
  readonly lead: string;
  /** An important notice at the top. */
  readonly banner?: Html | null;
  readonly sections: readonly PageSection[];
}

/** One self-contained HTML file: head, table of contents, sections. Deterministic. */
export function wholePage({ title, version, lead, banner = null, sections }: WholePage): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="tailor ${version}">
<title>${title}</title>
<style>${raw(PAGE_STYLE)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="lead">${prose(lead)}</p>
${banner}
</header>
<nav aria-label="Contents">
<ol>
${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>\n`)}</ol>
</nav>
<main>
${sections.map(sectionHtml)}</main>
</body>
</html>
`;
  return page.toString();
}

function sectionHtml({ id, title, body }: PageSection): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${body}
</section>
`;
}
