import { type FSWatcher, watch } from "node:fs";
import type { Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { UserError, valueOrUserError } from "../../errors.ts";
import type { MetricsLine } from "../../runs/metrics.ts";
import { readMetrics } from "../../runs/node/run-files.ts";
import { findRun, type RunStatus, runStatus } from "../../runs/node/run-status.ts";
import type { ProgressAnswer } from "../api-types.ts";
import type { ServerContext } from "../context.ts";
import { HttpError } from "../errors.ts";
import { createConcurrencyLimit } from "../limits.ts";
import type { ServedRun } from "../run-catalog.ts";
import { createSignal, type Signal } from "../signal.ts";

/** Polling interval, for file systems without change notifications (network file systems, say). */
const POLL_MS = 1000;

/** Events of a run, in order. "gone": its folder was removed or its files can no longer be read. */
export type RunEvent =
  | { readonly kind: "epoch"; readonly line: MetricsLine }
  | { readonly kind: "progress"; readonly progress: ProgressAnswer }
  | { readonly kind: "status"; readonly status: RunStatus | "gone" }
  /** Nothing happened for a while. */
  | { readonly kind: "nothing" };

export interface FollowOptions {
  /** Epochs up to this one are skipped. */
  readonly after: number;
  /**
   * `followRun` waits for it; notified on changes of the folder, progress of training, and when the stream is to end.
   */
  readonly signal: Signal;
  /** Whether its training process is alive: then it is running, even if it has released its folder's lock. */
  readonly isTraining: () => boolean;
  /** Progress of the training, if known. */
  readonly progress: () => ProgressAnswer | undefined;
  readonly isOver: () => boolean;
}

/**
 * Follows a run, whichever process trains it, to its end: its status first, then each epoch, those that are done among them.
 * Ends after the status that is no longer "running".
 */
export async function* followRun(
  path: string,
  { after, signal, isTraining, progress, isOver }: FollowOptions,
): AsyncGenerator<RunEvent> {
  const stopWatching = watchFolder(path, () => signal.notify());
  let lastEpoch = after;
  let lastProgress: ProgressAnswer | undefined;
  let lastStatus: RunStatus | "gone" | undefined;
  try {
    while (!isOver()) {
      // Looked at before the epochs: those of a run that has ended are all there.
      const found = currentStatus(path);
      const status = found === "interrupted" && isTraining() ? "running" : found;
      if (status === "running" && status !== lastStatus) yield { kind: "status", status };
      lastStatus = status;
      const lines = valueOrUserError(() => readMetrics(path, { isInProgress: true }));
      for (const line of lines instanceof UserError ? [] : lines) {
        if (line.epoch <= lastEpoch) continue;
        lastEpoch = line.epoch;
        yield { kind: "epoch", line };
      }
      if (status !== "running") {
        yield { kind: "status", status };
        return;
      }
      const now = progress();
      if (now && now !== lastProgress) yield { kind: "progress", progress: now };
      else yield { kind: "nothing" };
      lastProgress = now;
      await signal.wait(POLL_MS);
    }
  } finally {
    stopWatching();
  }
}

function currentStatus(path: string): RunStatus | "gone" {
  const look = () => {
    const run = findRun(path);
    return run === undefined || run instanceof UserError ? "gone" : runStatus(run);
  };
  const status = look();
  // A run may end after its record was read and before its lock is looked at: then a second look finds it finished.
  return status === "interrupted" ? look() : status;
}

/** Watches a run's folder, as its files are replaced by renaming. @returns a function that stops watching */
function watchFolder(path: string, onChange: () => void): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(path, onChange);
    watcher.on("error", () => watcher?.close()); // The folder was removed, or watching is not supported: polling continues.
  } catch {
    // Watching failed (too many watchers, say): polling is sufficient.
  }
  return () => watcher?.close();
}

/** Heartbeat interval, so that proxies and clients do not consider the connection dead. */
const HEARTBEAT_MS = 15_000;

/** `GET /api/runs/:id/events`: the training of a run as server-sent events. */
export function eventsRoute(app: Hono, { catalog, trainer, limits, closing }: ServerContext): void {
  const streams = createConcurrencyLimit(
    limits.streams,
    () =>
      new HttpError(429, "too_many_streams", `There are ${limits.streams} event streams open, as many as are kept.`),
  );

  app.get("/api/runs/:id/events", (c) => {
    const run = catalog.find(c.req.param("id"));
    // Hono handles HEAD like GET, and would never read the stream.
    if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
    const after = lastEpochSeen(c.req.header("last-event-id"));
    // A browser reconnects when a stream ends, unless it gets status 204.
    if (after > 0 && hasNothingAfter(run, after)) return c.body(null, 204);
    const leave = streams.enter();
    return streamSSE(c, async (stream) => {
      const signal = createSignal();
      const stopListening = trainer?.onProgress(signal.notify) ?? (() => {});
      closing.addEventListener("abort", signal.notify);
      stream.onAbort(signal.notify);
      const isOver = () => stream.aborted || closing.aborted;
      const progress = () => trainer?.progressOf(run.id);
      const isTraining = () => trainer?.isTraining(run.id) ?? false;
      try {
        let sentAt = performance.now();
        for await (const event of followRun(run.path, { after, signal, isTraining, progress, isOver })) {
          const isQuiet = event.kind === "nothing";
          if (isQuiet && performance.now() - sentAt < HEARTBEAT_MS) continue;
          await (isQuiet ? stream.write(":\n\n") : send(stream, event, trainer?.failureOf(run.id) ?? null));
          sentAt = performance.now();
        }
      } finally {
        stopListening();
        closing.removeEventListener("abort", signal.notify);
        leave();
      }
    });
  });
}

function send(
  stream: SSEStreamingApi,
  event: Exclude<RunEvent, { kind: "nothing" }>,
  failure: string | null,
): Promise<void> {
  switch (event.kind) {
    case "epoch":
      return stream.writeSSE({ event: "epoch", id: String(event.line.epoch), data: JSON.stringify(event.line) });
    case "progress":
      return stream.writeSSE({ event: "progress", data: JSON.stringify(event.progress) });
    case "status": {
      const { status } = event;
      const reason = status === "interrupted" ? failure : null;
      return stream.writeSSE({ event: "status", data: JSON.stringify({ status, failure: reason }) });
    }
    default:
      return event satisfies never;
  }
}

/** The epoch of Last-Event-ID; anything but a number is ignored. */
function lastEpochSeen(header: string | undefined): number {
  const epoch = Number(header ?? 0);
  return Number.isFinite(epoch) ? epoch : 0;
}

function hasNothingAfter(run: ServedRun, epoch: number): boolean {
  if (runStatus(run) === "running") return false;
  return readMetrics(run, { isInProgress: true }).every((line) => line.epoch <= epoch);
}
