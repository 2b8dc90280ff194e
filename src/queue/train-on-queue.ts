/** The producer: puts an experiment's runs into a queue, and writes the results of its workers into their folders. */
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import type { JobState, Job as QueuedJob } from "bullmq";
import { UserError } from "../errors.ts";
import { type FinishedRun, type PlannedRun, remainingWork } from "../experiments/planned-run.ts";
import type { TrainAllOptions, TrainRuns } from "../experiments/train-all.ts";
import { explainFileError } from "../runs/node/file-errors.ts";
import { sealedRecord } from "../runs/node/hashes.ts";
import { makeFolder } from "../runs/node/output-folder.ts";
import { checkRunFiles, RUN_FILES, readRunRecord } from "../runs/node/run-files.ts";
import { lockHolder } from "../runs/node/run-lock.ts";
import { moveFolder, writeWholeFile } from "../runs/node/whole-file.ts";
import { counted } from "../text.ts";
import { DivergedError } from "../training/diverged.ts";
import {
  asTrainedHere,
  type Job,
  type JobResult,
  jobId,
  jobOf,
  machineFacts,
  progressSchema,
  resultSchema,
} from "./job.ts";
import { openStore } from "./open-store.ts";
import { packageSha256, unpackRun } from "./run-package.ts";
import type { Store } from "./store.ts";
import { resultName, stateName } from "./worker.ts";
import { STOPPED_REASON, stopName } from "./worker-report.ts";

/** Tries of a job before it is set aside. */
const TRIES = 3;
const TRY_AGAIN_MS = 1000;
/** Milliseconds between looks at the jobs; events only make them earlier, as they can be lost. */
const LOOK_EVERY_MS = 2000;
/** Milliseconds between looks for an interrupt. */
const INTERRUPT_EVERY_MS = 200;

/** A run whose result is awaited, and its job. */
interface Awaited {
  readonly run: PlannedRun;
  readonly id: string;
  readonly job: Job;
}

/** A job that was set aside. */
interface SetAside {
  readonly run: PlannedRun;
  readonly reason: string;
}

/**
 * Has the runs trained by the workers of a queue. Each run is one job, whose name follows from what is trained on what: the same
 * call finds its jobs again, trained or not.
 *
 * @param url of the queue's store
 */
export function trainOnQueue(url: string): TrainRuns {
  return async (planned, options) => {
    const { isWanted = () => true, onEvent = () => {}, isInterrupted = () => false } = options;
    const wanted = planned.filter(isWanted);
    const works = wanted.map((run) => remainingWork(run, options));
    const open = wanted.filter((_, i) => works[i]!.todo !== "nothing");
    // All jobs are made before the first is put into the queue: if one is refused, none is there.
    const machine = machineFacts(options);
    const jobs = wanted.map((run): Awaited => {
      const job = jobOf(run, options, machine);
      return { run, id: jobId(job), job };
    });
    if (planned.length > 0) {
      onEvent({ kind: "forecast", planned: wanted, open, seconds: null, isUpperBound: false });
    }
    if (isInterrupted()) return undefined;
    if (open.length > 0) {
      options.onBegin?.();
      const store = await openStore(url);
      try {
        const done = jobs.filter(({ run }) => !open.includes(run)).map(({ id }) => id);
        await store.whileConnected(forgetFetched(store, done));
        const awaited = jobs.filter(({ run }) => open.includes(run));
        const isDone = await store.whileConnected(produce(store, awaited, options));
        if (!isDone) return undefined;
      } finally {
        await store.close();
      }
    }
    return planned.flatMap((run): FinishedRun[] => {
      if (!isWanted(run)) return [];
      const work = remainingWork(run, options);
      return work.todo === "nothing" ? [{ ...run, record: work.record }] : [];
    });
  };
}

/** @returns whether all runs are trained, rather than interrupted @throws UserError when a run diverged, was set aside or stopped */
async function produce(
  store: Store,
  awaited: readonly Awaited[],
  options: Omit<TrainAllOptions, "trainRuns">,
): Promise<boolean> {
  const { isWanted = () => true, onEvent = () => {}, isInterrupted = () => false, isDivergedLeftOut = false } = options;
  const pending = new Map(awaited.map((one) => [one.id, one]));
  const setAside: SetAside[] = [];
  const stopped: PlannedRun[] = [];
  const wake = waker();
  const events = await store.events();
  const hasEnded = ({ jobId }: { readonly jobId: string }) => wake.now(jobId);
  for (const name of ["completed", "failed"] as const) events.on(name, hasEnded);
  events.on("progress", ({ jobId: id, data }) => {
    const run = pending.get(id)?.run;
    const progress = progressSchema.safeParse(data);
    // A worker of another version may report otherwise; its result is checked.
    if (run === undefined || !progress.success) return;
    if (progress.data.kind === "step") onEvent({ ...progress.data, kind: "remote-step", run });
    else onEvent({ ...progress.data, run });
  });
  for (const one of awaited) {
    if (isInterrupted()) break;
    await addJob(store, one);
  }
  onEvent({ kind: "queued", runs: pending.size, workers: await store.queue.getWorkersCount(), place: store.title });
  while (pending.size > 0) {
    if (isInterrupted()) {
      onEvent({ kind: "left-queued", runs: pending.size, place: store.title });
      return false;
    }
    const named = wake.named();
    const looked = [...pending.values()].filter(({ id }) => named === "all" || named.has(id));
    // All at once: one after the other, hundreds of them would keep the store waiting.
    const states = await Promise.all(looked.map(({ id }) => store.queue.getJobState(id)));
    for (const [i, one] of looked.entries()) {
      const ended = await lookAt(store, one, { state: states[i]!, isWanted });
      if (ended === undefined) continue;
      pending.delete(one.id);
      if (ended === "dropped") continue;
      if (ended === "stopped") {
        onEvent({ kind: "stopped", run: one.run });
        stopped.push(one.run);
        continue;
      }
      if (ended.kind === "set-aside") {
        const error = new UserError(ended.reason);
        onEvent({ kind: "failed", run: one.run, error });
        setAside.push({ run: one.run, reason: ended.reason });
        continue;
      }
      if (ended.kind === "diverged") {
        await forget(store, one.id);
        const error = new DivergedError(ended.message);
        if (!isDivergedLeftOut) {
          onEvent({ kind: "failed", run: one.run, error });
          throw error;
        }
        onEvent({ kind: "diverged", run: one.run, error });
        continue;
      }
      const record = await fetchRun(store, one, ended, options);
      await forget(store, one.id, ended);
      onEvent({ kind: "finished", run: { ...one.run, record } });
    }
    if (pending.size > 0) await wake.wait(isInterrupted);
  }
  const problems: string[] = [];
  if (stopped.length > 0) {
    problems.push(
      `${counted(stopped.length, "run")} ${stopped.length === 1 ? "was" : "were"} ${STOPPED_REASON}; the same command goes on with what is trained of ${stopped.length === 1 ? "it" : "them"}: ${stopped.map(({ path }) => path).join(", ")}`,
    );
  }
  if (setAside.length > 0) {
    problems.push(
      `${counted(setAside.length, "run")} failed ${TRIES} times and ${setAside.length === 1 ? "is" : "are"} set aside; the same command tries again:`,
      ...setAside.map(({ run, reason }) => `  ${run.path}: ${reason}`),
    );
  }
  if (problems.length === 0) return true;
  throw new UserError(problems.join("\n"));
}

/** Puts a job into the queue, unless it is there; one that was set aside gets new tries. */
async function addJob(store: Store, { run, id, job }: Awaited): Promise<void> {
  const found = (await store.queue.getJob(id)) as QueuedJob | undefined;
  if (found && (await found.isFailed())) {
    await store.files.remove(stopName(id));
    await found.remove();
  }
  await store.queue.add(`${run.recipe.name}, ${run.fold ? `fold ${run.fold.number}` : `seed ${run.seed}`}`, job, {
    jobId: id,
    attempts: TRIES,
    backoff: { type: "fixed", delay: TRY_AGAIN_MS },
  });
}

/** How a job ended; undefined: it has not. "dropped": it is not wanted any more. "stopped": somebody who watches the queue wanted it. */
async function lookAt(
  store: Store,
  one: Awaited,
  { state, isWanted }: { state: JobState | "unknown"; isWanted: (run: PlannedRun) => boolean },
): Promise<JobResult | { kind: "set-aside"; reason: string } | "dropped" | "stopped" | undefined> {
  switch (state) {
    case "completed": {
      const job = (await store.queue.getJob(one.id)) as QueuedJob | undefined;
      const result = resultSchema.safeParse(job?.returnvalue);
      if (result.success) return result.data;
      await job?.remove();
      await addJob(store, one);
      return undefined;
    }
    case "failed": {
      const job = (await store.queue.getJob(one.id)) as QueuedJob | undefined;
      if (job?.failedReason === STOPPED_REASON) return "stopped";
      const { logs } = await store.queue.getJobLogs(one.id);
      return { kind: "set-aside", reason: [job?.failedReason ?? "unknown reason", ...logs.slice(-1)].join("\n    ") };
    }
    // The store was emptied, or has lost its last seconds; or another command has fetched this result.
    case "unknown":
      await addJob(store, one);
      return undefined;
    case "waiting":
    case "delayed":
      if (isWanted(one.run)) return undefined;
      await forget(store, one.id);
      return "dropped";
    default:
      return undefined;
  }
}

/** Removes jobs whose results were fetched by a command that was killed before it could remove them. */
async function forgetFetched(store: Store, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    if ((await store.queue.getJobState(id)) !== "completed") continue;
    const result = resultSchema.safeParse(((await store.queue.getJob(id)) as QueuedJob | undefined)?.returnvalue).data;
    await forget(store, id, result?.kind === "finished" ? result : undefined);
  }
}

/** Removes a job and its files. */
async function forget(store: Store, id: string, result?: Extract<JobResult, { kind: "finished" }>): Promise<void> {
  // A worker may have taken it in this moment: it stays, and its result is not fetched.
  await store.queue.remove(id).catch(() => {});
  await store.files.remove(stateName(id));
  if (result) await store.files.remove(resultName(result.sha256));
}

/**
 * Writes a finished run into its folder: beside it first, where it is checked as a whole.
 *
 * @throws UserError when it is missing, damaged or another run
 */
async function fetchRun(
  store: Store,
  { run }: Awaited,
  { sha256, bytes }: Extract<JobResult, { kind: "finished" }>,
  options: Pick<TrainAllOptions, "data" | "lowering">,
): Promise<FinishedRun["record"]> {
  const packed = await store.files.get(resultName(sha256));
  if (packed === null || packed.length !== bytes || packageSha256(packed) !== sha256) {
    throw new UserError(
      `${run.path}: its result in ${store.title} is ${packed === null ? "missing" : "damaged"}; remove the queue's results with \`drain\` and run the same command again`,
    );
  }
  const part = `${run.path}.part`;
  rmSync(part, { recursive: true, force: true });
  try {
    await unpackRun(packed, part);
    const record = readRunRecord(part);
    writeWholeFile(`${part}/${RUN_FILES.record}`, sealedRecord(asTrainedHere(record, run, options.data)));
    const arrived = { ...run, path: part };
    const work = remainingWork(arrived, options);
    if (work.todo !== "nothing") throw new UserError(`${run.path}: its result in ${store.title} is not a finished run`);
    checkRunFiles({ path: part, record: work.record });
    replaceFolder(part, run.path);
    return work.record;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** @throws UserError when a process is writing to the folder, or the system refuses */
function replaceFolder(part: string, path: string): void {
  const holder = lockHolder(path);
  if (holder !== null)
    throw new UserError(`${path} is in use: ${holder} is training it too; wait until it has finished`);
  try {
    makeFolder(dirname(path));
    moveFolder(part, path);
  } catch (error) {
    throw explainFileError(error, "write", path);
  }
}

/** Waits for the next look: until an event names jobs, there is an interrupt, or it is time to look at all. */
function waker() {
  const ids = new Set<string>();
  let nextFullLook = 0;
  let wakeUp = () => {};
  return {
    now(id: string) {
      ids.add(id);
      wakeUp();
    },
    /** The jobs to look at now. */
    named(): ReadonlySet<string> | "all" {
      const named = new Set(ids);
      ids.clear();
      if (performance.now() < nextFullLook) return named;
      nextFullLook = performance.now() + LOOK_EVERY_MS;
      return "all";
    },
    async wait(isInterrupted: () => boolean): Promise<void> {
      while (ids.size === 0 && performance.now() < nextFullLook && !isInterrupted()) {
        await new Promise<void>((resolve) => {
          wakeUp = resolve;
          setTimeout(resolve, INTERRUPT_EVERY_MS);
        });
      }
    },
  };
}
