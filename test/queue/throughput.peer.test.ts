/**
 * How many tiny runs workers of a queue train in the time that one process with the same cores takes (`npm run
 * test:queue-throughput`): in four rounds, queue and process in turn, so that a change of the machine's speed meets both.
 * `QUEUE_LOAD` is the number of runs in all rounds together, `QUEUE_WORKERS` that of workers, of one thread each,
 * `QUEUE_STORE` is redis or postgres. Nothing is disturbed. Times are those of whole commands, their starts included. The workers
 * have loaded their data before, and are idle in the process's turns.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Started, startTailor } from "../cli/support/tailor.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { stopServers } from "./support/servers.ts";
import { KIND, needStore, startStore, startTinyWorker, tinyRuns, watchMemory, weightsOf } from "./support/tiny-runs.ts";

const ROUNDS = 4;
const RUNS = Math.ceil(Number(process.env.QUEUE_LOAD ?? 0) / ROUNDS);
const WORKERS = Number(process.env.QUEUE_WORKERS ?? 6);
const CORES = availableParallelism();
/** Seconds: no worker is ever silent for so long, however busy the machine. */
const LOCK = 600;

afterAll(stopServers);

/** Seconds of a command from its start to its end, and the weights that it trained. */
async function timed(command: Started, started: number): Promise<{ seconds: number; weights: string[] }> {
  const { code, stdout, stderr } = await command.ended;
  const seconds = (performance.now() - started) / 1000;
  expect(code, stderr).toBe(0);
  return { seconds, weights: weightsOf(JSON.parse(stdout)) };
}

test.skipIf(RUNS === 0)(
  "workers of a queue train the runs of one process to the same weights, in a time that is told",
  async (context) => {
    needStore(context);
    const data = await smallDataFolder({ train: 200, test: 60, isHalved: true });
    const folder = sharedFolder();
    const store = await startStore();
    const workers = Array.from({ length: WORKERS }, () => startTinyWorker({ url: store.url, data, lock: LOCK }));
    for (const worker of workers) await worker.hasSaid("waiting for runs");
    const rounds: { queue: number; process: number; memory: unknown }[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const [queued, alone] = [join(folder, `queued-${round}`), join(folder, `alone-${round}`)];
      let started = performance.now();
      const producer = startTailor([
        ...tinyRuns({ data, runs: RUNS, threads: 1 }),
        "--out",
        queued,
        "--queue",
        store.url,
      ]);
      const stopWatching = watchMemory(() => producer, queued, store.url);
      const onQueue = await timed(producer, started);
      const memory = await stopWatching();
      started = performance.now();
      const command = startTailor([...tinyRuns({ data, runs: RUNS, threads: CORES }), "--out", alone]);
      const inProcess = await timed(command, started);
      expect(onQueue.weights).toEqual(inProcess.weights);
      expect(new Set(onQueue.weights).size).toBe(RUNS);
      rounds.push({ queue: onQueue.seconds, process: inProcess.seconds, memory });
      console.log(JSON.stringify(rounds.at(-1)));
    }
    const sum = (of: "queue" | "process") => rounds.reduce((seconds, round) => seconds + round[of], 0);
    console.log(
      JSON.stringify({
        store: KIND,
        runs: ROUNDS * RUNS,
        workers: WORKERS,
        cores: CORES,
        runsPerMinute: { queue: (60 * ROUNDS * RUNS) / sum("queue"), process: (60 * ROUNDS * RUNS) / sum("process") },
        ratio: sum("process") / sum("queue"),
      }),
    );
    for (const worker of workers) {
      worker.child.kill("SIGINT");
      expect((await worker.ended).code).toBe(0);
    }
  },
);
