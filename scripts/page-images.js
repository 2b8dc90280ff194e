/**
 * The screenshots in docs/images: a training watched live, a finished run, and the classification of an image.
 *
 *   node scripts/page-images.js RUNS [RUN]
 *
 * RUNS is a folder of runs; RUN, one of them (default enhanced-s1), is the finished run. The training is started from
 * the page, in a copy of the run's folder that is removed at the end. Needs Debian's chromium.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { urlOf } from "../bench/server-url.js";

const BIN = fileURLToPath(new URL("../bin/tailor.js", import.meta.url));
const IMAGES = fileURLToPath(new URL("../docs/images", import.meta.url));
/** The watched training, and the epoch after which the screenshot is taken. */
const WATCHED = { images: "10,000", epochs: 12, after: 6 };

const [runs, run = "enhanced-s1"] = process.argv.slice(2);
if (runs === undefined) {
  console.error("node scripts/page-images.js RUNS [RUN]: RUNS must name a folder of runs");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "page-images-"));
cpSync(join(runs, run), join(folder, run), { recursive: true });
const server = spawn(process.execPath, [BIN, "serve", "--runs", folder, "--port", "0", "--json"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const ended = once(server, "exit");
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const url = await urlOf(server);
  await taken("page-run", `${url}/#/runs/${run}`, { height: 1500 }, async (page) => {
    await page.getByRole("heading", { name: "Its most confident mistakes" }).waitFor();
  });
  await taken("page-try", `${url}/#/try/${run}`, { colorScheme: "dark" }, async (page) => {
    await page.getByText("A test image").click();
    await page.locator(".tile").nth(2).click();
    await page.getByText("hiding the strongest spot moves").waitFor();
  });
  await taken("page-live", `${url}/#/train`, { height: 1900 }, async (page) => {
    await page.getByText("On the server").click();
    await page.getByLabel("Training images").selectOption(WATCHED.images);
    await page.getByLabel("Epochs", { exact: true }).fill(String(WATCHED.epochs));
    await page.getByRole("button", { name: "Start training" }).click();
    await page.getByRole("img", { name: `after epoch ${WATCHED.after}` }).waitFor();
  });
} finally {
  await browser.close();
  server.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true });
}

/** Opens a URL, runs `prepare`, and takes a screenshot. */
async function taken(name, address, { height = 1020, colorScheme = "light" }, prepare) {
  const context = await browser.newContext({ viewport: { width: 1280, height }, colorScheme });
  const page = await context.newPage();
  page.setDefaultTimeout(300_000);
  await page.goto(address);
  await prepare(page);
  await page.mouse.move(0, 0);
  await page.waitForLoadState("networkidle", { timeout: 2000 }).catch(() => {}); // A page that watches a training is never idle.
  await page.screenshot({ path: join(IMAGES, `${name}.png`) });
  await context.close();
}
