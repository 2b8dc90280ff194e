import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { studyFigures } from "../../src/report/node/figures.ts";
import { studyPage } from "../../src/report/page.ts";
import { needChromium } from "../support/chromium.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { studyReport } from "./fixture.ts";

const FOLDER = sharedFolder();
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

test("collapsed parts of the page are expanded in print", (context) => {
  needChromium(context);
  const report = studyReport();
  const page = studyPage(report, studyFigures(report));
  expect(page.match(/<details>/g)).toHaveLength(2);
  const asItIs = printedPages(page);
  expect(asItIs).toBe(printedPages(page.replaceAll("<details>", "<details open>")));
  // Four curves and the notes on the ladder's rows are more than a sheet each.
  expect(asItIs).toBeGreaterThanOrEqual(printedPages(page.replace(/<details>.*?<\/details>/gs, "")) + 2);
});
