/**
 * Measures the page in Chromium: seconds until it is usable, size of its script, and images per second of training in
 * it.
 *
 *   node bench/browser.js [--recipe NAME] [--images N] [--epochs N] [--loads N] [--json FILE]
 *
 * Server and browser share this machine's cores. Training times are those of its metrics, per epoch; the first epoch
 * includes the start of the engine.
 */
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { urlOf } from "./server-url.js";

const BIN = fileURLToPath(new URL("../bin/tailor.js", import.meta.url));

const { values: options } = parseArgs({
  options: {
    recipe: { type: "string", default: "base" },
    images: { type: "string", default: "5000" },
    epochs: { type: "string", default: "3" },
    loads: { type: "string", default: "5" },
    json: { type: "string" },
  },
});

const server = spawn(process.execPath, [BIN, "serve", "--port", "0", "--json"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const url = await urlOf(server);
  const loads = [];
  for (let i = 0; i < Number(options.loads); i++) loads.push(await load(url));
  const result = {
    chromium: browser.version(),
    commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim(),
    usableAfterMs: loads.map(({ usableAfterMs }) => Math.round(usableAfterMs)),
    scriptBytes: loads[0].scriptBytes,
    training: { recipe: options.recipe, images: Number(options.images), ...(await train(url)) },
  };
  console.log(JSON.stringify(result, null, 2));
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await browser.close();
  server.kill("SIGTERM");
}

/** Opens the first page with an empty cache, and waits for its heading and the list of runs. */
async function load(url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const scripts = [];
  page.on("response", (response) => {
    if (response.url().endsWith(".js")) scripts.push(response.body());
  });
  await page.addInitScript(() => {
    new MutationObserver(() => {
      if (document.querySelector("main .runs, main .notice")) window.usableAfterMs ??= performance.now();
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(url);
  const usable = await page.waitForFunction(() => window.usableAfterMs);
  const usableAfterMs = await usable.jsonValue();
  const bytes = (await Promise.all(scripts)).reduce((sum, script) => sum + gzipSync(script).length, 0);
  await context.close();
  return { usableAfterMs, scriptBytes: { gzip: bytes } };
}

/** Trains in the page through its user interface. */
async function train(url) {
  const page = await browser.newPage();
  page.setDefaultTimeout(3_600_000);
  await page.goto(`${url}/#/train`);
  await page.locator("label", { has: page.getByText(options.recipe, { exact: true }) }).click();
  await page.getByLabel("Training images").selectOption(options.images);
  await page.getByLabel("Epochs", { exact: true }).fill(options.epochs);
  await page.getByRole("button", { name: "Start training" }).click();
  await page.getByText("of the test images right").waitFor();
  const engine = await page.locator(".live .facts div", { hasText: "engine" }).locator("dd").textContent();
  const test = await page.locator(".result .lead").textContent();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Metrics" }).click(),
  ]);
  const epochs = readFileSync(await file.path(), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { engine, test, imagesPerSecond: epochs.map(({ imagesPerSecond }) => Math.round(imagesPerSecond)) };
}
