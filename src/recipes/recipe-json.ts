import { z } from "zod";
import { UserError } from "../errors.ts";
import { describeIssues } from "../formats/json.ts";
import { findModel } from "../models/index.ts";
import type { Model } from "../nn/index.ts";
import { checkRecipe, type Recipe } from "./recipe.ts";

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

/** A recipe's fields that are plain data. */
export const recipeFields = z.strictObject({
  name: z.string(),
  description: z.string(),
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

/** A whole recipe; its model by name. */
export const recipeSchema = recipeFields.extend({ model: z.string() });

/** `recipe field "optimizer.momentum": expected number, found "0.9"`: what the value does not have right, the first of it. */
export function recipeProblem({ issues }: z.ZodError, value: unknown): string {
  const text = describeIssues(issues, value);
  return text.startsWith("field") ? `recipe ${text}` : `recipe: ${text}`;
}

/**
 * A recipe as a run's record holds it, with its model if that is one of tailor's.
 *
 * @param own the model, where it is not
 * @param where names the source in errors
 * @throws UserError that names the first field that is not as expected
 */
export function recipeFromJson(json: unknown, where: string, own?: Model): Recipe {
  const parsed = recipeSchema.safeParse(json);
  if (!parsed.success) throw new UserError(`${where}: ${recipeProblem(parsed.error, json)}`);
  const recipe: Recipe = { ...parsed.data, model: own ?? findModel(parsed.data.model) };
  checkRecipe(recipe);
  return recipe;
}
