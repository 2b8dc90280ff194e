import { z } from "zod";
import { UserError } from "../errors.ts";
import { findModel } from "../models/index.ts";
import { checkRecipe, type Recipe } from "./recipe.ts";

/** A recipe as a run's record holds it (`recipeToJson`), read back. */

const warmUp = z.strictObject({ epochs: z.number(), startFactor: z.number() });

const schedule = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant"), warmUp: warmUp.exactOptional() }),
  z.strictObject({
    kind: z.literal("step"),
    everyEpochs: z.number(),
    factor: z.number(),
    warmUp: warmUp.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal("cosine"),
    finalFactor: z.number().exactOptional(),
    warmUp: warmUp.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal("oneCycle"),
    riseFraction: z.number(),
    divFactor: z.number(),
    finalDivFactor: z.number(),
    anneal: z.enum(["linear", "cosine"]),
  }),
]);

const adamOptions = {
  betas: z.tuple([z.number(), z.number()]).exactOptional(),
  epsilon: z.number().exactOptional(),
  weightDecay: z.number().exactOptional(),
};

const optimizer = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("sgd"),
    momentum: z.number().exactOptional(),
    nesterov: z.boolean().exactOptional(),
    weightDecay: z.number().exactOptional(),
  }),
  z.strictObject({ kind: z.literal("adam"), ...adamOptions }),
  z.strictObject({ kind: z.literal("adamw"), ...adamOptions }),
  z.strictObject({
    kind: z.literal("muon"),
    momentum: z.number().exactOptional(),
    weightDecay: z.number().exactOptional(),
  }),
]);

const range = z.tuple([z.number(), z.number()]);

export const recipeSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  model: z.string(),
  epochs: z.number(),
  batchSize: z.number(),
  learningRate: z.number(),
  schedule,
  optimizer,
  labelSmoothing: z.number(),
  augmentation: z.strictObject({
    horizontalFlip: z.enum(["random", "alternating"]).exactOptional(),
    verticalFlip: z.boolean().exactOptional(),
    shift: z.number().exactOptional(),
    randomErasing: z
      .strictObject({
        probability: z.number(),
        areaFraction: range,
        aspectRatio: range,
        fill: z.enum(["zero", "random"]),
      })
      .exactOptional(),
  }),
  averaging: z.strictObject({ kind: z.literal("exponential"), decay: z.number() }).exactOptional(),
});

/**
 * @param where names the source in errors
 * @throws UserError that names the first field that is not as expected
 */
export function recipeFromJson(json: unknown, where: string): Recipe {
  const parsed = recipeSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new UserError(`${where}: recipe field "${issue.path.join(".")}": ${issue.message}`);
  }
  const recipe: Recipe = { ...parsed.data, model: findModel(parsed.data.model) };
  checkRecipe(recipe);
  return recipe;
}
