import { table as columns } from "../text.ts";
import { type Html, html, prose } from "./html.ts";
import { ladderTable } from "./ladder/ladder-table.ts";
import { calibrationTable, confusedPairsTable, perClassTables } from "./model-tables.ts";
import type { StudyReport } from "./report-data.ts";
import { gainsTable, resNet18Tables, resultsTable } from "./result-tables.ts";

/** A table, independent of its rendering as text or HTML. */
export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Indices of left-aligned columns, with text; the others contain numbers. */
  readonly leftColumns: readonly number[];
  /** Notes below the table. */
  readonly notes: readonly string[];
  /** Indices of rows that are emphasized on the page. */
  readonly strongRows?: readonly number[];
  /** Only on the page, for lack of space in a terminal: the columns from this index on, and notes on single rows. */
  readonly pageOnly?: { readonly columnsFrom: number; readonly notes: readonly string[] };
}

/** Renders a table for a terminal: title, header, rows, notes. */
export function tableLines({ title, header, rows, leftColumns, notes, pageOnly }: Table): string[] {
  const cells = [header, ...rows].map((row) => row.slice(0, pageOnly?.columnsFrom));
  return [title, "", ...columns(cells, leftColumns), ...(notes.length > 0 ? [""] : []), ...notes];
}

/** Renders a table's header and rows as Markdown. */
export function tableMarkdown({ header, rows, leftColumns }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const rule = header.map((_, column) => (leftColumns.includes(column) ? "---" : "---:"));
  return [header, rule, ...rows].map(line).join("");
}

/** Cells longer than this are sentences, which wrap but keep a minimum width. */
const LONG = 40;
const ADDRESS = /^https?:\/\//;

/** Renders tables as HTML, without those that have no rows. */
export function tablesHtml(...tables: readonly Table[]): Html[] {
  return tables.filter(({ rows }) => rows.length > 0).map(tableHtml);
}

/** Renders a table as scrollable HTML with its notes below. The first cell of a row is the row's heading. */
export function tableHtml({ title, header, rows, leftColumns, notes, strongRows = [], pageOnly }: Table): Html {
  const align = (column: number) => (leftColumns.includes(column) ? "words" : "number");
  const head = header.map((cell, i) => html`<th scope="col" class="${align(i)}">${cell}</th>`);
  const body = rows.map(
    (row, r) =>
      html`<tr${strongRows.includes(r) ? html` class="strong"` : null}>${row.map((cell, i) =>
        i === 0
          ? html`<th scope="row" class="${align(i)}">${cell}</th>`
          : html`<td class="${align(i)}${cell.length > LONG && !ADDRESS.test(cell) ? " long" : null}">${cellHtml(cell)}</td>`,
      )}</tr>
`,
  );
  return html`<div class="${pageOnly ? "table wide" : "table"}" role="region" tabindex="0" aria-label="${title}"><table>
<caption><span>${title}</span></caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody>
</table></div>
${notesHtml(notes)}${
  pageOnly ? html`<details><summary>Notes on single rows</summary>${notesHtml(pageOnly.notes)}</details>` : null
}`;
}

function notesHtml(notes: readonly string[]): Html | null {
  if (notes.length === 0) return null;
  return html`<ul class="notes">${notes.map((note) => html`<li>${prose(note)}</li>\n`)}</ul>`;
}

/** A URL becomes a link labelled with its host. */
function cellHtml(cell: string): Html | string {
  if (!ADDRESS.test(cell)) return cell;
  const shown = cell.replace(/^https?:\/\/(www\.)?/, "").replace(/[/?#].*$/, "");
  return html`<a href="${cell}">${shown}</a>`;
}

/** Every table of the report, in reading order; empty ones are omitted. */
export function studyTables(report: StudyReport): Table[] {
  const { models } = report;
  const tables = [
    resultsTable(report),
    gainsTable(report),
    ...resNet18Tables(report),
    ...perClassTables(models),
    confusedPairsTable(models),
    calibrationTable(models),
    ...(report.isFashionMnist ? [ladderTable(report)] : []),
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}
