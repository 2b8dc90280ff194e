/**
 * Many tiny runs on a queue while workers, the producer and the store are killed at random moments (`npm run test:queue-load`).
 * `QUEUE_LOAD` is the number of runs, `QUEUE_WORKERS` that of workers (6), `QUEUE_STORE` is redis or postgres, `QUEUE_SEED` the
 * seed of the moments. For 200 runs 30 workers are killed, 10 producers and 5 stores, and 2 workers sleep for longer than
 * their lock; for other numbers proportionally, at least one of each.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import { randomStream } from "../../src/random.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { startTailor, tailor, tailorJson } from "../cli/support/tailor.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { stopServers } from "./support/servers.ts";
import { KIND, needStore, startStore, startTinyWorker, tinyRuns, watchMemory, weightsOf } from "./support/tiny-runs.ts";

const RUNS = Number(process.env.QUEUE_LOAD ?? 0);
const WORKERS = Number(process.env.QUEUE_WORKERS ?? 6);
const SEED = Number(process.env.QUEUE_SEED ?? 1);
/** Seconds without a sign of life after which a worker's run is taken over. */
const LOCK = 5;
/** Longest wait before the next disturbance, in milliseconds. */
const LONGEST_PAUSE = 3000;

const shareOf = (per200: number) => Math.max(1, Math.round((per200 * RUNS) / 200));
const DISTURBANCES = { worker: shareOf(30), producer: shareOf(10), store: shareOf(5), sleep: shareOf(2) };
type Disturbance = keyof typeof DISTURBANCES;

afterAll(stopServers);

test.skipIf(RUNS === 0)(
  "every run has one result, that of one undisturbed machine",
  async (context) => {
    needStore(context);
    const data = await smallDataFolder({ train: 200, test: 60, isHalved: true });
    const folder = sharedFolder();
    const out = join(folder, "queued");
    const command = tinyRuns({ data, runs: RUNS, threads: 1 });
    const store = await startStore();
    const startWorker = () => startTinyWorker({ url: store.url, data, lock: LOCK, storeEvery: 0 });
    const produce = () => startTailor([...command, "--out", out, "--queue", store.url]);

    const workers = Array.from({ length: WORKERS }, startWorker);
    let producer = produce();
    const stopWatching = watchMemory(() => producer, out, store.url);
    const stream = randomStream(SEED, "check");
    const random = () => stream.uniform();
    const left = Object.entries(DISTURBANCES).flatMap(([kind, n]) => Array<Disturbance>(n).fill(kind as Disturbance));
    const done: Record<Disturbance, number> = { worker: 0, producer: 0, store: 0, sleep: 0 };
    let isOver = false;
    const ended = async (): Promise<string> => {
      for (;;) {
        const one = producer;
        const { code, signal, stdout, stderr } = await one.ended;
        if (signal === "SIGKILL") {
          // Another one was started in its place.
          while (producer === one) await sleep(10);
          continue;
        }
        isOver = true;
        expect(code, stderr).toBe(0);
        return stdout;
      }
    };
    const result = ended();
    while (left.length > 0 && !isOver) {
      await sleep(random() * LONGEST_PAUSE);
      if (isOver) break;
      const [kind] = left.splice(Math.floor(random() * left.length), 1) as [Disturbance];
      const at = Math.floor(random() * WORKERS);
      if (kind === "worker") {
        workers[at]!.child.kill("SIGKILL");
        workers[at] = startWorker();
      } else if (kind === "sleep") {
        workers[at]!.child.kill("SIGSTOP");
        await sleep(3000 * LOCK);
        workers[at]!.child.kill("SIGCONT");
      } else if (kind === "producer") {
        if (producer.child.exitCode !== null) break;
        producer.child.kill("SIGKILL");
        await producer.ended;
        producer = produce();
      } else {
        await store.kill();
        await store.restart();
      }
      done[kind]++;
    }
    const queued = weightsOf(JSON.parse(await result));
    const memory = await stopWatching();

    const status = await tailorJson(["queue", "status", store.url]);
    expect(status).toMatchObject({ waiting: 0, active: 0, setAside: 0 });
    expect(readdirSync(out).sort()).toEqual(
      [...Array.from({ length: RUNS }, (_, i) => `s${i + 1}`), "seeds.json"].sort(),
    );
    const here = await tailor([...command, "--out", join(folder, "here")]);
    expect(queued).toEqual(weightsOf(JSON.parse(here.stdout)));
    for (const weights of queued) expect(weights).toMatch(/^[0-9a-f]{64}$/);
    for (let i = 1; i <= RUNS; i++) expect(readRunRecord(join(out, `s${i}`)).status).toBe("finished");
    if (KIND === "redis") {
      const client = new Redis(store.url);
      const events = await client.xrange("bull:tailor-runs:events", "-", "+");
      const completed = events.flatMap(([, fields]) => (fields[1] === "completed" ? [fields[3]!] : []));
      client.disconnect();
      // The stream keeps the newest events only.
      expect(new Set(completed).size).toBe(completed.length);
    }
    console.log(JSON.stringify({ runs: RUNS, workers: WORKERS, store: KIND, disturbed: done, memory }));
    for (const worker of workers) {
      worker.child.kill("SIGINT");
      const { code, stderr } = await worker.ended;
      expect(code, stderr).toBe(0);
    }
  },
  3 * 60 * 60 * 1000,
);
