/** What the address of the page holds, what Back leads to, and that views hear of what changes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { formatMetrics, type MetricsLine } from "../../src/runs/metrics.ts";
import { acquireLock } from "../../src/runs/node/run-lock.ts";
import type { RunRecord } from "../../src/runs/run-record.ts";
import { percent } from "../../src/text.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { interrupted } from "../runs/support/run-folders.ts";
import { finishedRecord, sampleMetrics, sampleResult } from "../runs/support/samples.ts";
import { start } from "../server/support/running-server.ts";
import { smallRuns } from "../server/support/small-runs.ts";
import { needChromium } from "../support/chromium.ts";
import { openPage, picture } from "./support.ts";

const { runs, dataFolder } = await smallRuns(["first", "second", "untested"]);
const serve = (options: Parameters<typeof start>[0] = {}) => start({ runs, data: dataFolder, ...options });

beforeEach(needChromium);

/** Writes a run of `base` as the list of runs needs it, without a model. */
function put(folder: string, name: string, { rate = 0.001, ...changes }: Partial<RunRecord> & { rate?: number }): void {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  const record = {
    ...finishedRecord,
    recipe: { name: "base", epochs: 3, learningRate: rate, optimizer: { kind: "adam" } },
    learningRate: rate,
    epochs: 3,
    data: { ...finishedRecord.data, classes: ["a", "b"] },
    ...changes,
  };
  writeFileSync(join(path, "run.json"), JSON.stringify(record));
  writeFileSync(join(path, "metrics.jsonl"), formatMetrics(sampleMetrics));
}

describe("Compare", () => {
  test("draws runs that differ only in their seeds together, others beside them, whatever they are called", async () => {
    const folder = temporaryFolder();
    const other = { ...finishedRecord.data, classes: ["a", "b"], folder: "mine" };
    put(folder, "slow-1", { rate: 0.001, seed: 1 });
    put(folder, "slow-2", { rate: 0.001, seed: 2 });
    put(folder, "fast-1", { rate: 0.004, seed: 1 });
    put(folder, "few", { rate: 0.001, seed: 1, limit: 1000 });
    const renamed = { name: "mine", epochs: 3, learningRate: 0.001, optimizer: { kind: "adam" } };
    put(folder, "renamed-3", { recipeName: "mine", recipe: renamed, seed: 3 });
    put(folder, "own-1", { seed: 1, data: { ...other, files: [{ name: "x", bytes: 1, sha256: "ab".repeat(32) }] } });
    const { url } = await serve({ runs: folder });
    const { page, complaints } = await openPage(`${url}/#/compare?runs=slow-1,fast-1`);
    const figure = page.getByRole("img", { name: /^Training of/ });
    const shows = (names: readonly string[], legend: RegExp) =>
      expect
        .poll(async () => {
          const title = (await figure.getAttribute("aria-label"))!.slice("Training of ".length);
          return [title.split(" and ").sort(), legend.test((await figure.textContent())!)];
        })
        .toEqual([names, true]);
    const rates = ["base (learningRate 0.001)", "base (learningRate 0.004)"];
    await figure.waitFor();
    await shows(rates, /^((?!mean).)*$/s);
    await page.getByLabel("slow-2").check();
    await shows(rates, /each of (2 and 1|1 and 2) seeds; bold: mean/);
    await page.getByLabel("fast-1").uncheck();
    // Runs with another name of the recipe are of the same group.
    await page.getByLabel("renamed-3").check();
    await shows(["mine, base"], /each of 3 seeds/);
    await page.getByLabel("few").check();
    await shows(["base (images 1000)", "mine, base (images all)"], /each of/);
    await page.getByLabel("few").uncheck();
    await page.getByLabel("own-1").check();
    await shows(["base (data mine)", "mine, base (data a folder)"], /each of/);
    expect(complaints).toEqual([]);
  });

  test("of many runs ticks a few, and fetches each once and a few at a time", async () => {
    const folder = temporaryFolder();
    for (let seed = 1; seed <= 60; seed++) put(folder, `run-${seed}`, { seed, rate: seed <= 40 ? 0.001 : 0.002 });
    const { url } = await serve({ runs: folder });
    const { page, context, addresses } = await openPage(`${url}/#/`);
    let open = 0;
    let most = 0;
    const isDetail = (address: string) => address.includes("/api/runs/");
    context.on("request", (request) => {
      if (!isDetail(request.url())) return;
      open++;
      most = Math.max(most, open);
    });
    const over = (request: { url(): string }) => {
      if (isDetail(request.url())) open--;
    };
    context.on("requestfinished", over);
    const failed: string[] = [];
    context.on("requestfailed", (request) => failed.push(request.url()));
    await page.getByRole("link", { name: "Compare", exact: true }).click();
    await page.getByRole("img", { name: /^Training of base/ }).waitFor();
    const boxes = page.getByRole("checkbox");
    expect(await boxes.count()).toBe(60);
    expect(await page.getByRole("checkbox", { checked: true }).count()).toBeLessThanOrEqual(6);
    const fetched = () => addresses.filter(isDetail);
    await page.waitForLoadState("networkidle");
    for (let i = 0; i < 20; i++) await boxes.nth(i).setChecked(true);
    await page.getByText(/each of \d\d( and \d+)? seeds/).waitFor();
    await page.getByRole("button", { name: "Untick all" }).click();
    await page.getByText("Tick runs to see their curves").waitFor();
    for (let i = 0; i < 20; i++) await boxes.nth(i).setChecked(true);
    await page.getByRole("img", { name: /^Training of base/ }).waitFor();
    expect(fetched().length).toBe(new Set(fetched()).size);
    expect(fetched().length).toBeLessThanOrEqual(26);
    expect(most).toBeLessThanOrEqual(4);
    expect(failed).toEqual([]);
  });

  test("keeps what is ticked in the address; a run that is not here is said", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/compare`);
    await page.getByLabel("second").uncheck();
    await page.getByRole("img", { name: "Training of base", exact: true }).waitFor();
    await page.getByLabel("untested").uncheck();
    expect(new URL(page.url()).hash).toBe("#/compare?runs=first");
    await page.reload();
    await page.getByLabel("first").waitFor();
    expect(await page.getByLabel("first").isChecked()).toBe(true);
    expect(await page.getByLabel("second").isChecked()).toBe(false);
    await page.goto(`${url}/#/compare?runs=first,lost%2C%20one`);
    await page.getByRole("alert").getByText("The server has no run lost, one.").waitFor();
    await page.getByLabel("second").check();
    expect(new URL(page.url()).hash).toBe("#/compare?runs=first,lost%2C%20one,second");
  });
});

describe("the chosen network", () => {
  test("is in the address, and still is when another one is trained", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/try`);
    await page.getByLabel("Network").selectOption("first");
    expect(new URL(page.url()).hash).toBe("#/try/first");
    await page.reload();
    await page.getByLabel("Network").waitFor();
    expect(await page.getByLabel("Network").inputValue()).toBe("first");
    // Back leads to the page before, not to the network before.
    await page.getByRole("link", { name: "Train", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Train" }).waitFor();
    await page.goBack();
    await page.getByLabel("Network").waitFor();
    expect(await page.getByLabel("Network").inputValue()).toBe("first");
  });

  test("that is unknown is said instead of being replaced", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/try/nobody`);
    await page.getByRole("alert").getByText("The server has no trained network nobody.").waitFor();
    expect(await page.getByLabel("Choose a photo").count()).toBe(0);
    await page.getByLabel("Network").selectOption("second");
    await page.getByLabel("Choose a photo").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    await page.goto(`${url}/#/try/trained%20in%20this%20page`);
    await page.getByRole("alert").getByText("is gone").waitFor();
  });
});

test("Back and a reload lead to the place that was left; a new page begins at its top", async () => {
  const folder = temporaryFolder();
  for (let seed = 1; seed <= 40; seed++) put(folder, `run-${seed}`, { seed });
  const { url } = await serve({ runs: folder });
  const { page } = await openPage(url);
  const place = () => page.evaluate(() => scrollY);
  const link = page.getByRole("link", { name: "run-30", exact: true });
  await link.scrollIntoViewIfNeeded();
  await page.mouse.wheel(0, 200);
  await expect.poll(place).toBeGreaterThan(1000);
  const left = await place();
  await link.click();
  await page.getByRole("heading", { level: 1, name: "run-30" }).waitFor();
  await expect.poll(place).toBe(0);
  await page.goBack();
  await link.waitFor();
  await expect.poll(place).toBe(left);
  await page.reload();
  await link.waitFor();
  await expect.poll(place).toBe(left);
  await page.goForward();
  await page.getByRole("heading", { level: 1, name: "run-30" }).waitFor();
  await expect.poll(place).toBe(0);
});

describe("what changes while it is looked at", () => {
  test("the header of a watched run has the last epoch's accuracy", async () => {
    const path = interrupted({ state: false });
    onTestFinished(acquireLock(path)); // This test is the process that trains.
    const { url } = await serve({ runs: join(path, "..") });
    const { page } = await openPage(`${url}/#/runs/run`);
    const fact = page.locator(".facts > div", { hasText: "validation accuracy" }).locator("dd");
    await fact.getByText(percent(0.9)).waitFor();
    const line: MetricsLine = { ...sampleMetrics[2]!, epoch: 4, step: 2000, validationAccuracy: 0.9123 };
    writeFileSync(join(path, "metrics.jsonl"), formatMetrics([...sampleMetrics, line]));
    await fact.getByText(percent(0.9123)).waitFor();
  });

  test("the header of a run that was not tested before has the accuracy of its evaluation", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/runs/untested`);
    const lead = page.locator(".lead strong");
    await lead.waitFor();
    const fact = page.locator(".facts > div", { hasText: "test accuracy" }).locator("dd");
    await fact.getByText((await lead.textContent())!).waitFor();
  });

  test.each([
    ["the list of runs", "#/"],
    ["Compare", "#/compare"],
    ["Try it", "#/try"],
  ])("%s that was opened empty hears of the first run", async (_, hash) => {
    const folder = temporaryFolder();
    const { url } = await serve({ runs: join(folder, "runs") });
    const { page } = await openPage(`${url}/${hash}`);
    await page.getByText(/There (are no runs|is no trained network) yet/).waitFor();
    put(join(folder, "runs"), "early", { result: sampleResult });
    await page.getByText("early").first().waitFor({ state: "attached" });
  });

  test("a view recovers by itself when the server is back", async () => {
    const { url, close } = await serve();
    const { page } = await openPage(`${url}/#/compare`);
    await page.getByLabel("first").waitFor();
    await close();
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    await page.getByRole("alert").getByText("The server does not answer").waitFor();
    await serve({ port: Number(new URL(url).port) });
    await page.getByRole("link", { name: "first" }).waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("a view that is not loaded yet says that the server does not answer, and recovers", async () => {
    const { url, close } = await serve();
    const { page } = await openPage(url);
    await page.getByRole("link", { name: "first" }).waitFor();
    await close();
    await page.getByRole("link", { name: "Train", exact: true }).click();
    await page.getByRole("alert").getByText("The server does not answer").waitFor();
    expect(await page.getByRole("alert").textContent()).not.toMatch(/module|https?:/);
    await serve({ port: Number(new URL(url).port) });
    await page.getByRole("heading", { level: 1, name: "Train" }).waitFor();
  });
});

test("an interrupted run shows the command that resumes it, with its folder", async () => {
  const path = interrupted({ state: true });
  const { url } = await serve({ runs: join(path, ".."), command: "npx tailor" });
  const { page } = await openPage(`${url}/#/runs/run`);
  await page.getByText(`npx tailor train --resume ${path}`, { exact: true }).waitFor();
  // Whoever comes from another machine is told no paths.
  const open = await serve({ runs: join(path, ".."), host: "0.0.0.0" });
  await page.goto(`${open.url}/#/runs/run`);
  await page.getByText("on the server, in its folder of runs").waitFor();
  await page.getByText("tailor train --resume run", { exact: true }).waitFor();
  expect(await page.content()).not.toContain(path);
});

describe("what is in this page only", () => {
  test("is not lost without a word: on a reload, and by a new training", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/train`);
    const asked: string[] = [];
    page.on("dialog", (dialog) => {
      asked.push(dialog.type() === "beforeunload" ? dialog.type() : dialog.message());
      void dialog.dismiss();
    });
    const begin = async (button: string, epochs: string, seed: string) => {
      await page.getByLabel("Training images").selectOption("1,000");
      await page.getByLabel("Epochs", { exact: true }).fill(epochs);
      await page.getByLabel("Seed", { exact: true }).fill(seed);
      await page.getByRole("button", { name: button }).click();
    };
    await begin("Start training", "500", "1");
    await page.getByText(/^step \d+ of/).waitFor();
    await page.reload();
    await page.getByText(/^The page was closed or reloaded/).waitFor();
    expect(asked).toEqual([]);
    await begin("Start anew", "1", "2");
    expect(asked.at(-1)).toMatch(/^The training that was interrupted would be lost/);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText(/^step \d+ of/).waitFor();
    await begin("Start anew", "1", "2");
    expect(asked.at(-1)).toMatch(/^A training runs in this page, and would be lost/);
    await page.getByRole("heading", { name: "base, seed 1, in this browser" }).waitFor();
    // Stopping it is what its button says.
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    expect(asked).toHaveLength(2);
    await begin("Start training", "1", "2");
    await page.getByText("of the test images right").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    expect(asked.at(-1)).toMatch(/^The network that was trained in this page is not downloaded/);
    await begin("Start anew", "1", "3");
    expect(asked).toHaveLength(4);
    await page.getByRole("heading", { name: "base, seed 2, in this browser" }).waitFor();
    await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "ONNX model" }).click()]);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByRole("heading", { name: "in this browser" }).waitFor({ state: "detached" });
    await page.reload();
    await page.getByRole("button", { name: "Start training" }).waitFor();
    expect(asked).toHaveLength(4);
  });

  test("a second page's training is not kept, and the browser warns before it is lost", async () => {
    const { url } = await serve();
    const { page, context } = await openPage(`${url}/#/train`);
    await page.getByRole("button", { name: "Start training" }).waitFor();
    const second = await context.newPage();
    await second.goto(`${url}/#/train`);
    const types: string[] = [];
    second.on("dialog", (dialog) => {
      types.push(dialog.type());
      void dialog.dismiss();
    });
    await second.getByLabel("Epochs", { exact: true }).fill("500");
    await second.getByRole("button", { name: "Start training" }).click();
    await second.getByText(/^step \d+ of/).waitFor();
    await second.evaluate(() => location.reload());
    await expect.poll(() => types).toEqual(["beforeunload"]);
  });

  test("pictures that were collected are not either", async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/train/pictures`);
    const types: string[] = [];
    page.on("dialog", (dialog) => {
      types.push(dialog.type());
      void dialog.dismiss();
    });
    const file = { name: "a.png", mimeType: "image/png", buffer: Buffer.from(picture()) };
    await page.getByText("Add a class").click();
    await page.locator("input[type=file]").nth(1).setInputFiles(file);
    await page.getByRole("button", { name: "Remove a.png" }).waitFor();
    await page.evaluate(() => location.reload());
    await expect.poll(() => types).toEqual(["beforeunload"]);
    await page.getByRole("button", { name: "Remove a.png" }).waitFor();
  });
});

describe("from another machine", () => {
  /** The page under a name that browsers do not trust as they trust localhost. */
  const elsewhere = async () => {
    const { url } = await serve({ host: "0.0.0.0" });
    const { port } = new URL(url);
    const opened = await openPage(`http://other.example:${port}/#/train`, {
      args: ["--host-resolver-rules=MAP other.example 127.0.0.1"],
    });
    return opened;
  };

  test("training on the server is not offered where it would be refused", async () => {
    const { page } = await elsewhere();
    const server = page.getByLabel("On the server");
    await server.waitFor();
    expect(await server.isDisabled()).toBe(true);
    await page.getByText("This server trains nothing for its visitors").waitFor();
    const allowed = await serve({ host: "0.0.0.0", allowTraining: true });
    await page.goto(`${allowed.url}/#/train`);
    await server.waitFor();
    expect(await server.isDisabled()).toBe(false);
  });

  test("one thread is explained", async () => {
    const { page } = await elsewhere();
    await page.getByLabel("Training images").selectOption("1,000");
    await page.getByRole("button", { name: "Start training" }).click();
    await page.getByText(/1 thread: browsers allow more only over HTTPS/).waitFor();
  });
});
