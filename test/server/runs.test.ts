import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { mostConfidentMistakes } from "../../src/evaluation/predictions.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { LADDER } from "../../src/report/ladder/ladder.ts";
import { readAnyRunRecord, readMetrics } from "../../src/runs/node/run-files.ts";
import type { RunRecord } from "../../src/runs/run-record.ts";
import type { Ladder, RunEvaluation, RunSummary, TestImage } from "../../src/server/api-types.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { interrupted } from "../runs/support/run-folders.ts";
import { finishedRecord, importedRecord, sampleEvaluation, sampleRecord } from "../runs/support/samples.ts";
import { allRows } from "../support/all-rows.ts";
import { errorOf, jsonOf, start } from "./support/running-server.ts";
import { smallRuns } from "./support/small-runs.ts";

const { runs, dataFolder, data } = await smallRuns(["a", "b"]);

/** Whether exactly these bytes are there. */
async function holds(url: string, bytes: Uint8Array): Promise<boolean> {
  const response = await fetch(url);
  expect(response.headers.get("content-type")).toBe("application/octet-stream");
  return Buffer.from(await response.arrayBuffer()).equals(bytes);
}

describe("runs", () => {
  test("the list: newest first, with data of records and metrics; other folders and files are ignored", async () => {
    const folder = temporaryFolder();
    cpSync(runs, folder, { recursive: true });
    cpSync(interruptedRun(), join(folder, "old"), { recursive: true });
    mkdirSync(join(folder, "no run"));
    writeFileSync(join(folder, "file"), "");
    const { url } = await start({ runs: folder });
    const { runs: listed } = await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`));
    const record = readAnyRunRecord(join(runs, "a"));
    expect(listed.map(({ id }) => id)).toEqual(["b", "a", "old"]);
    expect(listed[1]).toEqual({
      id: "a",
      recipe: "base",
      data: "data",
      seed: 1,
      setting: expect.stringMatching(/^[0-9a-f]{16}$/),
      status: "finished",
      failure: null,
      parameters: 421_642,
      epochs: 2,
      epochsDone: 2,
      validationAccuracy: record.result?.validationAccuracy,
      testAccuracy: null,
      startedAt: record.startedAt,
      seconds: record.result?.seconds,
      classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    });
    // They differ in their seeds only; the interrupted one in more.
    expect(listed[0]!.setting).toBe(listed[1]!.setting);
    expect(listed[2]!.setting).not.toBe(listed[1]!.setting);
  });

  test.each([
    ["data", (record: RunRecord) => ({ data: { ...record.data, files: record.data.files.slice(1) } })],
    ["limit", () => ({ limit: 500 })],
    ["recipe", ({ recipe }: RunRecord) => ({ recipe: { ...recipe, labelSmoothing: 0.3 } })],
    ["split", () => ({ trainOn: "all" })],
  ])("a run with another %s has another setting, one with another name has not", async (_, change) => {
    const folder = temporaryFolder();
    const put = (name: string, changes: (record: RunRecord) => object) => {
      cpSync(join(runs, "a"), join(folder, name), { recursive: true });
      const record = JSON.parse(readFileSync(join(folder, name, "run.json"), "utf8"));
      writeFileSync(join(folder, name, "run.json"), JSON.stringify({ ...record, ...changes(record) }));
    };
    put("same", () => ({}));
    put("other", change);
    put("renamed", ({ recipe }) => ({ recipeName: "mine", recipe: { ...recipe, name: "mine", description: "of me" } }));
    const { url } = await start({ runs: folder });
    const { runs: listed } = await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`));
    const settingOf = (name: string) => listed.find(({ id }) => id === name)!.setting;
    expect(settingOf("renamed")).toBe(settingOf("same"));
    expect(settingOf("other")).not.toBe(settingOf("same"));
  });

  test("an interrupted run has its progress", async () => {
    const path = interruptedRun();
    const { url } = await start({ runs: join(path, "..") });
    const { runs: listed } = await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`));
    expect(listed).toMatchObject([
      { id: "run", status: "interrupted", epochsDone: 3, validationAccuracy: 0.9, seconds: 13.5, classes: [] },
    ]);
    expect((await errorOf(fetch(`${url}/api/runs/run/evaluation`))).slice(0, 2)).toEqual([404, "not_evaluated"]);
    expect((await errorOf(fetch(`${url}/api/runs/run/model.onnx`))).slice(0, 2)).toEqual([404, "no_model"]);
  });

  test("a run: its record and every epoch", async () => {
    const { url } = await start({ runs });
    const { record, metrics, folder, ...summary } = await jsonOf(fetch(`${url}/api/runs/b`));
    expect(folder).toBe(join(runs, "b"));
    const whole = readAnyRunRecord(join(runs, "b"));
    if (whole.status === "imported") throw new Error("it was trained here");
    // Of the folder with the data, only its name.
    expect(record).toEqual({ ...whole, data: { ...whole.data, folder: "data" } });
    expect(metrics).toEqual(readMetrics(join(runs, "b")));
    const { runs: listed } = await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`));
    expect(summary).toEqual(listed[0]);
  });

  test("where other machines reach the server, clients are told no folder, and whether they may train", async () => {
    const open = await start({ runs, host: "0.0.0.0", command: "npx tailor" });
    expect(await jsonOf(fetch(`${open.url}/api/runs/b`))).toMatchObject({ folder: null });
    expect(await jsonOf(fetch(`${open.url}/api/server`))).toEqual({
      allowsTraining: false,
      watchesQueue: false,
      command: "tailor",
    });
    const { url } = await start({ runs, command: "npx tailor" });
    expect(await jsonOf(fetch(`${url}/api/server`))).toEqual({
      allowsTraining: true,
      watchesQueue: false,
      command: "npx tailor",
    });
  });

  test("a run created after the list was cached is found by its name immediately", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "a"), join(folder, "a"), { recursive: true });
    const { url } = await start({ runs: folder });
    await jsonOf(fetch(`${url}/api/runs`));
    cpSync(join(runs, "b"), join(folder, "b"), { recursive: true });
    expect(await jsonOf(fetch(`${url}/api/runs/b`))).toMatchObject({ id: "b" });
  });

  test("a run that ended after the list was cached is finished immediately", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "a"), join(folder, "a"), { recursive: true });
    const [file, running] = [join(folder, "a", "run.json"), join(interruptedRun(), "run.json")];
    const finished = readFileSync(file);
    cpSync(running, file);
    const { url } = await start({ runs: folder, data: dataFolder });
    const states = async () => {
      const { runs: listed } = await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`));
      return [listed[0]?.status, (await jsonOf<RunSummary>(fetch(`${url}/api/runs/a`))).status];
    };
    expect(await states()).toEqual(["interrupted", "interrupted"]);
    writeFileSync(file, finished);
    expect((await fetch(`${url}/api/runs/a/evaluation`)).status).toBe(200);
    expect(await states()).toEqual(["finished", "finished"]);
  });

  test("its model, byte for byte", async () => {
    const { url } = await start({ runs });
    expect(await holds(`${url}/api/runs/a/model.onnx`, readFileSync(join(runs, "a", "model.onnx")))).toBe(true);
  });

  test("imported weights: nothing about their training, and no path of their source", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "torch"));
    const source = { ...importedRecord.source, file: "/home/somebody/secret/weights.safetensors" };
    writeFileSync(join(folder, "torch", "run.json"), JSON.stringify({ ...importedRecord, source }));
    const { url } = await start({ runs: folder });
    const text = await (await fetch(`${url}/api/runs/torch`)).text();
    expect(text).not.toMatch(/somebody|secret/);
    expect(JSON.parse(text)).toMatchObject({
      recipe: "base (imported)",
      status: "imported",
      seed: null,
      epochs: null,
      epochsDone: 0,
      seconds: null,
      testAccuracy: sampleEvaluation.accuracy,
      record: { source: { file: "weights.safetensors" } },
      metrics: [],
    });
  });

  test("a new run, and a removed one", async () => {
    const folder = temporaryFolder();
    const { url } = await start({ runs: join(folder, "later") });
    const ids = async () => (await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`))).runs.map(({ id }) => id);
    expect(await ids()).toEqual([]);
    cpSync(join(runs, "a"), join(folder, "later", "new"), { recursive: true });
    await expect.poll(ids).toEqual(["new"]);
    rmSync(join(folder, "later", "new"), { recursive: true });
    await expect.poll(ids).toEqual([]);
  });
});

describe("evaluation", () => {
  test("gives the result of `evaluate`, and is saved in the run's record", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "a"), join(folder, "a"), { recursive: true });
    const { url } = await start({ runs: folder, data: dataFolder });
    // Asked for twice at once: computed once.
    const [answer, again] = await Promise.all(
      [1, 2].map(() => jsonOf<RunEvaluation>(fetch(`${url}/api/runs/a/evaluation`))),
    );
    const { predictions, ...metrics } = await evaluateRun(join(runs, "a"), {
      data,
      split: "test",
      averageFlips: false,
      threads: 1,
    });
    const { mistakes, run, classes, ...told } = answer!;
    expect({ run, classes }).toEqual({ run: "a", classes: data.test.classNames });
    expect(told).toEqual(metrics);
    expect(again).toEqual(answer);
    expect(mistakes.length).toBeGreaterThan(5);
    expect(mistakes).toEqual(
      mostConfidentMistakes(predictions, { count: 100 }).map(({ index, label, predicted, confidence }) => ({
        index,
        label,
        prediction: predicted,
        probability: confidence,
      })),
    );
    for (const { index, label, prediction } of mistakes) {
      expect(data.test.labels[index]).toBe(label);
      expect(predictions.predicted[index]).toBe(prediction);
      expect(prediction).not.toBe(label);
    }
    expect(readAnyRunRecord(join(folder, "a")).evaluations?.test?.correct).toBe(metrics.correct);
    const testAccuracy = async () => (await jsonOf<RunSummary>(fetch(`${url}/api/runs/a`))).testAccuracy;
    await expect.poll(testAccuracy).toBe(metrics.accuracy);
  });

  test("of a run that was replaced: the new one's", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "a"), join(folder, "a"), { recursive: true });
    const { url } = await start({ runs: folder, data: dataFolder });
    const ask = () => jsonOf<RunEvaluation>(fetch(`${url}/api/runs/a/evaluation`));
    const before = await ask();
    rmSync(join(folder, "a"), { recursive: true });
    cpSync(join(runs, "b"), join(folder, "a"), { recursive: true });
    expect((await ask()).loss).not.toBe(before.loss);
  });
});

describe("the data set", () => {
  test("single test images and samples of them: the same ones for the same seed", async () => {
    const { url } = await start({ data: dataFolder });
    const image = await jsonOf<TestImage>(fetch(`${url}/api/test-images/129`));
    expect(image).toEqual({
      index: 129,
      label: data.test.labels[129],
      className: String(data.test.labels[129]),
      channels: 1,
      height: 28,
      width: 28,
      pixels: [...data.test.images.read(129, 130)],
    });
    const sample = (query: string) =>
      jsonOf<{ images: TestImage[] }>(fetch(`${url}/api/test-images${query}`)).then(({ images }) => images);
    const [first, same, other, all] = await Promise.all(
      ["?count=20&seed=3", "?count=20&seed=3", "?seed=4", "?count=1000"].map(sample),
    );
    expect(first).toHaveLength(20);
    expect(same).toEqual(first);
    expect(other).toHaveLength(24);
    expect(other).not.toContainEqual(first);
    expect(new Set(all!.map(({ index }) => index)).size).toBe(130);
    for (const { index, label, pixels } of first!) {
      expect(label).toBe(data.test.labels[index]);
      expect(pixels).toEqual([...data.test.images.read(index, index + 1)]);
    }
  });

  test.each([
    ["130", 404, "no_such_image"],
    ["-1", 404, "no_such_image"],
    ["1e1", 404, "no_such_image"],
    ["?count=0", 400, "bad_request"],
    ["?count=1001", 400, "bad_request"],
    ["?seed=-1", 400, "bad_request"],
    ["?seed=a", 400, "bad_request"],
  ])("no test image %s", async (what, status, code) => {
    const { url } = await start({ data: dataFolder });
    const address = what.startsWith("?") ? `test-images${what}` : `test-images/${what}`;
    expect((await errorOf(fetch(`${url}/api/${address}`))).slice(0, 2)).toEqual([status, code]);
  });

  test("as bytes, for training in a browser", async () => {
    const { url } = await start({ data: dataFolder });
    for (const [part, bytes] of [
      ["train-images", allRows(data.train.images)],
      ["train-labels", data.train.labels],
      ["test-images", allRows(data.test.images)],
      ["test-labels", data.test.labels],
    ] as const) {
      expect(await holds(`${url}/api/dataset/${part}`, bytes)).toBe(true);
    }
    expect((await errorOf(fetch(`${url}/api/dataset/secret`))).slice(0, 2)).toEqual([404, "no_such_part"]);
    expect((await errorOf(fetch(`${url}/api/dataset/constructor`))).slice(0, 2)).toEqual([404, "no_such_part"]);
  });

  test("that cannot be loaded is reported without its path, and retried on the next request", async () => {
    const folder = join(temporaryFolder(), "data");
    const { url, log } = await start({ data: folder });
    const [status, code, message] = await errorOf(fetch(`${url}/api/test-images/0`));
    expect([status, code]).toEqual([503, "no_data"]);
    expect(message).not.toContain(folder);
    expect(message).toMatch(/^The data set cannot be loaded: .*\bdata\b/);
    expect(log.join()).toContain(folder);
    cpSync(dataFolder, folder, { recursive: true });
    expect((await fetch(`${url}/api/test-images/0`)).status).toBe(200);
  });
});

describe("catalogues", () => {
  test("the ladder: all published results, and the tested runs of one recipe as one of ours", async () => {
    const folder = temporaryFolder();
    const tested = { ...finishedRecord, recipe: sampleRecipe() };
    for (const [name, seed, accuracy, verified] of [
      ["one", 1, 0.93, true],
      ["two", 2, 0.95, true],
      ["other data", 3, 0.99, false],
    ] as const) {
      mkdirSync(join(folder, name));
      const evaluations = { test: { ...sampleEvaluation, accuracy, correct: accuracy * sampleEvaluation.total } };
      const record = { ...tested, seed, evaluations, data: { ...tested.data, verified } };
      writeFileSync(join(folder, name, "run.json"), JSON.stringify(record));
    }
    const { url } = await start({ runs: folder });
    const { entries, ours } = await jsonOf<Ladder>(fetch(`${url}/api/ladder`));
    expect(entries).toEqual(JSON.parse(JSON.stringify(LADDER)));
    expect(ours).toEqual([
      {
        name: "base",
        accuracy: { mean: expect.closeTo(0.94, 10), standardDeviation: expect.closeTo(Math.SQRT2 / 100, 10), n: 2 },
        parameters: 421_642,
        multiplyAdds: expect.any(Number),
        epochs: tested.epochs,
        runs: expect.arrayContaining(["one", "two"]),
      },
    ]);
  });

  test("the recipes, with the size of their networks", async () => {
    const { url } = await start();
    const { recipes } = await jsonOf<{ recipes: { name: string }[] }>(fetch(`${url}/api/recipes`));
    const { batchSize, learningRate } = findRecipe("enhanced");
    expect(recipes).toContainEqual({
      name: "enhanced",
      summary: expect.stringContaining("Enhanced"),
      parameters: 437_162,
      multiplyAdds: expect.any(Number),
      epochs: 12,
      batchSize,
      learningRate,
    });
    expect(recipes.map(({ name }) => name)).toContain("base-study");
  });
});

/** As a kill leaves it, with a recipe that exists. */
function interruptedRun(): string {
  const path = interrupted({ state: true });
  writeFileSync(join(path, "run.json"), JSON.stringify({ ...sampleRecord, recipe: sampleRecipe() }));
  return path;
}

/** A recipe that exists, with the fields that the sample's record repeats. */
function sampleRecipe(): Record<string, unknown> {
  const { epochs, batchSize, learningRate, model, recipeName } = sampleRecord;
  return { ...readRecipe(join(runs, "a")), epochs, batchSize, learningRate, model, name: recipeName };
}

function readRecipe(path: string): Record<string, unknown> {
  const record = readAnyRunRecord(path);
  if (record.status === "imported") throw new Error("imported weights have no recipe");
  return record.recipe;
}
