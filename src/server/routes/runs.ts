import { closeSync } from "node:fs";
import type { Hono } from "hono";
import { etag } from "hono/etag";
import { UserError, valueOrUserError } from "../../errors.ts";
import { openModel, readMetrics } from "../../runs/node/run-files.ts";
import type { RunDetail, RunSummary } from "../api-types.ts";
import type { ServerContext } from "../context.ts";
import { noModel } from "../open-classifiers.ts";
import { modelStamp, publicRecord, type ServedRun, summaryOf } from "../run-catalog.ts";
import { entityTag, fileStream } from "../streams.ts";

/** `GET /api/runs` and the routes of each run. */
export function runRoutes(
  app: Hono,
  { catalog, evaluations, trainer, isLocal }: Pick<ServerContext, "catalog" | "evaluations" | "trainer" | "isLocal">,
): void {
  const metricsOf = (run: ServedRun) => readMetrics(run, { isInProgress: true });
  const failureOf = ({ id }: ServedRun) => trainer?.failureOf(id) ?? null;

  app.get("/api/runs", (c) => {
    const { runs, damaged } = catalog.list();
    const summaries: RunSummary[] = [];
    const unusable = [...damaged];
    for (const run of runs) {
      const summary = valueOrUserError(() => summaryOf(run, { metrics: metricsOf(run), failure: failureOf(run) }));
      if (summary instanceof UserError) unusable.push(run.id);
      else summaries.push(summary);
    }
    return c.json({ runs: summaries, damaged: unusable });
  });

  app.get("/api/runs/:id", (c) => {
    const run = catalog.find(c.req.param("id"));
    const metrics = metricsOf(run);
    const summary = summaryOf(run, { metrics, failure: failureOf(run) });
    const folder = isLocal ? run.path : null;
    return c.json({ ...summary, folder, record: publicRecord(run.record), metrics } satisfies RunDetail);
  });

  app.get("/api/runs/:id/evaluation", async (c) => c.json(await evaluations.of(catalog.find(c.req.param("id")))));

  app.get("/api/runs/:id/model.onnx", etag(), (c) => {
    const run = catalog.find(c.req.param("id"));
    if (modelStamp(run) === undefined) throw noModel(run.id);
    const { file, bytes, stamp } = openModel(run);
    const headers = {
      "content-type": "application/octet-stream",
      "content-length": String(bytes),
      "cache-control": "no-cache",
      etag: entityTag(stamp),
    };
    if (c.req.method === "HEAD") {
      closeSync(file);
      return c.body(null, 200, headers);
    }
    return c.body(fileStream(file, bytes), 200, headers);
  });
}
