/** Real trainings in separate processes, and their events. */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import type { MetricsLine } from "../../src/runs/metrics.ts";
import {
  openRun,
  readAnyRunRecord,
  readMetrics,
  readRunRecord,
  readStateIfWhole,
} from "../../src/runs/node/run-files.ts";
import { acquireLock } from "../../src/runs/node/run-lock.ts";
import { runStatus } from "../../src/runs/node/run-status.ts";
import type { ProgressAnswer, RunSummary } from "../../src/server/api-types.ts";
import { startTailor } from "../cli/support/tailor.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { interrupted } from "../runs/support/run-folders.ts";
import { sampleMetrics } from "../runs/support/samples.ts";
import { THOROUGH } from "../support/thorough.ts";
import { readEvents, type SentEvent } from "./support/events.ts";
import { errorOf, jsonOf, postJson, start } from "./support/running-server.ts";
import { smallRuns } from "./support/small-runs.ts";
import { spoilState } from "./support/spoil-state.ts";

const { runs: finishedRuns, dataFolder, data } = await smallRuns(["done"]);

const epochsOf = (events: readonly SentEvent[]) => events.filter(({ event }) => event === "epoch");
const statusesOf = (events: readonly SentEvent[]) =>
  events.filter(({ event }) => event === "status").map(({ data }) => (data as { status: string }).status);

describe("a training started by the page", () => {
  test("starts, reports progress, ends, and is a run like any other", async () => {
    const runs = join(temporaryFolder(), "runs");
    const { url, log } = await start({ runs, data: dataFolder });
    const wish = { recipe: "base", seed: 7, epochs: 3, limit: 500 };
    const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, wish), 202);
    expect(id).toMatch(/^base-\d{8}-\d{6}$/);
    const summary = await jsonOf<RunSummary>(fetch(`${url}/api/runs/${id}`));
    expect(summary.status).toMatch(/running|finished/);
    expect(summary.classes).toEqual(data.train.classNames);
    const events = await readEvents(`${url}/api/runs/${id}/events`).all();

    const metrics = readMetrics(join(runs, id));
    expect(metrics).toHaveLength(3);
    expect(epochsOf(events).map(({ data }) => data)).toEqual(metrics);
    expect(epochsOf(events).map(({ id }) => id)).toEqual(["1", "2", "3"]);
    const options = { data, split: "validation", averageFlips: false, threads: 1 } as const;
    const { confusion } = await evaluateRun(join(runs, id), options);
    expect((epochsOf(events).at(-1)!.data as MetricsLine).validationConfusion).toEqual(confusion);
    expect(statusesOf(events)).toEqual(["running", "finished"]);
    expect(events.at(-1)!.event).toBe("status");
    const progress = events.filter(({ event }) => event === "progress").map(({ data }) => data as ProgressAnswer);
    expect(progress.length).toBeGreaterThan(0);
    const steps = progress.map(({ step }) => step);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    const { steps: total, epoch, imagesPerSecond, secondsLeft } = progress.at(-1)!;
    expect(total).toBe(metrics.at(-1)!.step);
    expect([epoch, imagesPerSecond, secondsLeft]).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)]);
    expect(readAnyRunRecord(join(runs, id))).toMatchObject({ status: "finished", seed: 7, epochs: 3, limit: 500 });
    expect((await postJson(`${url}/api/predict?run=${id}`, { pixels: new Array(784).fill(1) })).status).toBe(200);
    expect(log.filter((line) => !line.startsWith("IDX files"))).toEqual([]);
  });

  test("changes of the recipe reach its training and its record", async () => {
    const runs = join(temporaryFolder(), "runs");
    const { url } = await start({ runs, data: dataFolder });
    const recipe = {
      batchSize: 20,
      learningRate: 0.01,
      patience: 1,
      keep: "best",
      classWeights: "balanced",
      sampling: "balanced",
      maxGradientNorm: 0.5,
    };
    const wish = { recipe: "base", epochs: 50, limit: 60, ...recipe };
    const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, wish), 202);
    await readEvents(`${url}/api/runs/${id}/events`).all();
    const record = readRunRecord(join(runs, id));
    expect(record).toMatchObject({ status: "finished", batchSize: 20, epochs: 50, learningRate: 0.01, limit: 60 });
    expect(record.recipe).toMatchObject(recipe);
    expect(record.fittedFrom).toBeUndefined();
    // Not every one of 50 epochs is better than the one before.
    expect(record.result).toMatchObject({ stoppedAfter: expect.any(Number), bestEpoch: expect.any(Number) });
  });

  test("batch size and epochs that are not given are adapted to few images, whatever else is", async () => {
    const runs = join(temporaryFolder(), "runs");
    const { url } = await start({ runs, data: dataFolder });
    const few = { recipe: "base", limit: 60, patience: 1 };
    const next = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, few), 202);
    await readEvents(`${url}/api/runs/${next.id}/events`).all();
    const fittedFrom = { batchSize: 128, epochs: 12 };
    expect(readRunRecord(join(runs, next.id))).toMatchObject({
      status: "finished",
      batchSize: 8,
      epochs: 40,
      fittedFrom,
    });
  });

  test("is one at a time; when stopped, its state is saved and its process ends", async () => {
    const runs = join(temporaryFolder(), "runs");
    const { url } = await start({ runs, data: dataFolder });
    const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, { recipe: "base", epochs: 500 }), 202);
    expect((await errorOf(postJson(`${url}/api/training`, { recipe: "base" }))).slice(0, 2)).toEqual([409, "busy"]);
    const events = readEvents(`${url}/api/runs/${id}/events`);
    await events.until(({ event }) => event === "epoch");
    const remove = (name: string) => fetch(`${url}/api/training/${name}`, { method: "DELETE" });
    expect((await errorOf(remove("another"))).slice(0, 2)).toEqual([404, "not_training"]);
    const pid = lockOf(join(runs, id)).pid;
    expect(isAlive(pid)).toBe(true);
    expect(await jsonOf(remove(id))).toEqual({ id });
    expect(isAlive(pid)).toBe(false);
    expect(statusesOf(await events.all()).at(-1)).toBe("interrupted");
    expect(runStatus(openRun(join(runs, id)))).toBe("interrupted");
    expect(readStateIfWhole(join(runs, id))).not.toBeNull();
    expect((await errorOf(remove(id))).slice(0, 2)).toEqual([404, "not_training"]);
    expect((await jsonOf<RunSummary>(fetch(`${url}/api/runs/${id}`))).status).toBe("interrupted");
    // And the next one may begin.
    await jsonOf(postJson(`${url}/api/training`, { recipe: "base", epochs: 500 }), 202);
  });

  test("of two concurrent requests starts one", THOROUGH, async () => {
    const { url } = await start({ data: dataFolder });
    const wish = { recipe: "base", epochs: 500 };
    const asked = await Promise.all([1, 2, 3].map(() => postJson(`${url}/api/training`, wish)));
    expect(asked.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
  });

  test("is stopped by a closing server, which also ends its event streams", THOROUGH, async () => {
    const runs = join(temporaryFolder(), "runs");
    const server = await start({ runs, data: dataFolder });
    const { id } = await jsonOf<{ id: string }>(
      postJson(`${server.url}/api/training`, { recipe: "base", epochs: 500 }),
      202,
    );
    const events = readEvents(`${server.url}/api/runs/${id}/events`);
    await events.until(({ event }) => event === "epoch");
    const { pid } = lockOf(join(runs, id));
    await server.close();
    await events.all();
    expect(isAlive(pid)).toBe(false);
    expect(runStatus(openRun(join(runs, id)))).toBe("interrupted");
    expect(readStateIfWhole(join(runs, id))).not.toBeNull();
  });

  test("that fails to start is reported and logged, and the next one can start", async () => {
    const folder = temporaryFolder();
    const runs = join(folder, "runs");
    const { url, log } = await start({ runs, data: dataFolder });
    writeFileSync(runs, "not a folder");
    for (let i = 0; i < 2; i++) {
      const [status, code, message] = await errorOf(postJson(`${url}/api/training`, { recipe: "base" }));
      expect([status, code]).toEqual([503, "training_failed"]);
      expect(message).toMatch(
        /^The training did not begin\. Cannot create the folder base-[\d-]+: part of the path is a file/,
      );
    }
    expect(log.join("\n")).toContain(runs);
  });

  test("that fails later: the run and its events give the reason, without a path", async () => {
    const runs = join(temporaryFolder(), "runs");
    const { url, log } = await start({ runs, data: dataFolder });
    const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, { recipe: "base", epochs: 500 }), 202);
    const events = readEvents(`${url}/api/runs/${id}/events`);
    await events.until(({ event }) => event === "epoch");
    await spoilState(join(runs, id));
    const last = (await events.all()).at(-1);
    const failure = expect.stringMatching(`^Cannot write ${id}/state\\.safetensors: it is a folder .*\\.$`);
    expect(last).toMatchObject({ event: "status", data: { status: "interrupted", failure } });
    expect(await jsonOf<RunSummary>(fetch(`${url}/api/runs/${id}`))).toMatchObject({ status: "interrupted", failure });
    expect(log.join("\n")).toContain(join(runs, id, "state.safetensors"));
  });

  test("whose process is killed shows as interrupted", THOROUGH, async () => {
    const runs = join(temporaryFolder(), "runs");
    const { url } = await start({ runs, data: dataFolder });
    const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, { recipe: "base", epochs: 500 }), 202);
    const events = readEvents(`${url}/api/runs/${id}/events`);
    await events.until(({ event }) => event === "epoch");
    process.kill(lockOf(join(runs, id)).pid, "SIGKILL");
    const failure = "Its process was ended by SIGKILL.";
    expect((await events.all()).at(-1)?.data).toEqual({ status: "interrupted", failure });
    // And the next one may begin; one that is stopped did not fail.
    const next = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, { recipe: "base", epochs: 500 }), 202);
    await jsonOf(fetch(`${url}/api/training/${next.id}`, { method: "DELETE" }));
    const { runs: listed } = await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`));
    expect(Object.fromEntries(listed.map((run) => [run.id, run.failure]))).toEqual({ [id]: failure, [next.id]: null });
  });
});

describe("permission to start a training, and its options", () => {
  test.each([
    ["no such recipe", { recipe: "bass" }, "no_such_recipe"],
    ["no recipe", {}, "bad_request"],
    ["another field", { recipe: "base", out: "/etc" }, "bad_request"],
    ["a seed below 0", { recipe: "base", seed: -1 }, "bad_request"],
    ["epochs in part", { recipe: "base", epochs: 1.5 }, "bad_request"],
    ["no epoch", { recipe: "base", epochs: 0 }, "bad_request"],
    ["fewer images than batch norm needs", { recipe: "base", limit: 1 }, "bad_limit"],
    ["more images than there are", { recipe: "base", limit: 1101 }, "bad_limit"],
    ["batches larger than the images", { recipe: "base", limit: 100, batchSize: 101 }, "bad_batch_size"],
    ["class weights for other classes", { recipe: "base", classWeights: [1, 2] }, "bad_class_weights"],
  ])("refused: %s", async (_, wish, code) => {
    const { url } = await start({ data: dataFolder });
    expect((await errorOf(postJson(`${url}/api/training`, wish))).slice(0, 2)).toEqual([400, code]);
  });

  test("what changes the recipe is checked: the field, what is allowed and what was sent are named", async () => {
    const { url } = await start({ data: dataFolder });
    const weights = 'expected "balanced", "none" or a list of numbers above 0, one for each class';
    for (const [field, value, message] of [
      ["batchSize", 0, "expected number to be >=1, found 0"],
      ["batchSize", 1.5, "expected int, found 1.5"],
      ["learningRate", 0, "expected number to be >0, found 0"],
      ["learningRate", "fast", 'expected number, found "fast"'],
      ["patience", -2, "expected number to be >=1, found -2"],
      ["keep", "first", 'expected one of "best"|"last", found "first"'],
      ["classWeights", "balance", `${weights}, found "balance"`],
      ["classWeights[1]", [1, -2], "expected number to be >0, found -2"],
      ["sampling", true, 'expected one of "balanced"|"shuffled", found true'],
      ["maxGradientNorm", -1, "expected number to be >0, found -1"],
    ] as const) {
      const answer = await errorOf(
        postJson(`${url}/api/training`, { recipe: "base", [field.replace("[1]", "")]: value }),
      );
      expect(answer).toEqual([400, "bad_request", `The body is wrong: field "${field}": ${message}.`]);
    }
    expect((await errorOf(postJson(`${url}/api/training`, { recipe: "base", batchSize: 1101 })))[2]).toBe(
      "The batchSize must be from 1 to the number of training images, 1100, got 1101.",
    );
    const classes = data.train.classNames;
    expect((await errorOf(postJson(`${url}/api/training`, { recipe: "base", classWeights: [1, 2] })))[2]).toBe(
      `The body is wrong: classWeights has 2 numbers, the data ${classes.length} classes (${classes.join(", ")}); give one for each, or "balanced".`,
    );
  });

  test.each([
    ["a page of another site", { "sec-fetch-site": "cross-site" }],
    ["a page of another port", { "sec-fetch-site": "same-site" }],
    ["an old browser's page of another site", { origin: "http://evil.example" }],
    ["a page without an origin", { origin: "null" }],
  ])("not %s", async (_, headers: Record<string, string>) => {
    const { url } = await start({ data: dataFolder });
    const wish = { recipe: "base", epochs: 500 };
    expect((await errorOf(postJson(`${url}/api/training`, wish, headers))).slice(0, 2)).toEqual([403, "cross_site"]);
    const stopped = fetch(`${url}/api/training/a`, { method: "DELETE", headers });
    expect((await errorOf(stopped)).slice(0, 2)).toEqual([403, "cross_site"]);
  });

  test("the server's own page may, with and without Sec-Fetch-Site", async () => {
    const { url } = await start({ data: dataFolder });
    for (const headers of [{ "sec-fetch-site": "same-origin" }, { origin: url }]) {
      expect((await errorOf(postJson(`${url}/api/training`, {}, headers)))[1]).toBe("bad_request");
    }
  });

  test("a form cannot", async () => {
    const { url } = await start({ data: dataFolder });
    const body = new Blob(['{"recipe":"base"}'], { type: "text/plain" });
    expect((await errorOf(fetch(`${url}/api/training`, { method: "POST", body }))).slice(0, 2)).toEqual([
      415,
      "unsupported_media_type",
    ]);
  });

  test("not if other machines can reach the server, unless that is allowed", async () => {
    const open = await start({ host: "0.0.0.0", data: dataFolder });
    const wish = { recipe: "bass" };
    expect((await errorOf(postJson(`${open.url}/api/training`, wish))).slice(0, 2)).toEqual([
      403,
      "training_not_allowed",
    ]);
    const allowed = await start({ host: "0.0.0.0", data: dataFolder, allowTraining: true });
    expect((await errorOf(postJson(`${allowed.url}/api/training`, wish)))[1]).toBe("no_such_recipe");
  });
});

describe("events of a run", () => {
  test("that another process trains: each epoch as it finishes, past ones first", async () => {
    const runs = join(temporaryFolder(), "runs");
    const { url } = await start({ runs });
    const out = join(runs, "elsewhere");
    const training = startTailor([
      "train",
      "base",
      "--epochs",
      "4",
      "--batch-size",
      "50",
      "--limit",
      "300",
      "--skip-report",
      "--data",
      dataFolder,
      "--threads",
      "1",
      "--out",
      out,
    ]);
    await training.hasSaid(/epoch 1\/4/);
    const events = await readEvents(`${url}/api/runs/elsewhere/events`).all();
    expect((await training.ended).code).toBe(0);
    expect(epochsOf(events).map(({ data }) => data)).toEqual(readMetrics(out));
    expect(epochsOf(events).map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
    expect(statusesOf(events).at(-1)).toBe("finished");
  });

  test("that has ended: all epochs, its status, end of stream; 204 if all epochs were received", async () => {
    const { url } = await start({ runs: finishedRuns });
    const address = `${url}/api/runs/done/events`;
    const events = await readEvents(address).all();
    expect(events.map(({ event }) => event)).toEqual(["epoch", "epoch", "status"]);
    expect(statusesOf(events)).toEqual(["finished"]);
    const seen = (id: string) => ({ headers: { "last-event-id": id } });
    expect((await readEvents(address, seen("1")).all()).map(({ id, event }) => [event, id])).toEqual([
      ["epoch", "2"],
      ["status", undefined],
    ]);
    expect((await fetch(address, seen("2"))).status).toBe(204);
    expect(epochsOf(await readEvents(address, seen("seven")).all())).toHaveLength(2);
  });

  test('an incomplete metrics line waits for its end; a removed run gives "gone"', async () => {
    const path = interrupted({ state: false });
    const release = acquireLock(path); // This test writes it now.
    onTestFinished(release);
    const metrics = join(path, "metrics.jsonl");
    const whole = readFileSync(metrics, "utf8");
    const next = `${JSON.stringify({ ...sampleMetrics[2], epoch: 4 })}\n`;
    appendFileSync(metrics, next.slice(0, 40));
    const { url } = await start({ runs: join(path, "..") });
    const events = readEvents(`${url}/api/runs/run/events`);
    await events.until(({ id }) => id === "3");
    appendFileSync(metrics, next.slice(40, -1));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(epochsOf(events.sofar())).toHaveLength(3);
    writeFileSync(metrics, whole + next);
    await events.until(({ id }) => id === "4");
    rmSync(path, { recursive: true });
    const all = await events.all();
    expect(epochsOf(all).map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
    expect(statusesOf(all)).toEqual(["running", "gone"]);
  });

  test("are limited in number; a closed stream makes room", async () => {
    const path = interrupted({ state: false });
    onTestFinished(acquireLock(path));
    const { url } = await start({ runs: join(path, ".."), limits: { streams: 2 } });
    const address = `${url}/api/runs/run/events`;
    // Who asks for the headers only takes no place.
    for (let i = 0; i < 3; i++) expect((await fetch(address, { method: "HEAD" })).status).toBe(200);
    const open = [readEvents(address), readEvents(address)];
    for (const events of open) await events.until(({ event }) => event === "status");
    const refused = await fetch(address);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect((await errorOf(refused)).slice(0, 2)).toEqual([429, "too_many_streams"]);
    open[0]!.leave();
    await expect
      .poll(async () => {
        const response = await fetch(address);
        await response.body?.cancel();
        return response.status;
      })
      .toBe(200);
    open[1]!.leave();
  });
});

function lockOf(path: string): { pid: number } {
  return JSON.parse(readFileSync(join(path, "lock"), "utf8"));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
