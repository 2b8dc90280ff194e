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
import {
  KIND,
  needStore,
  processorSeconds,
  startStore,
  startTinyWorker,
  tinyRuns,
  watchMemory,
  weightsOf,
} from "./support/tiny-runs.ts";

const ROUNDS = 4;
const RUNS = Math.ceil(Number(process.env.QUEUE_LOAD ?? 0) / ROUNDS);
const WORKERS = Number(process.env.QUEUE_WORKERS ?? 6);
const CORES = availableParallelism();
/** Seconds: no worker is ever silent for so long, however busy the machine. */
const LOCK = 600;

afterAll(stopServers);

/** Seconds of a command from its start to its end, those of processor of all that took part, and the weights that it trained. */
async function timed(start: () => Started): Promise<{ seconds: number; processor: number; weights: string[] }> {
  const [started, before] = [performance.now(), processorSeconds()];
  const { code, stdout, stderr } = await start().ended;
  const [seconds, processor] = [(performance.now() - started) / 1000, processorSeconds() - before];
  expect(code, stderr).toBe(0);
  return { seconds, processor, weights: weightsOf(JSON.parse(stdout)) };
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
    const rounds: {
      queue: number;
      process: number;
      processor: Readonly<Record<"queue" | "process", number>>;
      memory: unknown;
    }[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const [queued, alone] = [join(folder, `queued-${round}`), join(folder, `alone-${round}`)];
      let stopWatching: ReturnType<typeof watchMemory> | undefined;
      const onQueue = await timed(() => {
        const args = [...tinyRuns({ data, runs: RUNS, threads: 1 }), "--out", queued, "--queue", store.url];
        const producer = startTailor(args);
        stopWatching = watchMemory(() => producer, queued, store.url);
        return producer;
      });
      const memory = await stopWatching?.();
      const inProcess = await timed(() =>
        startTailor([...tinyRuns({ data, runs: RUNS, threads: CORES }), "--out", alone]),
      );
      expect(onQueue.weights).toEqual(inProcess.weights);
      expect(new Set(onQueue.weights).size).toBe(RUNS);
      const processor = { queue: onQueue.processor / RUNS, process: inProcess.processor / RUNS };
      rounds.push({ queue: onQueue.seconds, process: inProcess.seconds, processor, memory });
      console.log(JSON.stringify(rounds.at(-1)));
    }
    const sum = (of: "queue" | "process") => rounds.reduce((seconds, round) => seconds + round[of], 0);
    const processorOf = (of: "queue" | "process") =>
      rounds.reduce((seconds, { processor }) => seconds + processor[of], 0) / ROUNDS;
    console.log(
      JSON.stringify({
        store: KIND,
        runs: ROUNDS * RUNS,
        workers: WORKERS,
        cores: CORES,
        runsPerMinute: { queue: (60 * ROUNDS * RUNS) / sum("queue"), process: (60 * ROUNDS * RUNS) / sum("process") },
        ratio: sum("process") / sum("queue"),
        processorSecondsPerRun: { queue: processorOf("queue"), process: processorOf("process") },
      }),
    );
    for (const worker of workers) {
      worker.child.kill("SIGINT");
      expect((await worker.ended).code).toBe(0);
    }
  },
);
