import type { Hono } from "hono";
import { z } from "zod";
import type { ServerContext } from "../context.ts";
import { HttpError, overloaded } from "../errors.ts";
import { onlySameOrigin } from "../guards.ts";
import { createConcurrencyLimit } from "../limits.ts";
import { mediaType, parseQuery, withBody } from "../request.ts";
import { requiredTrainer } from "../trainer.ts";

const MAX_NAME = 100;

const querySchema = z.object({
  class: z
    .string()
    .trim()
    .min(1)
    .max(MAX_NAME)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
    .regex(/^[^\u0000-\u001f\u007f]*$/, "expected a name without control characters"),
});

const OCTETS = "application/octet-stream";

/** Each picture is decoded once before it is kept, so that a training does not meet one that cannot be. */
const TRIAL = {
  preparation: { kind: "fit", fit: "crop" },
  imageShape: { channels: 3, height: 32, width: 32 },
} as const;

/** `/api/pictures`: pictures that clients send to be trained on. */
export function pictureRoutes(
  app: Hono,
  {
    trainer,
    pictureSets,
    decoder,
    limits,
    allowedHosts,
  }: Pick<ServerContext, "trainer" | "pictureSets" | "decoder" | "limits" | "allowedHosts">,
): void {
  const held = createConcurrencyLimit(limits.heldBytes, overloaded);

  app.post("/api/pictures", onlySameOrigin(allowedHosts), (c) => {
    requiredTrainer(trainer);
    return c.json({ id: pictureSets.create() }, 201);
  });

  app.post("/api/pictures/:id", onlySameOrigin(allowedHosts), async (c) => {
    requiredTrainer(trainer);
    const { class: className } = parseQuery(c.req, querySchema);
    const id = c.req.param("id");
    const type = mediaType(c.req);
    if (!type.startsWith("image/") && type !== OCTETS) {
      throw new HttpError(415, "unsupported_media_type", `Send a picture as image/* or ${OCTETS}.`);
    }
    return withBody(c.req, { mostBytes: limits.bodyBytes, held }, async (bytes) => {
      const target = { ...TRIAL, background: "auto", mostPixels: limits.pixels } as const;
      await decoder.prepare({ body: bytes, type, contentType: type, target });
      return c.json({ pictures: pictureSets.add(id, { className, bytes }) }, 201);
    });
  });

  app.delete("/api/pictures/:id", onlySameOrigin(allowedHosts), (c) => {
    requiredTrainer(trainer);
    const id = c.req.param("id");
    pictureSets.remove(id);
    return c.json({ id });
  });
}
