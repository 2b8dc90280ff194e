/** A worker: takes jobs from a queue, has each trained by its child process, and sends the results back. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Job as QueuedJob } from "bullmq";
import { UserError } from "../errors.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import { collectEnvironment } from "../runs/node/environment.ts";
import { startWorker, type WorkerProcess } from "../server/worker-process.ts";
import { counted } from "../text.ts";
import type { JobProgress, JobResult } from "./job.ts";
import { openStore } from "./open-store.ts";
import { packageSha256, takeFile } from "./run-package.ts";
import type { FromRunWorker, RunEnd, RunWorkerOptions, ToRunWorker } from "./run-process.ts";
import { type Store, soon } from "./store.ts";
import { type ReportedRun, reportedMetrics, STOPPED_REASON, startReporting, stopName } from "./worker-report.ts";

/** Milliseconds after which a job that a worker cannot train is offered again. */
const OFFERED_AGAIN_MS = 2000;
/** Times that a job may lose its worker before it is set aside: machines may be taken away often, but not for ever. */
const MAX_LOST_WORKERS = 20;
/**
 * Milliseconds between looks for runs that lost their worker. The store allows one worker at a time to look, for as long as that
 * worker's interval: a long one would hinder the others.
 */
const LOOK_FOR_LOST_MS = 5000;
/** Lines of a log that are kept with a job. */
const LOG_LINES = 200;

/** Options of `runWorker`. */
export interface WorkerOptions extends RunWorkerOptions {
  /** Address of the queue. */
  readonly url: string;
  /** Seconds without a sign of life after which others take a worker's run over. */
  readonly lockSeconds: number;
  /** Resolves when the worker shall end: it saves the state of its run and gives it back. */
  readonly ended: Promise<void>;
  /** Takes lines about what the worker does. */
  readonly report: (line: string) => void;
}

/**
 * Works until it is ended.
 *
 * @returns the number of runs that were trained to their end
 * @throws UserError when the store or the data cannot be used, or the connection is lost
 */
export async function runWorker({ url, lockSeconds, ended, report, ...options }: WorkerOptions): Promise<number> {
  const store = await openStore(url);
  const folder = mkdtempSync(join(tmpdir(), "tailor-worker-"));
  const child = trainingProcess(options, report);
  try {
    await Promise.race([store.whileConnected(child.opened), ended]);
    return await store.whileConnected(serve(store, child, { folder, lockSeconds, ended, report }));
  } finally {
    await child.end();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function serve(
  store: Store,
  child: TrainingProcess,
  { folder, lockSeconds, ended, report }: Pick<WorkerOptions, "lockSeconds" | "ended" | "report"> & { folder: string },
): Promise<number> {
  const name = `${hostname()}-${process.pid}`;
  let trained = 0;
  let isEnding = false;
  const refused = new Set<string>();
  /** Whether another worker may have this one's run by now. */
  let hasLostLock = false;
  /** The job that somebody who watches the queue wants to be stopped. */
  let unwanted: string | undefined;
  const { versions, commit } = collectEnvironment();
  const reporting = startReporting(
    store.files,
    {
      name,
      versions: { tailor: versions.tailor, commit, onnxruntime: versions.onnxruntime },
      startedAt: new Date().toISOString(),
    },
    (id) => {
      unwanted = id;
      child.stop();
    },
  );

  const process_ = async (job: QueuedJob, token: string): Promise<JobResult> => {
    const id = job.id!;
    const giveBack = async () => {
      await job.moveToWait(token);
      throw new store.Errors.WaitingError();
    };
    if (isEnding) return giveBack();
    hasLostLock = false;
    const tell = (progress: JobProgress) => job.updateProgress(progress).catch(() => {});
    // Only the newest state matters: while one is on its way, those between are skipped.
    const upload = newestOnly((state) => store.files.put(stateName(id), state));
    let shown: ReportedRun | undefined;
    let metrics: MetricsLine[] = [];
    const showNow = (changes: Partial<ReportedRun>) => {
      if (!shown) return;
      shown = { ...shown, ...changes };
      reporting.show(shown);
    };
    const stored = await store.files.get(stateName(id));
    const state = stored === null ? null : join(folder, "state.tar");
    if (stored !== null && state !== null) writeFileSync(state, stored);
    const end = await child.train({ id, job: job.data, folder: join(folder, "run"), state }, (message) => {
      switch (message.kind) {
        case "taken": {
          const { epochs, note } = message;
          metrics = [...message.metrics];
          const epochsDone = metrics.length;
          shown = {
            id,
            title: job.name,
            takenAt: new Date().toISOString(),
            epochs,
            step: metrics.at(-1)?.step ?? 0,
            steps: null,
            metrics: reportedMetrics(metrics),
          };
          reporting.show(shown);
          report(
            `${nameOf(job)}: ${epochsDone > 0 ? `goes on after ${counted(epochsDone, "epoch")}` : "started"}${note === undefined ? "" : ` anew, as ${note}`}`,
          );
          return tell({ kind: "taken", worker: name, epochsDone, ...(note === undefined ? {} : { note }) });
        }
        case "step":
          showNow({ step: message.step, steps: message.steps });
          return tell({ ...message, worker: name });
        case "epoch":
          if (message.state !== null) {
            const state = takeFile(message.state);
            if (!hasLostLock) upload.offer(state);
          }
          metrics.push(message.line);
          showNow({ metrics: reportedMetrics(metrics), step: message.line.step });
          return tell({ kind: "epoch", worker: name, line: message.line });
        default:
          return undefined;
      }
    });
    reporting.show(null);
    await upload.done();
    switch (end.kind) {
      case "finished": {
        // If the lock was lost, another worker has the run now, and its result is the one that counts.
        await job.extendLock(token, lockSeconds * 1000);
        const files = takeFile(end.files);
        const sha256 = packageSha256(files);
        await store.files.put(resultName(sha256), files);
        report(`${nameOf(job)}: finished`);
        trained++;
        return { kind: "finished", sha256, bytes: files.length };
      }
      case "diverged":
        report(`${nameOf(job)}: ${end.message}`);
        return { kind: "diverged", message: end.message };
      case "stopped":
        if (hasLostLock) throw new Error("the lock was lost");
        if (end.state !== null) await store.files.put(stateName(id), takeFile(end.state));
        if (unwanted === id) {
          unwanted = undefined;
          await store.files.remove(stopName(id));
          report(`${nameOf(job)}: ${STOPPED_REASON}, its state is saved`);
          throw new store.Errors.UnrecoverableError(STOPPED_REASON);
        }
        report(`${nameOf(job)}: stopped, its state is saved`);
        return giveBack();
      case "unfit":
        if (!refused.has(id)) report(`${nameOf(job)}: left to other workers: ${end.why}`);
        refused.add(id);
        await job.moveToDelayed(Date.now() + OFFERED_AGAIN_MS, token);
        throw new store.Errors.DelayedError();
      case "failed":
        report(`${nameOf(job)}: failed: ${end.message}`);
        await job.log(`${name}: ${end.log.split("\n").slice(-LOG_LINES).join("\n")}`);
        throw new Error(end.message);
      default:
        return end satisfies never;
    }
  };

  /** The job that is worked on, until it is finished, given back or failed. */
  let current: Promise<unknown> = Promise.resolve();
  const processAlone = (job: QueuedJob, token: string): Promise<JobResult> => {
    const result = process_(job, token);
    current = result.catch(() => {});
    return result;
  };
  const worker = await store.worker(processAlone, {
    name,
    lockDuration: lockSeconds * 1000,
    stalledInterval: Math.min((lockSeconds * 1000) / 2, LOOK_FOR_LOST_MS),
    maxStalledCount: MAX_LOST_WORKERS,
  });
  worker.on("completed", (job) => {
    for (const file of [stateName(job.id!), stopName(job.id!)]) store.files.remove(file).catch(() => {});
  });
  worker.on("lockRenewalFailed", () => {
    hasLostLock = true;
    report("the lock of the run was lost (the machine was asleep, or the connection down): another worker has it now");
    child.stop();
  });
  report(`waiting for runs at ${store.title}`);
  const running = worker.run();
  running.catch(() => {});
  await ended;
  isEnding = true;
  child.stop();
  await current;
  await soon(worker.close());
  await reporting.end();
  return trained;
}

/** File of what is trained so far of a job. */
export function stateName(id: string): string {
  return `state-${id}`;
}

/** File of a finished run. */
export function resultName(sha256: string): string {
  return `result-${sha256}`;
}

/** A job as lines name it. */
function nameOf({ name, id }: QueuedJob): string {
  return `${name} (${id?.slice(0, 12)})`;
}

/** Calls `put` with one value at a time, and only with the newest of those that wait. */
function newestOnly(put: (value: Uint8Array) => Promise<void>) {
  let waiting: Uint8Array | undefined;
  let running: Promise<void> | undefined;
  const run = async () => {
    while (waiting) {
      const value = waiting;
      waiting = undefined;
      // A state that could not be saved is replaced by the next one; a store that is gone ends the worker.
      await put(value).catch(() => {});
    }
    running = undefined;
  };
  return {
    offer(value: Uint8Array) {
      waiting = value;
      running ??= run();
    },
    done: async () => running,
  };
}

/** The child process; it is started again for the next job if it crashes. */
interface TrainingProcess {
  /** Resolves when its data are loaded. @throws UserError when they cannot be */
  readonly opened: Promise<void>;
  train(
    task: Omit<Extract<ToRunWorker, { kind: "train" }>, "kind">,
    onMessage: (message: FromRunWorker) => unknown,
  ): Promise<RunEnd>;
  stop(): void;
  end(): Promise<void>;
}

function trainingProcess(options: RunWorkerOptions, report: (line: string) => void): TrainingProcess {
  let current: WorkerProcess<ToRunWorker> | undefined;
  let onMessage: (message: FromRunWorker) => void = () => {};

  const start = (): Promise<void> => {
    const opened = new Promise<void>((resolve, reject) => {
      onMessage = (message) => {
        if (message.kind === "opened") resolve();
        if (message.kind === "failed") reject(new UserError(message.message));
        if (message.kind === "note") report(message.line);
      };
      const child = startWorker<ToRunWorker, FromRunWorker>("queue/run-worker", (message) => onMessage(message));
      child.ended.then((problem) => {
        if (current === child) current = undefined;
        reject(new UserError(`the training process ${problem ?? "ended"} before the data were loaded`));
        onMessage({ kind: "failed", message: `the training process ${problem ?? "ended"}`, log: problem ?? "" });
      });
      current = child;
      child.send({ kind: "open", options });
    });
    return opened;
  };

  const opened = start();
  opened.catch(() => {});
  return {
    opened,
    async train(task, listen) {
      if (!current) await start();
      return new Promise<RunEnd>((resolve) => {
        onMessage = (message) => {
          switch (message.kind) {
            case "note":
              return report(message.line);
            case "opened":
              return;
            case "taken":
            case "step":
            case "epoch":
              listen(message);
              return;
            default:
              onMessage = () => {};
              resolve(message);
          }
        };
        current!.send({ kind: "train", ...task });
      });
    },
    stop() {
      current?.send({ kind: "stop" });
    },
    async end() {
      onMessage = () => {};
      current?.kill();
      await current?.ended;
    },
  };
}
