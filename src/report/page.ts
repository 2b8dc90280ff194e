import { raw } from "hono/html";
import type { StudyFigure } from "./drawn-figure.ts";
import { count, percent } from "./format.ts";
import { type Html, html, prose } from "./html.ts";
import { type PageSection, pageSections } from "./page-sections.ts";
import { PAGE_STYLE } from "./page-style.ts";
import type { ModelResult, Role, StudyReport } from "./report-data.ts";
import { isPublished } from "./result-tables.ts";
import { listText, spreadText } from "./wording.ts";

/** The whole report as one HTML file that needs nothing else: styles and pictures are inside. Same report, same text. */
export function studyPage(report: StudyReport, figures: readonly StudyFigure[]): string {
  const sections = pageSections(report, figures);
  const title = `Base and Enhanced on ${report.isFashionMnist ? "Fashion-MNIST" : report.setting.dataSource}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="tailor ${report.setting.versions.tailor}">
<title>${title}</title>
<style>${raw(PAGE_STYLE)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="lead">${prose(resultSentence(report))}</p>
${report.isQuick ? quickBanner(report) : null}
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

/** What came out, in one sentence: our last row of each role, beside what was published. */
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

const ROLES: Record<Role, string> = { base: "Base", enhanced: "Enhanced" };

/** The first row of each role, Base first. */
function firstOfRoles(results: readonly ModelResult[]): ModelResult[] {
  const roles: readonly Role[] = ["base", "enhanced"];
  return roles.flatMap((role) => results.find((result) => result.role === role) ?? []);
}

function quickBanner({ setting }: StudyReport): Html {
  return html`<p class="banner" role="note"><strong>A quick study.</strong> It trained on ${count(setting.trainImages)} images for ${epochsText(setting.epochs)}, to see that everything works. Its figures are no result.</p>`;
}

function epochsText(epochs: number): string {
  return `${count(epochs)} ${epochs === 1 ? "epoch" : "epochs"}`;
}
