/** Training on a GPU in Chromium, with its own SwiftShader as the GPU: a program, so few small images. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { loadFashionMnist } from "../../src/data/node/fashion-mnist.ts";
import { normalizationOf, trainingData } from "../../src/data/training-data.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { parseMetrics } from "../../src/runs/metrics.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { type EpochResult, train } from "../../src/training/train.ts";
import { start } from "../server/support/running-server.ts";
import { needChromium } from "../support/chromium.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { openPage } from "./support.ts";

const DATA = await smallDataFolder({ train: 24, test: 8 });
const RUNS = join(sharedFolder(), "runs");
const SWIFTSHADER = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
beforeEach(needChromium);

async function open(args: readonly string[]) {
  const { url } = await start({ runs: RUNS, data: DATA });
  return openPage(`${url}/#/train`, { args });
}

async function startTraining(page: Page, device: string, epochs: number): Promise<void> {
  await page.getByLabel("Device").selectOption(device);
  await page.getByLabel("Epochs", { exact: true }).fill(String(epochs));
  await page.getByRole("button", { name: "Start training" }).click();
}

async function downloaded(page: Page, button: string): Promise<Uint8Array> {
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
  return readFileSync(await file.path());
}

/** The same training on the processor, in Node. */
async function onProcessor(epochs: number): Promise<EpochResult[]> {
  const { train: images } = await loadFashionMnist({ folder: DATA });
  const data = trainingData(images, { trainOn: "split", limit: null });
  const results: EpochResult[] = [];
  await train(
    {
      recipe: { ...findRecipe("base"), epochs, batchSize: 8 },
      data,
      normalization: normalizationOf(data.train),
      seed: 1,
      threads: 1,
      lowering: { kind: "standard" },
      runtime: nodeRuntime,
    },
    { onEpoch: (result) => results.push(result) },
  );
  return results;
}

const lossesOf = (epochs: readonly EpochResult[]) =>
  epochs.flatMap(({ trainLoss, validationLoss }) => [trainLoss, validationLoss!]);

test("the GPU's losses are the processor's, also in a tab that was frozen; what computed is shown and kept in the model's metadata", async () => {
  const { page, addresses, complaints } = await open(SWIFTSHADER);
  await page.getByText("batches of 8").waitFor();
  const ofGpu = () => addresses.filter((address) => address.includes("asyncify"));
  expect(ofGpu()).toEqual([]);
  await startTraining(page, "gpu", 2);
  await page.getByText(/^step [1-4] of 5$/).waitFor();
  // As browsers do with a tab that is long in the background.
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await session.send("Page.setWebLifecycleState", { state: "active" });
  await page.getByText("of the test images right").waitFor();
  expect(ofGpu()).toHaveLength(2);
  expect(await page.locator(".facts dd", { hasText: "onnxruntime-web" }).textContent()).toMatch(
    /; GPU .*swiftshader.* \(WebGPU\)$/i,
  );
  const metrics = parseMetrics(new TextDecoder().decode(await downloaded(page, "Metrics")), "metrics.jsonl");
  const expected = lossesOf(await onProcessor(2));
  for (const [i, loss] of lossesOf(metrics).entries()) expect(Math.abs(loss / expected[i]! - 1)).toBeLessThan(1e-5);
  const model = new TextDecoder("latin1").decode(await downloaded(page, "ONNX model"));
  expect(model).toMatch(/"maxBufferSize":\d+/);
  expect(complaints).toEqual([]);
});

test("auto goes on with the processor: a program that acts as a GPU is none", async () => {
  const { page, complaints } = await open(SWIFTSHADER);
  await startTraining(page, "auto", 1);
  await page.getByText("of the test images right").waitFor();
  expect(await page.locator(".facts dd", { hasText: "onnxruntime-web" }).textContent()).toMatch(
    /thread.*; processor: .*swiftshader.* is software$/i,
  );
  expect(complaints).toEqual([]);
});

test("without an adapter the page says so", async () => {
  const { page } = await open([]);
  await startTraining(page, "gpu", 1);
  await page.getByText("this browser has no GPU for WebGPU").waitFor();
});

test("a lost device is said; the processor goes on from the last epoch to the same losses", async () => {
  const { page } = await open(SWIFTSHADER);
  await startTraining(page, "gpu", 3);
  await page.getByText(/^step [3-7] of 8$/).waitFor();
  const session = await page.context().browser()!.newBrowserCDPSession();
  await session.send("Browser.crashGpuProcess");
  await page.getByRole("heading", { name: "The GPU failed" }).waitFor();
  await page.getByText(/Go on computes on the processor, from step [25], whose state is kept/).waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("of the test images right").waitFor();
  const metrics = parseMetrics(new TextDecoder().decode(await downloaded(page, "Metrics")), "metrics.jsonl");
  const expected = lossesOf(await onProcessor(3));
  expect(metrics).toHaveLength(3);
  for (const [i, loss] of lossesOf(metrics).entries()) expect(Math.abs(loss / expected[i]! - 1)).toBeLessThan(1e-5);
});
