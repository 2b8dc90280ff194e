import { describe, expect, test } from "vitest";
import { studyTables, type Table, tableHtml, tableLines } from "../../src/report/tables.ts";
import { studyReport } from "./fixture.ts";
import { parsed } from "./page-parts.ts";

const TABLE: Table = {
  title: "Pets & <friends>",
  header: ["name", "legs", "home"],
  rows: [
    ['<b>&"', "4", "https://example.org/a?b=1&c=2"],
    ["ant", "6", "–"],
  ],
  leftColumns: [0, 2],
  notes: ['said "so" & <so>'],
};

describe("a table", () => {
  test("in a terminal has its title, aligned columns and notes", () => {
    expect(tableLines(TABLE)).toEqual([
      "Pets & <friends>",
      "",
      "name   legs  home",
      '<b>&"     4  https://example.org/a?b=1&c=2',
      "ant       6  –",
      "",
      'said "so" & <so>',
    ]);
  });

  test("on the page is escaped everywhere", () => {
    const markup = tableHtml(TABLE).toString();
    expect(markup).toContain("<caption><span>Pets &amp; &lt;friends&gt;</span></caption>");
    expect(markup).toContain('aria-label="Pets &amp; &lt;friends&gt;"');
    expect(markup).toContain('<th scope="row" class="words">&lt;b&gt;&amp;&quot;</th>');
    expect(markup).toContain("<li>said &quot;so&quot; &amp; &lt;so&gt;</li>");
    expect(markup).not.toMatch(/<b>|<so>|<friends>/);
  });

  test("on the page links an address and shows its host", () => {
    const link = parsed(tableHtml(TABLE).toString()).querySelector("td a");
    expect(link?.getAttribute("href")).toBe("https://example.org/a?b=1&c=2");
    expect(link?.textContent).toBe("example.org");
  });

  test("links only web URLs", () => {
    const unsafe = { ...TABLE, rows: [["ant", "6", "javascript:alert(1)"]] };
    expect(tableHtml(unsafe).toString()).not.toContain("<a ");
  });

  test("shows wide columns on the page only", () => {
    const wide: Table = { ...TABLE, pageOnly: { columnsFrom: 2, notes: ["ant: has six"] } };
    expect(tableLines(wide)).toEqual([
      "Pets & <friends>",
      "",
      "name   legs",
      '<b>&"     4',
      "ant       6",
      "",
      TABLE.notes[0],
    ]);
    expect(tableHtml(wide).toString()).toContain("<li>ant: has six</li>");
    expect(parsed(tableHtml(wide).toString()).querySelectorAll("thead th")).toHaveLength(3);
  });
});

describe("every table of the report", () => {
  const tables = studyTables(studyReport());

  test("is present: results, gains, classes, pairs, calibration, ladder", () => {
    expect(tables.map(({ title }) => title)).toEqual([
      "Accuracy on the 10,000 test images",
      "Enhanced minus Base, in points",
      "Precision, recall and F1 of each class: base and enhanced",
      "Most confused pairs",
      "Calibration and loss",
      "Published results on Fashion-MNIST, and ours",
    ]);
  });

  test.each(tables.map((table) => [table.title, table] as const))(
    "%s: the terminal and the page say the same",
    (_, table) => {
      const shownColumns = table.pageOnly?.columnsFrom ?? table.header.length;
      const onPage = [...parsed(tableHtml(table).toString()).querySelectorAll("tr")].map((row) =>
        [...row.querySelectorAll("th, td")].slice(0, shownColumns).map((cell) => cell.textContent),
      );
      const inTerminal = tableLines(table).slice(2, 3 + table.rows.length);
      expect(inTerminal.map((line) => line.split(/ {2,}/).filter((cell) => cell !== ""))).toEqual(onPage);
      expect(onPage.slice(1)).toEqual(table.rows.map((row) => row.slice(0, shownColumns)));
      for (const row of table.rows) expect(row).toHaveLength(table.header.length);
    },
  );
});
