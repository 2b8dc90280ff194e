import { setTimeout as sleep } from "node:timers/promises";
import type { Job as QueuedJob } from "bullmq";
import { UserError } from "../errors.ts";
import type { QueuedRun, QueueView, QueueWorker } from "../server/api-types.ts";
import type { QueueWatch } from "../server/context.ts";
import { queueStatus } from "./manage.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "./store.ts";
import { parseReport, STOPPED_REASON, stopName, WORKER_PREFIX, type WorkerReport } from "./worker-report.ts";

/** A worker that has not reported for so long is gone: killed, asleep or without a connection. */
const GONE_MS = 15_000;
/** Time in which the store must answer; it goes on being connected to in the background. */
const ANSWER_MS = 3000;
/** Maximum number of failed runs listed, newest first. */
const MAX_SET_ASIDE = 50;

/**
 * Opens a queue to look at, pause, resume and stop single runs. When the store is away, each call says so, and a later one finds it again.
 *
 * @param url `redis://`, `rediss://` or `postgres://`
 * @throws UserError when the store cannot be used
 */
export async function watchQueue(url: string): Promise<QueueWatch> {
  let opened: Promise<Store> | undefined = openStore(url);
  await opened;
  /** Each worker's newest report, and when this process saw it first. */
  const seen = new Map<string, { number: number; at: number }>();

  async function withStore<Result>(act: (store: Store) => Promise<Result>): Promise<Result> {
    opened ??= openStore(url);
    const mine = opened;
    const silence = new AbortController();
    try {
      const store = await mine;
      return await Promise.race([store.whileConnected(act(store)), silentStore(store, silence.signal)]);
    } catch (error) {
      // A store that is only silent for the moment is kept; it connects again by itself.
      if (opened === mine && !(error instanceof SilentStore)) {
        opened = undefined;
        mine.then(
          (store) => store.close(),
          () => {},
        );
      }
      throw error;
    } finally {
      silence.abort();
    }
  }

  async function liveWorkers({ files }: Store): Promise<WorkerReport[]> {
    const names = await files.list(WORKER_PREFIX);
    const reports = await Promise.all(
      names.map(async (name) => {
        const content = await files.get(name);
        const report = content && parseReport(content);
        if (!report) return [];
        const before = seen.get(name);
        if (before?.number !== report.number) seen.set(name, { number: report.number, at: performance.now() });
        else if (performance.now() - before.at > GONE_MS) {
          await files.remove(name);
          seen.delete(name);
          return [];
        }
        return [report];
      }),
    );
    return reports.flat().sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  }

  return {
    look: () =>
      withStore(async (store): Promise<QueueView> => {
        const { workers: _, queue, ...counts } = await queueStatus(store);
        const reports = await liveWorkers(store);
        const failed = (await store.queue.getFailed(0, MAX_SET_ASIDE - 1)) as QueuedJob[];
        const stopping = await store.files.list(stopName(""));
        return {
          queue,
          ...counts,
          workers: reports.map(workerOf),
          runs: reports.flatMap(({ name, run }): QueuedRun[] =>
            run === null ? [] : [{ ...run, worker: name, isStopping: stopping.includes(stopName(run.id)) }],
          ),
          setAsideRuns: failed.map(({ id = "", name, failedReason }) => ({
            id,
            title: name,
            isStopped: failedReason === STOPPED_REASON,
            reason: failedReason ?? "unknown reason",
          })),
        };
      }),
    setPaused: (isPaused) => withStore(({ queue }) => (isPaused ? queue.pause() : queue.resume())),
    stop: (id) =>
      withStore(async ({ queue, files }) => {
        if ((await queue.getJobState(id)) !== "active") return false;
        await files.put(stopName(id), new Uint8Array([1]));
        return true;
      }),
    async close() {
      const last = opened;
      opened = undefined;
      await last?.then(
        (store) => store.close(),
        () => {},
      );
    },
  };
}

function workerOf({ name, versions, startedAt, run }: WorkerReport): QueueWorker {
  const { tailor, commit, onnxruntime } = versions;
  return { name, version: tailor, commit, onnxruntime, startedAt, run: run?.id ?? null };
}

/** The store has not answered yet. */
class SilentStore extends UserError {}

async function silentStore({ title }: Store, signal: AbortSignal): Promise<never> {
  await sleep(ANSWER_MS, undefined, { signal });
  throw new SilentStore(`${title} does not answer`);
}
