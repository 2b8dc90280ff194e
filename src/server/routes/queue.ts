import type { Hono } from "hono";
import { UserError } from "../../errors.ts";
import type { QueueAnswer } from "../api-types.ts";
import type { QueueWatch, ServerContext } from "../context.ts";
import { HttpError } from "../errors.ts";
import { onlySameOrigin } from "../guards.ts";

/** `/api/queue`: what the queue's workers do; pausing it, and stopping a run. */
export function queueRoutes(
  app: Hono,
  {
    queue,
    trainer,
    isLocal,
    allowedHosts,
    hidePaths,
    log,
  }: Pick<ServerContext, "queue" | "trainer" | "isLocal" | "allowedHosts" | "hidePaths" | "log">,
): void {
  /** The last problem, which is logged once, however often the page asks. */
  let logged: string | undefined;

  /** @throws HttpError 404 without a queue, 503 when it does not answer */
  async function ask<Result>(act: (queue: QueueWatch) => Promise<Result>): Promise<Result> {
    if (!queue) {
      throw new HttpError(404, "no_queue", "This server watches no queue: start it with `queue`.");
    }
    try {
      const result = await act(queue);
      logged = undefined;
      return result;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error.message !== logged) log(error.message);
      logged = error.message;
      throw new HttpError(
        503,
        "queue_unreachable",
        "The queue does not answer. Runs in training go on, and wait for it at their ends; the server's log tells more.",
      );
    }
  }

  function requireAllowed(): void {
    if (trainer) return;
    throw new HttpError(
      403,
      "training_not_allowed",
      "This server changes nothing in the queue: start it with `allowTraining`.",
    );
  }

  app.get("/api/queue", async (c) => {
    const { queue: title, setAsideRuns, ...view } = await ask((watch) => watch.look());
    return c.json({
      ...view,
      queue: isLocal ? title : null,
      setAsideRuns: setAsideRuns.map((run) => ({ ...run, reason: hidePaths(run.reason) })),
      allowsChanges: trainer !== null,
    } satisfies QueueAnswer);
  });

  for (const action of ["pause", "resume"] as const) {
    app.post(`/api/queue/${action}`, onlySameOrigin(allowedHosts), async (c) => {
      requireAllowed();
      await ask((watch) => watch.setPaused(action === "pause"));
      return c.json({ isPaused: action === "pause" });
    });
  }

  app.delete("/api/queue/runs/:id", onlySameOrigin(allowedHosts), async (c) => {
    requireAllowed();
    const id = c.req.param("id");
    if (await ask((watch) => watch.stop(id))) return c.json({ id }, 202);
    throw new HttpError(404, "no_such_run", "No worker trains this run; it may have ended.");
  });
}
