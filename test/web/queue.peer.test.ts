/** A queue with a real worker, watched over HTTP and on the page. */
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { manageQueue } from "../../src/queue/manage.ts";
import { watchQueue } from "../../src/queue/watch-queue.ts";
import type { QueueAnswer } from "../../src/server/api-types.ts";
import type { QueueWatch } from "../../src/server/context.ts";
import { type Started, startTailor } from "../cli/support/tailor.ts";
import { needRedis, type Server, startRedis, stopServers } from "../queue/support/servers.ts";
import { errorOf, jsonOf, start } from "../server/support/running-server.ts";
import { needChromium } from "../support/chromium.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { openPage } from "./support.ts";

const DATA = await smallDataFolder({ train: 240, test: 60, isHalved: true });
const FOLDER = sharedFolder();

let store: Server;
let queue: QueueWatch;
let worker: Started;

beforeEach(needRedis);
beforeAll(async () => {
  store = await startRedis();
  queue = await watchQueue(store.url);
  worker = startTailor(["worker", store.url, "--threads", "1", "--data", DATA]);
  await worker.hasSaid("waiting for runs");
});
afterAll(async () => {
  worker?.child.kill("SIGKILL");
  await queue?.close();
  await stopServers();
});

/** So many epochs that only a stop ends it. */
const produce = (epochs = 10_000) =>
  startTailor([
    ...["train", "base", "--seeds", "1", "--epochs", `${epochs}`, "--batch-size", "20", "--data", DATA],
    ...["--skip-report", "--out", join(FOLDER, "runs"), "--queue", store.url],
  ]);

test("a run is followed from another machine, stopped over HTTP, and its state stays for the same command", async () => {
  const { url } = await start({ queue });
  const look = () => jsonOf<QueueAnswer>(fetch(`${url}/api/queue`));
  const producer = produce();
  await producer.hasSaid(/s1: epoch +2\//);
  await expect.poll(async () => (await look()).runs[0]?.metrics.length).toBeGreaterThan(1);
  const view = await look();
  const [run] = view.runs;
  expect(view).toMatchObject({ queue: store.url, isPaused: false, active: 1, waiting: 0, allowsChanges: true });
  expect(view.workers).toMatchObject([{ name: run!.worker, run: run!.id, version: expect.any(String) }]);
  expect(run).toMatchObject({ title: "base, seed 1", epochs: 10_000, isStopping: false });
  expect(run!.metrics[0]).toMatchObject({ epoch: 1, trainLoss: expect.any(Number) });

  expect(await jsonOf(fetch(`${url}/api/queue/runs/${run!.id}`, { method: "DELETE" }), 202)).toEqual({ id: run!.id });
  const { code, stderr } = await producer.ended;
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("1 run was stopped on request") });
  const after = await look();
  expect(after).toMatchObject({ active: 0, setAside: 1, setAsideRuns: [{ isStopped: true, title: "base, seed 1" }] });
  await expect.poll(async () => (await look()).workers[0]?.run).toBe(null);

  const again = produce();
  await again.hasSaid(/s1: goes on after \d+ epochs? on /);
  await fetch(`${url}/api/queue/runs/${run!.id}`, { method: "DELETE" });
  expect((await again.ended).code).toBe(1);
  const [status, errorCode] = await errorOf(fetch(`${url}/api/queue/runs/${run!.id}`, { method: "DELETE" }));
  expect([status, errorCode]).toEqual([404, "no_such_run"]);
});

test("changes are refused to visitors, other sites, and where no queue is watched", async () => {
  const open = await start({ queue, host: "0.0.0.0" });
  const paused = (url: string, headers = {}) => errorOf(fetch(`${url}/api/queue/pause`, { method: "POST", headers }));
  expect((await paused(open.url)).slice(0, 2)).toEqual([403, "training_not_allowed"]);
  expect(await jsonOf(fetch(`${open.url}/api/queue`))).toMatchObject({ queue: null, allowsChanges: false });
  const { url } = await start({ queue });
  expect((await paused(url, { origin: "https://other.example" })).slice(0, 2)).toEqual([403, "cross_site"]);
  const without = await start();
  expect((await paused(without.url)).slice(0, 2)).toEqual([404, "no_queue"]);
  expect(await jsonOf(fetch(`${url}/api/queue`))).toMatchObject({ isPaused: false });
});

test("the page shows workers and a run's curve, pauses and stops, and says when the queue is gone", async (context) => {
  needChromium(context);
  await manageQueue(store.url, "drain");
  const { url, log } = await start({ queue });
  const { page, complaints } = await openPage(url);
  await page.getByRole("link", { name: "Queue", exact: true }).click();
  await page.getByText("No worker reports a run.").waitFor();
  await page.getByRole("cell", { name: "waits" }).waitFor();
  const producer = produce(9999);
  await page.getByRole("article", { name: "base, seed 1" }).waitFor();
  await page.getByRole("img", { name: "base, seed 1: accuracy by epoch" }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused: workers finish their runs").waitFor();
  expect(await queue.look()).toMatchObject({ isPaused: true });
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("Workers take runs as they come.").waitFor();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByText("base, seed 1: stopped on request").waitFor();
  expect((await producer.ended).stderr).toContain("stopped on request");
  expect(complaints).toEqual([]);

  await store.kill();
  await page.getByRole("alert").getByText("The queue does not answer.").waitFor();
  await store.restart();
  await page.getByText("Workers take runs as they come.").waitFor();
  expect(log.filter((line) => line.includes("does not answer"))).toHaveLength(1);
  expect(log.join("\n")).not.toMatch(/\n\s+at /);
});
