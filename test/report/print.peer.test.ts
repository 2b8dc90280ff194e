import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "fast-png";
import { expect, test } from "vitest";
import { studyFigures } from "../../src/report/node/figures.ts";
import { studyPage } from "../../src/report/page.ts";
import { needChromium } from "../support/chromium.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { openPage } from "../web/support.ts";
import { studyReport } from "./fixture.ts";

const FOLDER = sharedFolder();
/** Of A4 or letter paper. */
const MAX_SHEETS = 14;

/** Sheets of paper that a page takes. */
function printedPages(page: string): number {
  const [source, pdf] = [join(FOLDER, "page.html"), join(FOLDER, "page.pdf")];
  writeFileSync(source, page);
  const profile = `--user-data-dir=${join(FOLDER, "profile")}`;
  const how = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", profile];
  execFileSync("chromium", [...how, `--print-to-pdf=${pdf}`, `file://${source}`], {
    stdio: "pipe",
    timeout: 15 * 60_000,
  });
  return readFileSync(pdf, "latin1").match(/\/Type \/Page\b/g)?.length ?? 0;
}

test("a study is printed on few sheets, with its conclusion beside the results", (context) => {
  needChromium(context);
  const report = studyReport();
  const page = studyPage(report, studyFigures(report));
  expect(printedPages(page)).toBeLessThanOrEqual(MAX_SHEETS);
  const first = page.replace(/<section id="gains".*<\/section>/s, "");
  expect(first).toContain(report.conclusion[0]);
  expect(printedPages(first)).toBe(1);
});

test("in the dark no figure is a white field; on paper all are white", async (context) => {
  needChromium(context);
  const report = studyReport();
  const file = join(FOLDER, "dark.html");
  writeFileSync(file, studyPage(report, studyFigures(report)));
  const { page } = await openPage(`file://${file}`, { colorScheme: "dark" });
  await page.locator("details").evaluateAll((all) => {
    for (const one of all) one.setAttribute("open", "");
  });
  const images = page.locator(".card img");
  expect(await images.count()).toBeGreaterThan(8);
  /** Gray value of the paper, at a figure's upper left corner. */
  const papers = async () => {
    const values: number[] = [];
    for (const image of await images.all()) {
      const { data } = decode(await image.screenshot());
      values.push(data[4 * 1]!);
    }
    return values;
  };
  for (const value of await papers()) expect(value).toBeLessThan(60);
  await page.emulateMedia({ media: "print", colorScheme: "light" });
  for (const value of await papers()) expect(value).toBeGreaterThan(250);
});

test("collapsed parts of the page are expanded in print", (context) => {
  needChromium(context);
  const report = studyReport();
  const page = studyPage(report, studyFigures(report));
  expect(page.match(/<details>/g)).toHaveLength(2);
  const asItIs = printedPages(page);
  expect(asItIs).toBe(printedPages(page.replaceAll("<details>", "<details open>")));
  // Four curves and the notes on the ladder's rows are more than a sheet.
  expect(asItIs).toBeGreaterThan(printedPages(page.replace(/<details>.*?<\/details>/gs, "")));
});
