/** axe-core's rules of accessibility, on every place of the page and on the report, in light and in dark. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { studyFigures } from "../../src/report/node/figures.ts";
import { studyPage } from "../../src/report/page.ts";
import { studyReport } from "../report/fixture.ts";
import { start } from "../server/support/running-server.ts";
import { smallRuns } from "../server/support/small-runs.ts";
import { needChromium } from "../support/chromium.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { openPage, picture } from "./support.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FOLDER = sharedFolder();
const { runs, dataFolder } = await smallRuns(["first", "second"]);
beforeEach(needChromium);

/** What axe finds, each with the elements. */
async function violations(page: Page): Promise<unknown[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run: (what: Document) => Promise<AxeResults> } }).axe.run(document),
  );
  expect(found.passes.length).toBeGreaterThan(10);
  return found.violations.map(({ id, help, nodes }) => ({ id, help, elements: nodes.map(({ html }) => html) }));
}

describe.each(["light", "dark"] as const)("in %s", (colorScheme) => {
  test("every place of the page", async () => {
    const { url } = await start({ runs, data: dataFolder });
    const { page } = await openPage(url, { colorScheme });
    const places: Readonly<Record<string, () => Promise<unknown>>> = {
      "#/": async () => {},
      "#/runs/first": () => page.getByText("Confusion").first().waitFor(),
      "#/runs/unknown": async () => {},
      "#/compare": () => page.locator("figure").first().waitFor(),
      "#/try/first": async () => {
        await page
          .locator("input[type=file]")
          .first()
          .setInputFiles({
            ...{ name: "boot.png", mimeType: "image/png", buffer: Buffer.from(picture()) },
          });
        await page.getByText("%").first().waitFor();
      },
      "#/train": async () => {},
      "#/train/pictures": async () => {},
      "#/nothing": async () => {},
    };
    for (const [route, ready] of Object.entries(places)) {
      await page.goto(`${url}/${route}`);
      await page.locator("main h1").waitFor();
      await ready();
      await page.waitForLoadState("networkidle");
      expect(await violations(page), route).toEqual([]);
    }
  });

  test("the report", async () => {
    const report = studyReport();
    const file = join(FOLDER, `${colorScheme}.html`);
    writeFileSync(file, studyPage(report, studyFigures(report)));
    const { page } = await openPage(`file://${file}`, { colorScheme });
    await page.locator("details").evaluateAll((all) => {
      for (const one of all) one.setAttribute("open", "");
    });
    expect(await violations(page)).toEqual([]);
  });
});
