import type { Hono } from "hono";
import { etag } from "hono/etag";
import type { BackbonesAnswer } from "../api-types.ts";
import type { ServerContext } from "../context.ts";
import { slices, streamOf } from "../streams.ts";

/** `GET /api/backbones` and `/api/backbones/:name/model.onnx`: pretrained networks to start from. */
export function backboneRoutes(app: Hono, { backbones }: Pick<ServerContext, "backbones">): void {
  app.get("/api/backbones", (c) =>
    c.json({ backbones: backbones.all.map(({ summary }) => summary) } satisfies BackbonesAnswer),
  );

  app.get("/api/backbones/:name/model.onnx", etag(), (c) => {
    const { model, etag: tag } = backbones.find(c.req.param("name"));
    return c.body(streamOf(slices(model)), 200, {
      "content-type": "application/octet-stream",
      "content-length": String(model.length),
      "cache-control": "no-cache",
      etag: tag,
    });
  });
}
