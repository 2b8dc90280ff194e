/** The page's style sheet: one column of text, slightly wider tables and pictures, light and dark colours. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --text: #1f2328; --quiet: #59636e; --paper: #ffffff; --rule: #d5dae0; --tint: #f3f5f7; --link: #0b57b4;
  --strong: #eaf2fc; --warn-paper: #fff3d6; --warn-rule: #d9930a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e4e8ec; --quiet: #9ba6b1; --paper: #14181c; --rule: #343b43; --tint: #1d2329; --link: #7db8ff;
    --strong: #1a2a3d; --warn-paper: #3a2c0c; --warn-rule: #d9930a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 5rem; max-width: 62.5rem;
  background: var(--paper); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
h1 { margin: 0 0 .75rem; font-size: clamp(1.6rem, 5vw, 2.2rem); line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 3.25rem 0 1rem; padding-bottom: .3rem; border-bottom: 1px solid var(--rule); font-size: 1.4rem; line-height: 1.3; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1.1rem; }
p, .notes, ul, dd { overflow-wrap: anywhere; }
p, main > section > ul { max-width: 46rem; }
.lead { font-size: 1.2rem; line-height: 1.5; max-width: 50rem; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code { font: .875em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .75rem 1rem; background: var(--tint); border-radius: .4rem; line-height: 1.4; }
.banner p { margin: .3rem 0; max-width: 60rem; }
.banner { padding: .75rem 1rem; border: 1px solid var(--warn-rule); border-left-width: .4rem; border-radius: .3rem; background: var(--warn-paper); max-width: none; }
nav ol { margin: 1.75rem 0 0; padding: .8rem 1rem; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; background: var(--tint); border-radius: .4rem; font-size: .9375rem; }
.table { overflow-x: auto; margin: 1rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 .5rem; text-align: left; font-weight: 600; font-size: .9375rem; }
caption span { position: sticky; left: 0; display: inline-block; max-width: calc(100vw - 2.5rem); }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: baseline; white-space: nowrap; }
th:first-child, td:first-child { padding-left: .4rem; }
thead th { border-bottom: 2px solid var(--rule); vertical-align: bottom; color: var(--quiet); font-weight: 600; white-space: normal; }
tbody th { font-weight: 400; }
.words { text-align: left; }
td.words, .wide th { white-space: normal; }
.wide td:nth-child(2) { white-space: nowrap; }
.strong > * { background: var(--strong); }
.strong > th { font-weight: 600; }
.notes { margin: .5rem 0 1.5rem; padding: 0; list-style: none; color: var(--quiet); font-size: .8125rem; line-height: 1.5; max-width: 52rem; }
.notes li + li { margin-top: .2rem; }
figure { margin: 1.5rem 0; }
.card { overflow-x: auto; padding: .75rem; background: #ffffff; border: 1px solid var(--rule); border-radius: .4rem; }
.card img { display: block; width: 100%; min-width: 35rem; max-width: max-content; height: auto; margin: 0 auto; }
@media screen and (prefers-color-scheme: dark) {
  .card { background: #1c1c1c; }
  .drawing img { filter: invert(.89) hue-rotate(180deg); }
}
figcaption { margin-top: .5rem; color: var(--quiet); font-size: .875rem; line-height: 1.5; max-width: 52rem; }
@media (min-width: 60rem) {
  .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.25rem; }
  .pair > :only-child { grid-column: 1 / -1; }
  .pair figure { margin-top: .75rem; }
  .pair .card img { min-width: 0; }
}
details { margin: 1.5rem 0; }
summary { cursor: pointer; color: var(--link); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.25rem; margin: 1rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; }
@media (max-width: 40rem) {
  body { padding-top: 1.5rem; }
  th, td { padding: .4rem .35rem; }
  tbody th { position: sticky; left: 0; min-width: 6rem; white-space: normal; background: var(--paper); }
  td.words { min-width: 5.5rem; }
  td.long { min-width: 17rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .6rem; }
}
@media print {
  :root { --text: #000; --quiet: #444; --paper: #fff; --rule: #bbb; --tint: #fff; --link: #000; --strong: #f0f0f0; --warn-paper: #fff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  summary { list-style: none; color: var(--text); font-weight: 600; break-after: avoid; }
  h2 { margin-top: 1rem; margin-bottom: .5rem; break-after: avoid; }
  h1, .lead { margin-bottom: .25rem; }
  figure { margin: .5rem 0; }
  figure, tr, .banner { break-inside: avoid; }
  .table, .card { overflow: visible; }
  .card { border: 0; padding: 0; }
  .card img { min-width: 0; max-height: 13cm; width: auto; max-width: 100%; }
  details { columns: 2; column-gap: 1rem; }
  details .card img { max-height: 7cm; }
  .notes, figcaption { font-size: 7.5pt; line-height: 1.35; }
  .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; }
  .words { white-space: normal; }
  th, td { padding: .1rem .3rem; }
  table { font-size: 7.5pt; line-height: 1.25; }
}
`;
