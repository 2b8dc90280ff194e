/** Training in Chromium: the same numbers as in Node. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { normalizationOf, trainingData } from "../../src/data/training-data.ts";
import { evaluate } from "../../src/evaluation/evaluate.ts";
import { readModelMetadata } from "../../src/formats/model-metadata.ts";
import { decodeSafetensors } from "../../src/formats/safetensors.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { parseMetrics } from "../../src/runs/metrics.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { openModel } from "../../src/runtime/node/open-model.ts";
import type { RunDetail, RunSummary } from "../../src/server/api-types.ts";
import { count, percent } from "../../src/text.ts";
import { type EpochResult, train } from "../../src/training/train.ts";
import { jsonOf, start } from "../server/support/running-server.ts";
import { smallRuns } from "../server/support/small-runs.ts";
import { needChromium } from "../support/chromium.ts";
import { openPage, picture } from "./support.ts";

const { runs, dataFolder, data } = await smallRuns([]);
beforeEach(needChromium);

async function download(page: Page, button: string): Promise<Uint8Array> {
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
  return readFileSync(await file.path());
}

async function startTraining(
  page: Page,
  { epochs, seed }: { epochs: number; seed: number },
  button = "Start training",
): Promise<void> {
  await page.getByLabel("Training images").selectOption("1,000");
  await page.getByLabel("Epochs", { exact: true }).fill(String(epochs));
  await page.getByLabel("Seed", { exact: true }).fill(String(seed));
  await page.getByRole("button", { name: button }).click();
}

test("two epochs, with a pause, have Node's losses to four decimals, and complete files", async () => {
  const { url } = await start({ runs, data: dataFolder });
  const { page, complaints, addresses } = await openPage(`${url}/#/train`);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  await startTraining(page, { epochs: 2, seed: 3 });
  await page.getByText(/^step [1-9]\d* of 15$/).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Go on" }).waitFor();
  const step = await page.locator(".tape").textContent();
  await page.waitForTimeout(1500);
  expect(await page.locator(".tape").textContent(), "paused").toBe(step);
  // The page may be left meanwhile: training belongs to no part of it.
  await page.getByRole("link", { name: "Compare" }).click();
  await page.getByRole("link", { name: "Train", exact: true }).click();
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("of the test images right").waitFor();

  const forming = "base: confusion matrix, validation set, epoch 2";
  expect(await page.getByRole("img", { name: forming }).count()).toBe(1);

  const metrics = new TextDecoder().decode(await download(page, "Metrics"));
  const browser = parseMetrics(metrics, "metrics.jsonl");
  const parts = trainingData(data.train, { trainOn: "split", limit: 1000 });
  const normalization = normalizationOf(parts.train);
  const native: EpochResult[] = [];
  const recipe = { ...findRecipe("base"), epochs: 2 };
  const lowering = { kind: "standard" } as const;
  const { confidence } = await train(
    { recipe, data: parts, normalization, seed: 3, threads: 1, lowering, runtime: nodeRuntime },
    { onEpoch: (result) => native.push(result) },
  );
  expect(browser.map(({ step }) => step)).toEqual([7, 15]);
  for (const [i, line] of browser.entries()) {
    expect(Math.abs(line.trainLoss - native[i]!.trainLoss)).toBeLessThan(5e-5);
    expect(Math.abs(line.validationLoss! - native[i]!.validationLoss!)).toBeLessThan(5e-5);
    expect(line.trainAccuracy).toBeCloseTo(native[i]!.trainAccuracy, 2);
  }

  const model = await download(page, "ONNX model");
  const metadata = readModelMetadata(model, "the download");
  expect(metadata.classNames).toEqual(data.test.classNames);
  expect(metadata.confidence!.temperature).toBeCloseTo(confidence!.temperature, 2);
  expect(metadata.confidence!.unknownBelow).toBeCloseTo(confidence!.unknownBelow, 2);
  const session = await openModel(model, "the download", { threads: 1 });
  const { accuracy, correct, total } = await evaluate(data.test, session.logits, { batchSize: 130 });
  const validated = await evaluate(parts.validation!, session.logits, { batchSize: 100 });
  expect(browser.at(-1)!.validationConfusion).toEqual(validated.confusion);
  await session.release();
  const said = `${percent(accuracy)} of the test images right: ${count(correct)} of ${count(total)}`;
  expect(await page.locator(".result").textContent()).toContain(said);

  const { tensors } = decodeSafetensors(await download(page, "Weights"), "the download");
  expect(tensors.map(({ name, shape }) => [name, shape.length])).toContainEqual(["conv1.weight", 4]);
  expect(tensors.reduce((sum, { data: values }) => sum + values.length, 0)).toBe(421_642);

  await page.locator(".result").getByRole("link", { name: "Try it" }).click();
  expect(await page.getByRole("combobox", { name: "Network" }).inputValue()).toBe("trained in this page");
  await page.getByText("A test image").click();
  await page.locator(".tile").first().click();
  await page.locator(".look .first").waitFor();

  // Another training in the same page makes another network.
  const answered = async () => {
    await page.getByText("A photo", { exact: true }).click();
    await page
      .getByLabel("Choose a photo")
      .setInputFiles({ name: "dress.png", mimeType: "image/png", buffer: Buffer.from(picture()) });
    await page.locator(".look").getByText("occluding the strongest patch").waitFor();
    return page.locator(".look .probabilities").textContent();
  };
  const before = await answered();
  await page.getByRole("link", { name: "Train", exact: true }).click();
  await startTraining(page, { epochs: 1, seed: 4 }, "Start anew");
  await page.getByText("seed 4").first().waitFor();
  await page.getByText("of the test images right").waitFor();
  await page.locator(".result").getByRole("link", { name: "Try it" }).click();
  expect(await answered()).not.toBe(before);
  expect(addresses.filter((address) => address.includes("model.onnx"))).toEqual([]);
  expect(complaints).toEqual([]);
});

test("a training that a reload interrupts is resumed after its last epoch to the same bits; a finished one is still there", async () => {
  const { url } = await start({ runs, data: dataFolder });
  const { page, complaints } = await openPage(`${url}/#/train`);
  const weights = async () => {
    await page.getByText("of the test images right").waitFor();
    return Buffer.from(await download(page, "Weights"));
  };
  await startTraining(page, { epochs: 3, seed: 5 });
  const whole = await weights();
  const metrics = new TextDecoder().decode(await download(page, "Metrics"));
  await page.reload();
  expect((await weights()).equals(whole), "of the finished training, after a reload").toBe(true);

  await startTraining(page, { epochs: 3, seed: 5 }, "Start anew");
  await page.getByRole("img", { name: "base: confusion matrix, validation set, epoch 1" }).waitFor();
  await page.reload();
  await page.getByText(/^The page was closed or reloaded after [12] epochs? of 3\. Resume/).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  expect((await weights()).equals(whole), "of the resumed training").toBe(true);
  const losses = (text: string) => parseMetrics(text, "metrics.jsonl").map(({ trainLoss }) => trainLoss);
  expect(losses(new TextDecoder().decode(await download(page, "Metrics")))).toEqual(losses(metrics));

  await page.getByRole("button", { name: "Clear" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Start training" }).waitFor();
  expect(await page.getByRole("heading", { name: "in this browser" }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("settings of the form reach the training; the form shows what follows from the number of images", async () => {
  const { url } = await start({ runs, data: dataFolder });
  const { page, complaints } = await openPage(`${url}/#/train`);
  const adapted = "batches of 128, 35 epochs, adapted to so few images; the recipe has 128 and 12";
  await page.getByText(`1,100 images to train on: ${adapted}`).waitFor();
  await page.getByText("More settings").click();
  await page.getByLabel("Epochs", { exact: true }).fill("3");
  await page.getByText("batches of 128, 3 epochs.").waitFor();
  await page.getByLabel("Epochs", { exact: true }).fill("");
  await page.getByLabel("Batch size").fill("2000");
  await page.getByRole("button", { name: "Start training" }).click();
  expect(await page.getByLabel("Batch size").evaluate((field: HTMLInputElement) => field.validity.rangeOverflow)).toBe(
    true,
  );
  await page.getByLabel("Batch size").fill("100");
  await page.getByText("batches of 100, 28 epochs").waitFor();
  await page.getByLabel("Patience").fill("1");
  await page.getByLabel("Learning rate").fill("0.01");
  await page.getByLabel("Weights to keep").selectOption("best epoch");
  await page.getByLabel("Class weights").selectOption("balanced");
  await page.getByLabel("Sampling").selectOption("balanced");
  await page.getByLabel("Max gradient norm").fill("0.5");
  await page.getByText("On the server").click();
  await page.getByRole("button", { name: "Start training" }).click();
  await page.locator(".facts dt", { hasText: "max gradient norm" }).waitFor();
  const { runs: listed } = await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`));
  const { record } = await jsonOf<RunDetail>(fetch(`${url}/api/runs/${listed[0]!.id}`));
  expect(record).toMatchObject({
    batchSize: 100,
    epochs: 28,
    recipe: {
      learningRate: 0.01,
      patience: 1,
      keep: "best",
      classWeights: "balanced",
      sampling: "balanced",
      maxGradientNorm: 0.5,
    },
  });
  for (const text of ["28 (the recipe's 12 is for more images)", "1.0e-2", "best", "0.5"]) {
    expect(await page.locator(".facts dd", { hasText: text }).count(), text).toBeGreaterThan(0);
  }
  expect(complaints).toEqual([]);
});

test("a training is stopped immediately and discarded; more images than available cannot be entered", async () => {
  const { url } = await start({ runs, data: dataFolder });
  const { page } = await openPage(`${url}/#/train`);
  await startTraining(page, { epochs: 200, seed: 1 });
  await page.getByText(/^step [1-9]\d* of/).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  expect(await page.getByText("in this browser", { exact: false }).filter({ hasText: "seed 1" }).count()).toBe(0);
  // 1,100 images train.
  const choices = await page.getByLabel("Training images").locator("option").allInnerTexts();
  expect(choices).toEqual(["1,000", "all"]);
});
