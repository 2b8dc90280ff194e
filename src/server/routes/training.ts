import type { Context, Hono } from "hono";
import { z } from "zod";
import { classWeightsOf } from "../../data/class-balance.ts";
import { trainingCount } from "../../data/training-data.ts";
import { UserError, valueOrUserError } from "../../errors.ts";
import { KEEP, type RecipeAdjustments, SAMPLING } from "../../recipes/adjust-recipe.ts";
import { RECIPES } from "../../recipes/index.ts";
import { MAX_EPOCHS } from "../../recipes/recipe.ts";
import { TRANSFER } from "../../recipes/transfer.ts";
import type { ServerContext } from "../context.ts";
import { HttpError } from "../errors.ts";
import { onlySameOrigin } from "../guards.ts";
import { createConcurrencyLimit } from "../limits.ts";
import { mediaType, parseFields, parseJsonBody, withBody } from "../request.ts";
import { requiredTrainer, type TrainingWish } from "../trainer.ts";

const MAX_BODY_BYTES = 4096;
/** Batch norm needs two images. */
const MIN_IMAGES = 2;
/** Limit on all bodies together; these requests are small and few. */
const MAX_HELD_BYTES = 16 * MAX_BODY_BYTES;

const positive = z.number().positive();

/** The fields of a recipe that clients may change, as options of `train`. */
const adjustmentFields = {
  epochs: z.int().min(1).max(MAX_EPOCHS).nullish(),
  batchSize: z.int().min(1).optional(),
  learningRate: positive.optional(),
  patience: z.int().min(1).optional(),
  keep: z.enum(KEEP).optional(),
  classWeights: z
    .union([z.enum(["balanced", "none"]), z.array(positive).min(1)], {
      error: 'expected "balanced", "none" or a list of numbers above 0, one for each class',
    })
    .optional(),
  sampling: z.enum(SAMPLING).optional(),
  maxGradientNorm: positive.optional(),
};

const wishSchema = z
  .strictObject({
    recipe: z.string(),
    backbone: z.string().optional(),
    pictures: z.string().optional(),
    seed: z.int().min(0).default(1),
    limit: z.int().min(1).nullable().default(null),
    ...adjustmentFields,
  })
  .transform(({ recipe, backbone, pictures, seed, limit, epochs, ...adjustments }) => ({
    recipe,
    backbone,
    pictures,
    seed,
    limit,
    adjustments: { ...adjustments, epochs: epochs ?? undefined } satisfies RecipeAdjustments,
  }));

/** `POST /api/training` and `DELETE /api/training/:id`: start and stop a training. */
export function trainingRoutes(
  app: Hono,
  {
    trainer,
    data,
    backbones,
    pictureSets,
    allowedHosts,
  }: Pick<ServerContext, "trainer" | "data" | "backbones" | "pictureSets" | "allowedHosts">,
): void {
  const held = createConcurrencyLimit(
    MAX_HELD_BYTES,
    () => new HttpError(503, "overloaded", "Too many trainings are asked for at once; try again in a moment."),
  );

  app.post("/api/training", onlySameOrigin(allowedHosts), async (c) => {
    const allowed = requiredTrainer(trainer);
    const { pictures, ...wish } = await wishOf(c);
    const id = pictures === undefined ? await allowed.start(wish) : await startOn(pictures, wish);
    return c.json({ id }, 202);
  });

  app.delete("/api/training/:id", onlySameOrigin(allowedHosts), async (c) => {
    const id = c.req.param("id");
    await requiredTrainer(trainer).stop(id);
    return c.json({ id });
  });

  /** Trains on pictures that were sent before; they stay if it does not begin. */
  async function startOn(pictures: string, wish: TrainingWish): Promise<string> {
    const { folder, giveBack } = pictureSets.take(pictures);
    try {
      return await requiredTrainer(trainer).start({ ...wish, data: { folder } });
    } catch (error) {
      giveBack();
      throw error;
    }
  }

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
    const from = backboneOf(wish);
    // What fits these pictures is known when they are read.
    if (wish.pictures !== undefined) return { ...wish, ...from };
    const { train } = await data();
    const images = trainingCount(train);
    if (wish.limit !== null && (wish.limit < MIN_IMAGES || wish.limit > images)) {
      const range = `from ${MIN_IMAGES} to ${images}`;
      throw new HttpError(400, "bad_limit", `The limit must be ${range}, got ${wish.limit}.`);
    }
    const { batchSize, classWeights } = wish.adjustments;
    const used = wish.limit ?? images;
    if (batchSize !== undefined && batchSize > used) {
      const range = `from 1 to the number of training images, ${used}`;
      throw new HttpError(400, "bad_batch_size", `The batchSize must be ${range}, got ${batchSize}.`);
    }
    if (Array.isArray(classWeights)) {
      const refused = valueOrUserError(() => classWeightsOf(train, classWeights));
      if (refused instanceof UserError)
        throw new HttpError(400, "bad_class_weights", `The body is wrong: ${refused.message}.`);
    }
    return { ...wish, ...from };
  }

  /** @throws HttpError 400 when there is no such recipe, or it has no backbone; 404 when there is no such backbone */
  function backboneOf({ recipe, backbone }: { recipe: string; backbone?: string | undefined }) {
    if (recipe === TRANSFER) {
      const found = backbones.find(backbone);
      return { backbone: found.backbone, isRangeSupposed: found.isRangeSupposed };
    }
    const names = RECIPES.map(({ name }) => name);
    if (!names.includes(recipe)) {
      // Not findRecipe's message, which suggests files: those are not accepted from clients.
      const known = [...names, TRANSFER].join(", ");
      throw new HttpError(400, "no_such_recipe", `There is no recipe "${recipe}"; choose one of: ${known}.`);
    }
    if (backbone === undefined) return { backbone: undefined, isRangeSupposed: false };
    throw new HttpError(
      400,
      "bad_backbone",
      `A backbone is for the recipe ${TRANSFER}, but the recipe is ${recipe}; leave it out, or train ${TRANSFER}.`,
    );
  }
}
