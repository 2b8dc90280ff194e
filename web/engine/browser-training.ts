import { useSyncExternalStore } from "react";
import type { TrainingProgress } from "../../src/training/progress.ts";
import type { EpochResult } from "../../src/training/train.ts";
import { discardKept, type KeptState, readKept, takeLock } from "./kept-training.ts";
import type {
  FromTrainer,
  GpuFailure,
  TestResult,
  ToTrainer,
  TrainedFileBytes,
  TrainingOrder,
} from "./training-messages.ts";
import { setUnsaved } from "./unsaved.ts";

/** The training in this browser. Its state is global to the page, so that it continues when the route changes. */
export interface BrowserTraining {
  readonly phase: "loading" | "interrupted" | "training" | "pausing" | "paused" | "testing" | "finished" | "failed";
  readonly order: TrainingOrder;
  /** Description of what is loading. */
  readonly loading: string;
  readonly start: Extract<FromTrainer, { kind: "started" }> | undefined;
  readonly progress: TrainingProgress | undefined;
  /** Mean loss of the epoch so far, sampled at some steps, for a sparkline. */
  readonly losses: readonly number[];
  readonly rates: readonly number[];
  readonly epochs: readonly EpochResult[];
  readonly test: TestResult | undefined;
  readonly files: TrainedFileBytes | undefined;
  readonly failure: string | undefined;
  /** What happened to the GPU, if it failed. */
  readonly gpuFailure: GpuFailure | undefined;
  /** Whether its network was downloaded, and so is kept somewhere else. */
  readonly isDownloaded: boolean;
  /** Whether what is trained so far is in this browser's database, so that a reload does not lose it. */
  readonly isKept: boolean;
}

/** Maximum number of points of a line; when it is reached, every second one is dropped. */
const MAX_POINTS = 400;

let worker: Worker | undefined;
/** Whether this page has the kept training, rather than another page of this browser; asked once. */
const hasLock = takeLock();
/** What was kept before the page was reloaded, to resume from. */
let kept: KeptState | undefined;
/** What was kept of the last training is removed; the next one is kept after that. */
let discarded: Promise<void> = Promise.resolve();
let current: BrowserTraining | undefined;
let stepsAPoint = 1;
const listeners = new Set<() => void>();

export function useBrowserTraining(): BrowserTraining | undefined {
  return useSyncExternalStore(subscribe, () => current);
}

function begun(order: TrainingOrder): BrowserTraining {
  return {
    phase: "loading",
    order,
    loading: "the engine",
    start: undefined,
    progress: undefined,
    losses: [],
    rates: [],
    epochs: [],
    test: undefined,
    files: undefined,
    failure: undefined,
    gpuFailure: undefined,
    isDownloaded: false,
    isKept: false,
  };
}

/** Shows the training that was kept before the page was closed or reloaded: interrupted, or finished. */
async function restore(): Promise<void> {
  if (!(await hasLock)) return;
  // A browser without a database, or one that a user has closed to this page, has nothing kept.
  const found = await readKept().catch(() => undefined);
  if (!found || current) return;
  const { order, state } = found;
  kept = state;
  const { start, epochs = [], finished } = state ?? {};
  const phase = finished ? "finished" : "interrupted";
  set({ ...begun(order), phase, start, epochs, test: finished?.test, files: finished?.files, isKept: true });
}

void restore();

/** Starts a training; a running one is stopped and discarded. */
export function startTraining(order: TrainingOrder): void {
  stopTraining();
  set(begun(order));
  void work(order, undefined);
}

/** Resumes a training that was interrupted when the page was closed or reloaded, from its last epoch. */
export function resumeTraining(): void {
  const { order, epochs } = current!;
  set({ ...begun(order), epochs, isKept: true });
  void work(order, kept);
}

async function work(order: TrainingOrder, from: KeptState | undefined): Promise<void> {
  stepsAPoint = 1;
  const started = current;
  await discarded;
  const isKept = await hasLock;
  // It was stopped, or another one started, meanwhile.
  if (current !== started) return;
  worker = new Worker(new URL("./training-worker.ts", import.meta.url), { type: "module", name: "training" });
  worker.addEventListener("message", ({ data }: MessageEvent<FromTrainer>) => {
    set(next(current!, data));
    // Frees the worker's memory.
    if (data.kind === "finished" || data.kind === "failed") worker?.terminate();
  });
  worker.addEventListener("error", ({ message }) =>
    set({ ...current!, phase: "failed", failure: message || "The worker that trains could not be started." }),
  );
  send({ kind: "start", order, isKept, from });
}

/** Pauses training after the current step. */
export function pauseTraining(): void {
  set({ ...current!, phase: "pausing" });
  send({ kind: "pause" });
}

export function continueTraining(): void {
  set({ ...current!, phase: "training" });
  send({ kind: "continue" });
}

/** Stops the training immediately and discards it. */
export function stopTraining(): void {
  worker?.terminate();
  worker = undefined;
  kept = undefined;
  discarded = hasLock.then((has) => (has ? discardKept().catch(() => {}) : undefined));
  set(undefined);
}

/** The network was downloaded. */
export function noteDownload(): void {
  set({ ...current!, isDownloaded: true });
}

/** Asks before a training that runs, or its network, is discarded and kept nowhere else. */
export function mayDiscard(): boolean {
  if (!isOnlyHere(current)) return true;
  return confirm(
    current?.files
      ? "The network that was trained in this page is not downloaded, and would be lost. Discard it?"
      : current?.phase === "interrupted"
        ? "The training that was interrupted would be lost. Discard it?"
        : "A training runs in this page, and would be lost. Discard it?",
  );
}

function isOnlyHere(training: BrowserTraining | undefined): training is BrowserTraining {
  return training !== undefined && training.phase !== "failed" && !training.isDownloaded;
}

function send(message: ToTrainer): void {
  worker?.postMessage(message);
}

function next(state: BrowserTraining, message: FromTrainer): BrowserTraining {
  switch (message.kind) {
    case "loading":
      return { ...state, loading: message.what };
    case "started":
      return { ...state, phase: "training", start: message };
    case "progress":
      return { ...state, progress: message.progress, ...lines(state, message.progress) };
    case "kept":
      return { ...state, isKept: message.isKept };
    case "epoch":
      return { ...state, epochs: [...state.epochs, message.result] };
    case "gpuFailed": {
      const { kind: _, ...gpuFailure } = message;
      const phase = gpuFailure.isGoingOn ? "training" : "paused";
      return { ...state, phase, gpuFailure, start: state.start && { ...state.start, engine: gpuFailure.engine } };
    }
    case "paused":
    case "testing":
      return { ...state, phase: message.kind };
    case "finished":
      return { ...state, phase: "finished", test: message.test, files: message.files };
    case "failed":
      return { ...state, phase: "failed", failure: message.message };
    default:
      return message satisfies never;
  }
}

function lines(state: BrowserTraining, { step, loss, learningRate }: TrainingProgress) {
  if (step % stepsAPoint !== 0) return {};
  const [losses, rates] = [
    [...state.losses, loss],
    [...state.rates, learningRate],
  ];
  if (losses.length < MAX_POINTS) return { losses, rates };
  stepsAPoint *= 2;
  const everySecond = (_: number, i: number) => i % 2 === 1;
  return { losses: losses.filter(everySecond), rates: rates.filter(everySecond) };
}

function set(training: BrowserTraining | undefined): void {
  current = training;
  setUnsaved("training", isOnlyHere(training) && !training?.isKept);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
