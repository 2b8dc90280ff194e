import { raw } from "hono/html";
import { type Html, html, prose } from "./html.ts";
import type { PageSection } from "./page-sections.ts";
import { PAGE_STYLE } from "./page-style.ts";

export interface WholePage {
  readonly title: string;
  /** Of tailor. */
  readonly version: string;
  /** What came out, in one sentence. */
  readonly lead: string;
  /** What has to be known before anything is read. */
  readonly banner?: Html | null;
  readonly sections: readonly PageSection[];
}

/** One HTML file that needs nothing else: head, contents, sections. Same input, same text. */
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
