import { count, counted, percent } from "../numbers.ts";
import type { StudyFigure } from "./drawn-figure.ts";
import { type Html, html } from "./html.ts";
import { pageSections } from "./page-sections.ts";
import type { ModelResult, Role, StudyReport } from "./report-data.ts";
import { isPublished } from "./result-tables.ts";
import { wholePage } from "./whole-page.ts";
import { listText, spreadText } from "./wording.ts";

/** The whole report as one HTML file that needs nothing else: styles and pictures are inside. Same report, same text. */
export function studyPage(report: StudyReport, figures: readonly StudyFigure[]): string {
  return wholePage({
    title: `Base and Enhanced on ${report.isFashionMnist ? "Fashion-MNIST" : report.setting.dataSource}`,
    version: report.setting.versions.tailor,
    lead: resultSentence(report),
    banner: report.isQuick ? quickBanner(report) : null,
    sections: pageSections(report, figures),
  });
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
  return html`<p class="banner" role="note"><strong>A quick study.</strong> It trained on ${count(setting.trainImages)} images for ${counted(setting.epochs, "epoch")}, to see that everything works. Its figures are no result.</p>`;
}
