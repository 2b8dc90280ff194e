import type { Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { createBell } from "../bell.ts";
import { followRun, type RunEvent } from "../follow-run.ts";
import { HttpError } from "../http-error.ts";
import type { ServerParts } from "../parts.ts";
import { type ServedRun, stateOf } from "../run-catalog.ts";
import { metricsSoFar } from "../run-summary.ts";
import { createTurnstile } from "../turnstile.ts";

/** A line is sent so often at least, or proxies and clients take the connection for dead. */
const HEARTBEAT_MS = 15_000;

/** `GET /api/runs/:id/events`: a run as it is trained, as server-sent events. */
export function eventsRoute(app: Hono, { catalog, trainer, limits, closing }: ServerParts): void {
  const streams = createTurnstile(
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
      const bell = createBell();
      const stopListening = trainer?.onProgress(bell.ring) ?? (() => {});
      closing.addEventListener("abort", bell.ring);
      stream.onAbort(bell.ring);
      const isOver = () => stream.aborted || closing.aborted;
      const progress = () => trainer?.progressOf(run.id);
      const isTraining = () => trainer?.isTraining(run.id) ?? false;
      try {
        let sentAt = performance.now();
        for await (const event of followRun(run.path, { after, bell, isTraining, progress, isOver })) {
          const isQuiet = event.kind === "nothing";
          if (isQuiet && performance.now() - sentAt < HEARTBEAT_MS) continue;
          await (isQuiet ? stream.write(":\n\n") : send(stream, event, trainer?.failureOf(run.id) ?? null));
          sentAt = performance.now();
        }
      } finally {
        stopListening();
        closing.removeEventListener("abort", bell.ring);
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
  return stateOf(run) !== "running" && metricsSoFar(run.path).every((line) => line.epoch <= epoch);
}
