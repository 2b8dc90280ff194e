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

/** A file system may tell of no change (a network's, say): the run is looked at so often in any case. */
const POLL_MS = 1000;

/** What happens to a run, in order. "gone": its folder was removed or its files can no longer be read. */
export type RunEvent =
  | { readonly kind: "epoch"; readonly line: MetricsLine }
  | { readonly kind: "progress"; readonly progress: ProgressAnswer }
  | { readonly kind: "status"; readonly status: RunStatus | "gone" }
  /** Nothing happened for a while. */
  | { readonly kind: "nothing" };

export interface FollowOptions {
  /** Epochs up to this one are known already. */
  readonly after: number;
  /** Rung by whoever has news besides the folder's, and to end it. */
  readonly signal: Signal;
  /** Whether the process that trains it is known to be there: then it is running, though it has let go of its folder. */
  readonly isTraining: () => boolean;
  /** How far the training is, where that is known. */
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

/** Files are replaced by renaming, so their folder is watched. @returns stops it */
function watchFolder(path: string, onChange: () => void): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(path, onChange);
    watcher.on("error", () => watcher?.close()); // The folder is gone, or there is no watching here: polling goes on.
  } catch {
    // Too many are watched already, say: polling does without.
  }
  return () => watcher?.close();
}

/** A line is sent so often at least, or proxies and clients take the connection for dead. */
const HEARTBEAT_MS = 15_000;

/** `GET /api/runs/:id/events`: a run as it is trained, as server-sent events. */
export function eventsRoute(app: Hono, { catalog, trainer, limits, closing }: ServerContext): void {
  const streams = createConcurrencyLimit(
    limits.streams,
    () =>
      new HttpError(429, "too_many_streams", `There are ${limits.streams} event streams open, as many as are kept.`),
  );

  app.get("/api/runs/:id/events", (c) => {
    const run = catalog.find(c.req.param("id"));
    // Hono answers HEAD as GET, and would leave the stream unread for ever.
    if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
    const after = lastEpochSeen(c.req.header("last-event-id"));
    // A browser asks again when a stream ends, unless it is told that there is nothing more.
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

/** The id of an event is its epoch. What is no number is no id of ours. */
function lastEpochSeen(header: string | undefined): number {
  const epoch = Number(header ?? 0);
  return Number.isFinite(epoch) ? epoch : 0;
}

function hasNothingAfter(run: ServedRun, epoch: number): boolean {
  if (runStatus(run) === "running") return false;
  return readMetrics(run.path, { isInProgress: true }).every((line) => line.epoch <= epoch);
}
