/** The page, in Chromium, on the server that it is made for. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Locator } from "playwright-core";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { formatMetrics } from "../../src/runs/metrics.ts";
import { acquireLock } from "../../src/runs/node/run-lock.ts";
import type { PredictAnswer, RunDetail, RunEvaluation, RunSummary, TestImage } from "../../src/server/api-types.ts";
import { count, percent } from "../../src/text.ts";
import { interrupted } from "../runs/support/run-folders.ts";
import { sampleMetrics } from "../runs/support/samples.ts";
import { jsonOf, postBytes, postJson, start } from "../server/support/running-server.ts";
import { smallRuns } from "../server/support/small-runs.ts";
import { spoilState } from "../server/support/spoil-state.ts";
import { needChromium } from "../support/chromium.ts";
import { openPage, picture } from "./support.ts";

const { runs, dataFolder } = await smallRuns(["first", "second"]);
const serve = (options: Parameters<typeof start>[0] = {}) => start({ runs, data: dataFolder, ...options });

/** The script's size without ONNX Runtime, in bytes of gzip. */
const SCRIPT_BUDGET = 300_000;
const ROUTES = ["#/", "#/runs/first", "#/compare", "#/try", "#/train", "#/train/pictures"] as const;
beforeEach(needChromium);

/** The gray values that a canvas shows, row by row. */
function grayOf(canvas: Locator): Promise<number[]> {
  return canvas.evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const { data } = (element as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
    return Array.from({ length: width * height }, (_, i) => data[4 * i]!);
  });
}

/** The counts in the tooltips of a confusion matrix, row by row. */
async function shownConfusion(figure: Locator): Promise<number[][]> {
  const told = await figure.locator("title").allTextContents();
  const counts = told.flatMap((text) => /predicted as .*: ([\d,]+) \(/.exec(text)?.[1] ?? []);
  const classes = Math.sqrt(counts.length);
  const numbers = counts.map((text) => Number(text.replaceAll(",", "")));
  return Array.from({ length: classes }, (_, row) => numbers.slice(row * classes, (row + 1) * classes));
}

test("every view opens without errors, from this server only, within its budget of script size", async () => {
  const { url } = await serve();
  const { page, addresses, complaints } = await openPage(url);
  await page.reload();
  for (const route of ROUTES) {
    await page.goto(`${url}/${route}`);
    await page.locator("main h1").waitFor();
    await page.waitForLoadState("networkidle");
    expect(await page.title()).toMatch(/ · tailor$/);
    expect(await page.locator("[role=alert]").count(), route).toBe(0);
  }
  expect(complaints).toEqual([]);
  expect(addresses.filter((address) => !address.startsWith(`${url}/`))).toEqual([]);
  expect(addresses.filter((address) => address.includes("ort"))).toEqual([]);
  const scripts = [...new Set(addresses.filter((address) => address.endsWith(".js")))];
  expect(scripts.length).toBeGreaterThan(3);
  const sizes = await Promise.all(
    scripts.map(async (script) => gzipSync(await (await fetch(script)).arrayBuffer()).length),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(SCRIPT_BUDGET);
});

test("below a path every view opens, and a network predicts in the browser, with addresses below it only", async () => {
  const { url } = await serve({ basePath: "/a/tailor" });
  const { page, addresses, complaints } = await openPage(url);
  for (const route of ROUTES) {
    await page.goto(`${url}/${route}`);
    await page.locator("main h1").waitFor();
    await page.waitForLoadState("networkidle");
    expect(await page.locator("[role=alert]").count(), route).toBe(0);
  }
  await page.goto(`${url}/#/try/first`);
  await page.getByText("A test image").click();
  // Its worker loads the model.
  const model = page.waitForResponse((response) => response.url().endsWith("/model.onnx"));
  await page.locator(".tile").first().click();
  expect((await model).status()).toBe(200);
  expect(addresses.filter((address) => address !== url && !address.startsWith(`${url}/`))).toEqual([]);
  expect(complaints).toEqual([]);
});

test.each(["light", "dark"] as const)("on a phone, %s, nothing is wider than the screen", async (colorScheme) => {
  const { url } = await serve();
  const { page } = await openPage(url, { viewport: { width: 360, height: 740 }, colorScheme });
  for (const route of ROUTES) {
    await page.goto(`${url}/${route}`);
    await page.waitForLoadState("networkidle");
    const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const);
    expect(content, route).toBeLessThanOrEqual(screen);
  }
});

test("by keyboard: a link past the header, to a run, and visible focus", async () => {
  const { url } = await serve();
  const { page } = await openPage(url);
  await page.getByRole("link", { name: "first" }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  const hasOutline = () =>
    page.evaluate(() => {
      const element = document.activeElement!;
      return [getComputedStyle(element), getComputedStyle(element, "::after")].some(
        ({ outlineStyle, outlineWidth }) => outlineStyle === "solid" && Number.parseFloat(outlineWidth) >= 2,
      );
    });
  const seen: string[] = [];
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press("Tab");
    seen.push((await focused()) ?? "");
    expect(await hasOutline(), seen.at(-1)).toBe(true);
  }
  expect(seen).toEqual([
    "Skip to the content",
    "tailor",
    "Runs",
    "Compare",
    "Try it",
    "Train",
    "Train a network",
    "second",
  ]);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "second" }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  const landmarks = ["banner", "navigation", "main"] as const;
  for (const role of landmarks) expect(await page.getByRole(role).count(), role).toBe(1);
});

test("each view has one main heading, and names only where a role allows them", async () => {
  const { url } = await serve();
  const { page } = await openPage(url);
  for (const route of [...ROUTES, "#/runs/nobody", "#/no/such/page", "#/try/nobody"]) {
    await page.goto(`${url}/${route}`);
    await page.waitForLoadState("networkidle");
    expect(await page.locator("h1").count(), route).toBe(1);
    // A name of an element without a role is read by no screen reader (axe: aria-prohibited-attr).
    const misnamed = page.locator(
      ":is(div, span, p, g, rect, path, text, em, strong):is([aria-label], [aria-labelledby]):not([role])",
    );
    expect(await misnamed.evaluateAll((all) => all.map(({ outerHTML }) => outerHTML.slice(0, 80))), route).toEqual([]);
  }
});

test("a view has its main heading while it is loaded, and when it cannot be", async () => {
  const { url } = await serve();
  const { page, context } = await openPage(url);
  await context.route(/\/api\/runs\/first$/, () => {});
  await page.goto(`${url}/#/runs/first`);
  await page.getByText("Reading first").waitFor();
  expect(await page.locator("h1").allTextContents()).toEqual(["first"]);
});

describe("missing content", () => {
  test("no runs yet: each view says so and what to do", async () => {
    const { url } = await serve({ runs: join(runs, "nothing") });
    const { page, complaints } = await openPage(url);
    await page.getByText("There are no runs yet").waitFor();
    await page.goto(`${url}/#/compare`);
    await page.getByText("There are no runs yet").waitFor();
    await page.goto(`${url}/#/try`);
    await page.getByText("There is no trained network yet").waitFor();
    expect(complaints).toEqual([]);
  });

  test("an unknown run, and an unknown route", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/runs/nobody`);
    await page.getByRole("alert").getByText("There is no run of this name here").waitFor();
    await page.goto(`${url}/#/some/where/else`);
    await page.getByText("There is no such page").waitFor();
  });

  test("the server is unreachable: the page says so, and recovers once it is back", async () => {
    const { url, close } = await serve();
    const { page } = await openPage(`${url}/#/train`);
    await page.getByRole("button", { name: "Start training" }).waitFor();
    await close();
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    await page.getByRole("alert").getByText("The server does not answer").waitFor();
    await serve({ port: Number(new URL(url).port) });
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("link", { name: "first" }).waitFor();
  });

  test("in a browser without WebAssembly the page says that networks cannot run", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/try/first`, { args: ["--js-flags=--jitless"] });
    await page.getByText("A test image").click();
    await page.locator(".tile").first().click();
    await page.getByRole("alert").getByText("no WebAssembly").waitFor();
  });

  test("a damaged run is named, and the others are shown", async () => {
    const { runs: own } = await smallRuns(["bad", "good"]);
    writeFileSync(join(own, "bad", "run.json"), "{");
    const { url } = await serve({ runs: own });
    const { page } = await openPage(url);
    await page.getByRole("alert").getByText("bad").waitFor();
    await page.getByRole("link", { name: "good" }).waitFor();
  });
});

test("a run: curves, accuracy, confusion matrix, classes; a mistake is opened", async () => {
  const { url } = await serve();
  const evaluation = await jsonOf<RunEvaluation>(fetch(`${url}/api/runs/first/evaluation`));
  const { page, complaints } = await openPage(`${url}/#/runs/first`);
  const { accuracy, correct, total, mistakes } = evaluation;
  await page.getByText(`${percent(accuracy)} right: ${count(correct)} of ${count(total)} images`).waitFor();
  for (const title of ["base: accuracy by epoch", "base: loss by epoch", "first: confusion matrix, test set"]) {
    expect(await page.getByRole("img", { name: title }).count(), title).toBe(1);
  }
  const table = page.locator("table", { hasText: "precision" });
  expect(await table.locator("tbody tr").allInnerTexts()).toEqual(
    evaluation.perClass.map(({ label, precision, recall, f1, support }) =>
      [label, percent(precision, 1), percent(recall, 1), percent(f1, 1), count(support)].join("\t"),
    ),
  );

  const { index, label, prediction, probability } = mistakes[1]!;
  const { pixels, className } = await jsonOf<TestImage>(fetch(`${url}/api/test-images/${index}`));
  const tile = page.locator(".tile").nth(1);
  expect(await tile.textContent()).toBe(
    [`is ${className}`, `said ${evaluation.classes[prediction]}`, percent(probability)].join(""),
  );
  await tile.click();
  const look = page.locator(".look");
  await look.getByText("occluding the strongest patch").waitFor();
  expect(await grayOf(look.locator("canvas").first())).toEqual(pixels);
  expect(await look.locator(".first").textContent()).toContain(evaluation.classes[prediction]);
  expect(await look.locator(".first .value").textContent()).toBe(percent(probability, 1));
  expect(await look.locator("li", { hasText: "its label" }).textContent()).toContain(evaluation.classes[label]);
  // The map is laid over the image.
  expect(await grayOf(look.locator("canvas").nth(1))).not.toEqual(pixels);
  expect(complaints).toEqual([]);
});

describe("the confusion matrix of the validation images", () => {
  const tableOf = (epoch: number) => [
    [10 + epoch, 5 - epoch],
    [epoch, 20],
  ];
  const line = (epoch: number) => ({ ...sampleMetrics[2]!, epoch, step: epoch, validationConfusion: tableOf(epoch) });

  test("is updated epoch by epoch during training; an earlier epoch can be selected by keyboard", async () => {
    const path = interrupted({ state: false });
    onTestFinished(acquireLock(path)); // This test is the process that trains.
    const write = (epochs: number) =>
      writeFileSync(join(path, "metrics.jsonl"), formatMetrics(Array.from({ length: epochs }, (_, i) => line(i + 1))));
    write(1);
    const { url } = await serve({ runs: join(path, "..") });
    const { page, complaints } = await openPage(`${url}/#/runs/run`);
    const shows = async (epoch: number) => {
      const title = `base: confusion matrix, validation set, epoch ${epoch}`;
      await page.getByRole("img", { name: title, exact: true }).waitFor();
      expect(await shownConfusion(page.getByRole("img", { name: title, exact: true }))).toEqual(tableOf(epoch));
    };
    await shows(1);
    const slider = page.getByRole("slider", { name: "After epoch" });
    expect(await slider.isDisabled()).toBe(true);
    write(3);
    await shows(3);
    await slider.focus();
    await page.keyboard.press("ArrowLeft");
    await shows(2);
    expect(await slider.getAttribute("aria-valuetext")).toBe("epoch 2");
    write(4);
    await page.getByText("Every epoch as a table").click();
    await page.getByRole("rowheader", { name: "4" }).waitFor();
    await shows(2);
    await slider.focus();
    await page.keyboard.press("End");
    await shows(4);
    write(5);
    await shows(5);
    expect(complaints).toEqual([]);
  });

  test("is shown for a finished run, unless its metrics lack it", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/runs/first`);
    const summary = page.getByText("Confusion matrix, validation set, epoch by epoch");
    await summary.click();
    const title = "base: confusion matrix, validation set, epoch 2";
    const { metrics } = await jsonOf<RunDetail>(fetch(`${url}/api/runs/first`));
    expect(await shownConfusion(page.getByRole("img", { name: title }))).toEqual(metrics[1]!.validationConfusion);
    const other = await serve({ runs: join(interrupted({ state: false }), "..") });
    await page.goto(`${other.url}/#/runs/run`);
    await page.getByText("This run was interrupted").waitFor();
    await page.getByRole("heading", { name: "Training" }).waitFor();
    expect(await summary.count()).toBe(0);
  });
});

describe("classifying images in the page", () => {
  test("a photo is prepared and classified in the page as on the server", async () => {
    const { url } = await serve();
    const answer = await jsonOf<PredictAnswer>(
      postBytes(`${url}/api/predict?run=second&show=1&top=10`, picture(), "image/png"),
    );
    const { page, addresses, complaints } = await openPage(`${url}/#/try/second`);
    const file = { name: "dress.png", mimeType: "image/png", buffer: Buffer.from(picture()) };
    await page.getByLabel("Choose a photo").setInputFiles(file);
    const look = page.locator(".look");
    await look.getByText("occluding the strongest patch").waitFor();
    expect(await grayOf(look.locator("canvas").first())).toEqual(answer.prepared);
    const shown = await look.locator(".probabilities li").allInnerTexts();
    expect(shown.map((text) => text.replaceAll("\n", " ").trim())).toEqual(
      answer.top.map(({ label, probability }) => `${label} ${percent(probability, 1)}`),
    );
    expect(addresses.filter((address) => address.includes("/api/predict"))).toEqual([]);
    expect(complaints).toEqual([]);

    const text = { name: "letter.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") };
    await page.getByLabel("Choose a photo").setInputFiles(text);
    await page.getByRole("alert").getByText("letter.txt is no picture").waitFor();
    expect(await look.count(), "the answer of the picture before").toBe(0);
  });

  test("a drawing is prepared as dark on light, and classified", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/try/first`);
    await page.getByText("Draw", { exact: true }).click();
    const sheet = page.locator(".sheet");
    const box = (await sheet.boundingBox())!;
    const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const;
    await page.mouse.move(...at(0.5, 0.2));
    await page.mouse.down();
    await page.mouse.move(...at(0.5, 0.8), { steps: 5 });
    await page.mouse.up();
    const look = page.locator(".look");
    await look.locator("canvas").first().waitFor();
    const prepared = await grayOf(look.locator("canvas").first());
    const middle = Array.from({ length: 20 }, (_, row) => prepared[(row + 4) * 28 + 14]!);
    expect(Math.min(...middle)).toBeGreaterThan(100);
    expect([prepared[0], prepared[27], prepared[783]]).toEqual([0, 0, 0]);
    expect(await look.locator(".probabilities li").count()).toBe(10);
    await page.getByRole("button", { name: "Clear" }).click();
    expect(await look.count()).toBe(0);
  });

  test("test images are selected by keyboard, and classified as on the server", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/try/first`);
    await page.getByLabel("A photo", { exact: true }).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.locator(".tile").first().waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    const pixels = await grayOf(page.locator(".tile canvas").nth(1));
    const { label, probability } = await jsonOf<PredictAnswer>(postJson(`${url}/api/predict?run=first`, { pixels }));
    const first = page.locator(".look .first");
    await first.waitFor();
    expect(await first.textContent()).toContain(label);
    expect(await first.locator(".value").textContent()).toBe(percent(probability, 1));
  });
});

test("a training on the server is started and watched to its end", async () => {
  const { runs: own } = await smallRuns([]);
  const { url } = await serve({ runs: own });
  const { page, complaints } = await openPage(`${url}/#/train`);
  await page.getByText("On the server").click();
  await page.getByLabel("Training images").selectOption("1,000");
  await page.getByLabel("Epochs", { exact: true }).fill("3");
  await page.getByLabel("Seed", { exact: true }).fill("7");
  await page.getByRole("button", { name: "Start training" }).click();
  await page.getByRole("heading", { level: 1, name: "base" }).waitFor();
  await page.getByText(/^step \d+ of 23$/).waitFor();
  await page.getByText("On the test images").waitFor();
  await page.getByText("of 130 images").waitFor();
  const epochs = page.locator("details", { hasText: "Every epoch as a table" }).locator("tbody tr");
  expect(await epochs.first().isVisible()).toBe(false);
  await page.getByText("Every epoch as a table").click();
  expect(await epochs.count()).toBe(3);
  const { runs: listed } = await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`));
  expect(listed).toMatchObject([{ recipe: "base", seed: 7, epochs: 3, status: "finished" }]);
  expect(complaints).toEqual([]);
});

test("a training on the server is stopped from the page and can be resumed", async () => {
  const { runs: own } = await smallRuns([]);
  const { url } = await serve({ runs: own });
  const { page } = await openPage(`${url}/#/train`);
  await page.getByText("On the server").click();
  await page.getByLabel("Epochs", { exact: true }).fill("200");
  await page.getByRole("button", { name: "Start training" }).click();
  await page.getByText(/^step \d+ of/).waitFor();
  const stop = page.getByRole("button", { name: /^Stop/ });
  await stop.press("Enter");
  await stop.waitFor({ state: "detached" });
  // The button disappeared; keyboard focus is on the content, not on the page's header.
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  await page.getByText("This run was interrupted").waitFor();
});

test("the list of runs is updated during a training", async () => {
  const path = interrupted({ state: false });
  const release = acquireLock(path);
  const { url } = await serve({ runs: join(path, "..") });
  const { page } = await openPage(url);
  await page.getByText("3 of 10 epochs").waitFor();
  writeFileSync(join(path, "metrics.jsonl"), formatMetrics([...sampleMetrics, { ...sampleMetrics[2]!, epoch: 4 }]));
  await page.getByText("4 of 10 epochs").waitFor();
  release();
  await page.locator(".run-card").getByText("interrupted").waitFor();
});

test("a failed training on the server shows the reason, in its view and in the list", async () => {
  const { runs: own } = await smallRuns([]);
  const { url } = await serve({ runs: own });
  const { page, complaints } = await openPage(url);
  const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, { recipe: "base", epochs: 500 }), 202);
  await page.goto(`${url}/#/runs/${id}`);
  await page.getByText(/^step \d+ of/).waitFor();
  await spoilState(join(own, id));
  const alert = page.getByRole("alert").filter({ hasText: "Its training failed" });
  await alert.getByText(`Cannot write ${id}/state.safetensors: it is a folder`).waitFor();
  await page.getByText("This run was interrupted").waitFor();
  expect(await page.locator("main .status").textContent()).toBe("failed");
  await page.getByRole("link", { name: "Runs", exact: true }).first().click();
  await page.locator(".run-card", { hasText: id }).getByText("failed").waitFor();
  // Later visitors see it too.
  await page.getByRole("link", { name: id }).click();
  await alert.waitFor();
  expect(complaints).toEqual([]);
});
