import type { Context, Hono } from "hono";
import { z } from "zod";
import { trainingCount } from "../../data/training-data.ts";
import { RECIPES } from "../../recipes/index.ts";
import { MAX_EPOCHS } from "../../recipes/recipe.ts";
import type { ServerContext } from "../context.ts";
import { HttpError } from "../errors.ts";
import { onlySameOrigin } from "../guards.ts";
import { createConcurrencyLimit } from "../limits.ts";
import { mediaType, parseFields, parseJsonBody, withBody } from "../request.ts";
import type { Trainer } from "../trainer.ts";

const MAX_BODY_BYTES = 4096;
/** Batch norm needs two images. */
const MIN_IMAGES = 2;
/** Limit on all bodies together; these requests are small and few. */
const MAX_HELD_BYTES = 16 * MAX_BODY_BYTES;

const wishSchema = z.strictObject({
  recipe: z.string(),
  seed: z.int().min(0).default(1),
  epochs: z.int().min(1).max(MAX_EPOCHS).nullable().default(null),
  limit: z.int().min(1).nullable().default(null),
});

/** `POST /api/training` and `DELETE /api/training/:id`: start and stop a training. */
export function trainingRoutes(app: Hono, { trainer, data }: Pick<ServerContext, "trainer" | "data">): void {
  const held = createConcurrencyLimit(
    MAX_HELD_BYTES,
    () => new HttpError(503, "overloaded", "Too many trainings are asked for at once; try again in a moment."),
  );

  app.post("/api/training", onlySameOrigin, async (c) => {
    const allowed = required(trainer);
    const id = await allowed.start(await wishOf(c));
    return c.json({ id }, 202);
  });

  app.delete("/api/training/:id", onlySameOrigin, async (c) => {
    const id = c.req.param("id");
    await required(trainer).stop(id);
    return c.json({ id });
  });

  /**
   * @throws HttpError 400 when the request is invalid, 415 unless it is JSON, which a form of another site cannot send
   */
  async function wishOf(c: Context) {
    if (mediaType(c.req) !== "application/json") {
      throw new HttpError(415, "unsupported_media_type", "Send what to train as application/json.");
    }
    const wish = await withBody(c.req, { mostBytes: MAX_BODY_BYTES, held }, async (bytes) =>
      parseFields(parseJsonBody(bytes), wishSchema),
    );
    if (!RECIPES.some(({ name }) => name === wish.recipe)) {
      // Not findRecipe's message, which suggests files: those are not accepted from clients.
      const names = RECIPES.map(({ name }) => name).join(", ");
      throw new HttpError(400, "no_such_recipe", `There is no recipe "${wish.recipe}"; choose one of: ${names}.`);
    }
    const images = trainingCount((await data()).train);
    if (wish.limit !== null && (wish.limit < MIN_IMAGES || wish.limit > images)) {
      const range = `from ${MIN_IMAGES} to ${images}`;
      throw new HttpError(400, "bad_limit", `The limit must be ${range}, got ${wish.limit}.`);
    }
    return wish;
  }
}

function required(trainer: Trainer | null): Trainer {
  if (trainer) return trainer;
  throw new HttpError(403, "training_not_allowed", "This server trains nothing: start it with `allowTraining`.");
}
