import type { Hono } from "hono";
import { z } from "zod";
import type { PictureTarget } from "../../prediction/node/prepare-picture.ts";
import type { ServerContext } from "../context.ts";
import { overloaded } from "../errors.ts";
import { requireSameOrigin } from "../guards.ts";
import { createConcurrencyLimit } from "../limits.ts";
import type { OpenClassifier } from "../open-classifiers.ts";
import { pixelsOf, requirePictureType } from "../prediction-input.ts";
import { mediaType, parseJsonBody, parseQuery, withBody } from "../request.ts";

/** Maximum size per number of a JSON body: indented lists of rows need 14. */
const JSON_BYTES_PER_PIXEL = 32;
/** Maximum size of the rest of a JSON body. */
const JSON_BYTES_BESIDES = 1024;

const DEFAULT_TOP = 3;

const querySchema = z.object({
  run: z.string().optional(),
  show: z.enum(["0", "1"]).default("0"),
  top: z.coerce.number().int().min(1).default(DEFAULT_TOP),
  /** Default: the model's. */
  unknownBelow: z.coerce.number().min(0).max(1).optional(),
  background: z.enum(["auto", "light", "dark"]).default("auto"),
});
type Query = z.infer<typeof querySchema>;

/** `POST /api/predict`: classifies a picture. */
export function predictRoute(app: Hono, { catalog, classifiers, decoder, limits, allowedHosts }: ServerContext): void {
  const held = createConcurrencyLimit(limits.heldBytes, overloaded);
  const predictions = createConcurrencyLimit(limits.predictions, overloaded);

  const targetOf = ({ preparation, imageShape }: OpenClassifier, { background }: Query): PictureTarget => {
    return { preparation, imageShape, background, mostPixels: limits.pixels };
  };

  app.post("/api/predict", async (c) => {
    const query = parseQuery(c.req, querySchema);
    const run = query.run === undefined ? catalog.preferred() : catalog.find(query.run);
    const type = mediaType(c.req);
    const isJson = type === "application/json";
    const contentType = c.req.header("content-type") ?? "";
    if (!isJson) requirePictureType(type);
    // Unlike other types, a page of another site may send a form without asking first.
    if (type === "multipart/form-data") requireSameOrigin(c.req, allowedHosts);
    return classifiers.use(run, (classifier) => {
      const mostBytes = isJson ? jsonBytes(classifier.imageShape) : limits.bodyBytes;
      return withBody(c.req, { mostBytes, held }, async (bytes) => {
        const leave = predictions.enter();
        try {
          const pixels = isJson
            ? pixelsOf(parseJsonBody(bytes), classifier.imageShape)
            : await decoder.prepare({ body: bytes, type, contentType, target: targetOf(classifier, query) });
          const { label, probability, top } = await classifier.classify(pixels);
          const isUnknown = probability < (query.unknownBelow ?? classifier.unknownBelow);
          const answer = { run: run.id, label, probability, isUnknown, top: top.slice(0, query.top) };
          return c.json(query.show === "1" ? { ...answer, prepared: [...pixels] } : answer);
        } finally {
          leave();
        }
      });
    });
  });
}

function jsonBytes({ channels, height, width }: OpenClassifier["imageShape"]): number {
  return channels * height * width * JSON_BYTES_PER_PIXEL + JSON_BYTES_BESIDES;
}
