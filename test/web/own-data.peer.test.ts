/** Runs on colour pictures with custom classes, on the page. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { readModelMetadata } from "../../src/formats/model-metadata.ts";
import type { PredictAnswer, RunEvaluation, TestImage } from "../../src/server/api-types.ts";
import { percent } from "../../src/text.ts";
import { tailor } from "../cli/support/tailor.ts";
import { drawn, putClasses, putShapes } from "../data/picture-fixtures.ts";
import { OWN_CLASSES, OWN_SIZE, ownRun } from "../server/support/own-runs.ts";
import { jsonOf, postBytes, start } from "../server/support/running-server.ts";
import { needChromium } from "../support/chromium.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { openPage } from "./support.ts";

// A network that has learnt nothing makes mistakes.
const folder = sharedFolder();
const { runs } = await ownRun(folder, { learningRate: 1e-7 });
await ownRun(folder, { name: "other", size: 16, classes: ["yes", "no"] });

const MANY = Array.from({ length: 24 }, (_, i) => `kind ${i + 1}`);
await ownRun(folder, { name: "many", size: 16, classes: MANY, each: 6 });

beforeEach(needChromium);

test("a run says what it was trained on and how; Compare, whose the published results are", async () => {
  const { url } = await start({ runs, data: await smallDataFolder() });
  const { page } = await openPage(`${url}/#/runs/own`);
  const fact = (name: string) => page.locator(".facts > div", { hasText: name }).locator("dd");
  await fact("data").getByText("pictures of own").waitFor();
  expect(await fact("optimizer").textContent()).toMatch(/^(adam|muon)/);
  expect(await fact("schedule").textContent()).toContain("oneCycle");
  expect(await fact("augmentation").textContent()).toBe("none");
  expect(await fact("learning rate").textContent()).toBe("1.0e-7");
  await page.getByText("All fields of the recipe").click();
  await page.getByRole("rowheader", { name: "optimizer.kind" }).waitFor();
  await page.getByRole("link", { name: "Runs", exact: true }).first().click();
  await page.locator(".run-card", { hasText: "own" }).getByText("on pictures of own").waitFor();
  await page.getByRole("link", { name: "Compare", exact: true }).click();
  await page.getByRole("heading", { name: "Published results on Fashion-MNIST, and ours" }).waitFor();
  await page.getByText("pictures of own").last().waitFor();
  await page.getByText(/Runs on .*pictures of own.* are not among them/).waitFor();
});

test("of many classes the page shows those that matter first, and all on demand", async () => {
  const { url } = await start({ runs, data: await smallDataFolder() });
  const { page, complaints } = await openPage(`${url}/#/runs/many`);
  const { perClass } = await jsonOf<RunEvaluation>(fetch(`${url}/api/runs/many/evaluation`));
  const worst = page.locator("table", { hasText: "with the lowest F1" });
  await worst.waitFor();
  expect(await worst.locator("tbody th").allTextContents()).toEqual(
    perClass
      .toSorted((a, b) => a.f1 - b.f1)
      .slice(0, 10)
      .map(({ label }) => label),
  );
  expect(await page.locator("table", { hasText: "Most confused" }).locator("tbody tr").count()).toBeLessThanOrEqual(10);
  const figure = page.getByRole("img", { name: "many: confusion matrix, test set" });
  expect(await figure.isVisible()).toBe(false);
  await page.getByText("Confusion matrix of all 24 classes").click();
  await figure.waitFor();
  await page.getByText("All 24 classes", { exact: true }).click();
  expect(await page.locator("table", { hasText: "By class" }).locator("tbody tr").count()).toBe(24);
  await page.goto(`${url}/#/try/many`);
  await page.getByText("A test image").click();
  await page.locator(".tile").first().click();
  await page.locator(".look .first").waitFor();
  expect(await page.locator(".look .probabilities li").count()).toBeLessThanOrEqual(21);
  expect(complaints).toEqual([]);
});

test("evaluate prints no line of many classes that is too wide for a terminal", async () => {
  const { stdout, stderr, code } = await tailor(["evaluate", join(runs, "many"), "--threads", "1"]);
  expect(code, stderr).toBe(0);
  const lines = stdout.split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  expect(lines.filter((line) => line.startsWith("kind "))).toHaveLength(24);
  expect(stdout).toContain("The confusion matrix of 24 classes is too wide for a terminal: --json prints it");
  const few = await tailor(["evaluate", join(runs, "own"), "--threads", "1"]);
  expect(few.stdout).toContain("→2");
});

/** What a canvas shows, [channels, height, width]. */
async function colorsOf(canvas: Locator): Promise<number[]> {
  const { width, height, data } = await canvas.evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const { data } = (element as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
    return { width, height, data: [...data] };
  });
  return [0, 1, 2].flatMap((channel) => Array.from({ length: width * height }, (_, i) => data[4 * i + channel]!));
}

test("a run: its own test images, in colour, are shown as its mistakes and can be opened", async () => {
  // The server was started with other data: gray images of 28x28, of ten classes.
  const { url } = await start({ runs, data: await smallDataFolder() });
  const { mistakes, correct, total, perClass } = await jsonOf<RunEvaluation>(fetch(`${url}/api/runs/own/evaluation`));
  expect(mistakes.length).toBeGreaterThan(0);
  const { page, complaints } = await openPage(`${url}/#/runs/own`);
  await page.getByText(`${correct} of ${total} images`).waitFor();
  const rows = page.locator("table", { hasText: "precision" }).locator("tbody th");
  expect(await rows.allInnerTexts()).toEqual(perClass.map(({ label }) => label));
  // The table of three classes is narrower than the page and is not enlarged, which would make its text huge.
  const scale = await page
    .getByRole("img", { name: /confusion matrix/ })
    .last()
    .evaluate((figure) => figure.getBoundingClientRect().width / (figure as SVGSVGElement).viewBox.baseVal.width);
  expect(scale).toBeGreaterThan(0.9);
  expect(scale).toBeLessThan(1.41);

  const { index, label, prediction, probability } = mistakes[0]!;
  const { pixels } = await jsonOf<TestImage>(fetch(`${url}/api/runs/own/test-images/${index}`));
  const tile = page.locator(".tile").first();
  expect(await tile.textContent()).toBe(
    `is ${OWN_CLASSES[label]}said ${OWN_CLASSES[prediction]}${percent(probability)}`,
  );
  await tile.locator("canvas").waitFor();
  expect(await colorsOf(tile.locator("canvas"))).toEqual(pixels);
  await tile.click();
  const look = page.locator(".look");
  await look.getByText("occluding the strongest patch").waitFor();
  expect(await colorsOf(look.locator("canvas").first())).toEqual(pixels);
  expect(await look.getByLabel("32 by 32 pixels").count()).toBe(1);
  expect(await look.locator(".first").textContent()).toContain(OWN_CLASSES[prediction]);
  expect(await look.locator("li", { hasText: "its label" }).textContent()).toContain(OWN_CLASSES[label]);
  expect(await look.locator(".probabilities li").count()).toBe(3);
  expect(complaints).toEqual([]);
});

test("a photo is fitted in the page as on the server; the run's own test images can be classified", async () => {
  const { url } = await start({ runs, data: await smallDataFolder() });
  const photo = await drawn((x, y) => [(x * 5) % 256, (y * 7) % 256, x > 40 ? 200 : 30], { width: 64, height: 48 });
  const answer = await jsonOf<PredictAnswer>(postBytes(`${url}/api/predict?run=own&show=1`, photo, "image/png"));
  const { page, complaints } = await openPage(`${url}/#/try/own`);
  await page.getByLabel("Choose a photo").setInputFiles({ name: "photo.png", mimeType: "image/png", buffer: photo });
  const look = page.locator(".look");
  await look.getByText("occluding the strongest patch").waitFor();
  expect(await colorsOf(look.locator("canvas").first())).toEqual(answer.prepared);
  expect(await look.locator(".first").textContent()).toContain(answer.label);
  expect(await look.locator(".first .value").textContent()).toBe(percent(answer.probability, 1));

  await page.getByText("A test image").click();
  const tile = page.locator(".tile").first();
  await tile.locator("canvas").waitFor();
  const { images } = await jsonOf<{ images: TestImage[] }>(fetch(`${url}/api/runs/own/test-images?count=20&seed=1`));
  expect(await page.locator(".tile").count()).toBe(images.length);
  expect(await colorsOf(tile.locator("canvas"))).toEqual(images[0]!.pixels);
  await tile.click();
  await look.locator("li", { hasText: "its label" }).getByText(images[0]!.className).waitFor();

  // The shown image is not kept for a network with other classes.
  await page.locator("select").first().selectOption("other");
  await page.getByText("The answer comes here").waitFor();
  await tile.click();
  await look
    .locator("li", { hasText: "its label" })
    .getByText(/yes|no/)
    .waitFor();
  expect(await look.getByLabel("16 by 16 pixels").count()).toBe(1);
  expect(complaints).toEqual([]);
});

test("a training in the browser uses the server's pictures, parts and preparation", async () => {
  const pictures = join(folder, "more pictures");
  await putClasses(pictures, { day: 90, night: 90 }, { width: 20, height: 16 });
  const { url } = await start({ data: pictures, preparation: { size: OWN_SIZE / 2, fit: "pad" } });
  const { page, complaints } = await openPage(`${url}/#/train`);
  await page.getByLabel("Training images").selectOption("all");
  await page.getByLabel("Epochs", { exact: true }).fill("1");
  await page.getByRole("button", { name: "Start training" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "ONNX model" }).click(),
  ]);
  const file = await download.path();
  expect(readModelMetadata(readFileSync(file), file)).toMatchObject({
    classNames: ["day", "night"],
    preparation: { kind: "fit", fit: "pad" },
  });
  expect(complaints).toEqual([]);
});

test.each([
  // `tiny` has batch norm, and is slower.
  ...(IS_THOROUGH
    ? ([
        [2, 20, "base"],
        [2, 40, "base"],
        [2, 100, "base"],
        [3, 30, "tiny"],
      ] as const)
    : []),
  [10, 20, "base"] as const,
])(
  "%i classes of %i pictures, trained in the browser as the form stands, reach an accuracy of 0.95 with %s",
  async (classes, images, recipe) => {
    const pictures = join(folder, `${classes}x${images}`);
    await putShapes(pictures, { classes, images });
    const { url } = await start({ data: pictures, preparation: { size: OWN_SIZE / 2 } });
    const { page, complaints } = await openPage(`${url}/#/train`);
    await page.getByRole("radio", { name: new RegExp(`^${recipe} `) }).check();
    await page.getByRole("button", { name: "Start training" }).click();
    const result = page.locator(".result");
    await result.getByText("of the test images right").waitFor();
    const accuracy = Number(/^([\d.]+) %/.exec((await result.locator(".lead").textContent())!)![1]);
    expect(accuracy).toBeGreaterThanOrEqual(95);
    expect(complaints).toEqual([]);
  },
);
