import { z } from "zod";
import { UserError } from "../errors.ts";
import { backboneSchema } from "../formats/backbone.ts";
import { describeIssues } from "../formats/json.ts";
import { findModel } from "../models/index.ts";
import type { Model } from "../nn/index.ts";
import { fineTuneSchema, pretrainedSchema } from "./fine-tune.ts";
import { checkRecipe, type Recipe } from "./recipe.ts";
import { TRANSFER, transferHead } from "./transfer.ts";

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

/** Schema of a recipe's fields except its model. */
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
    mixing: z
      .strictObject({ kind: z.enum(["mixup", "cutmix"]), probability: z.number(), alpha: z.number() })
      .exactOptional(),
    randomResizedCrop: z.strictObject({ scale: range, ratio: range }).exactOptional(),
    rotation: z.number().exactOptional(),
    zoom: range.exactOptional(),
    colorJitter: z
      .strictObject({
        brightness: z.number().exactOptional(),
        contrast: z.number().exactOptional(),
        saturation: z.number().exactOptional(),
        hue: z.number().exactOptional(),
      })
      .exactOptional(),
    blur: z.strictObject({ probability: z.number(), sigma: range }).exactOptional(),
  }),
  averaging: z.strictObject({ kind: z.literal("exponential"), decay: z.number() }).exactOptional(),
  classWeights: z.union([z.literal("balanced"), z.array(z.number())]).exactOptional(),
  sampling: z.literal("balanced").exactOptional(),
  maxGradientNorm: z.number().exactOptional(),
  patience: z.number().exactOptional(),
  keep: z.enum(["best", "last"]).exactOptional(),
  backbone: backboneSchema.exactOptional(),
  hidden: z.number().exactOptional(),
  views: z.strictObject({ count: z.number(), seed: z.number() }).exactOptional(),
  pretrained: pretrainedSchema.exactOptional(),
  fineTune: fineTuneSchema.exactOptional(),
});

/** Schema of a recipe, with its model's name. */
export const recipeSchema = recipeFields.extend({ model: z.string() });

/** The first problem: `recipe field "optimizer.momentum": expected number, found "0.9"`. */
export function recipeProblem({ issues }: z.ZodError, value: unknown): string {
  const text = describeIssues(issues, value);
  return text.startsWith("field") ? `recipe ${text}` : `recipe: ${text}`;
}

/**
 * Parses the recipe of a run's record, and looks up its model among the built-in ones.
 *
 * @param own the model, if it is a custom one
 * @param where its source, for error messages
 * @throws UserError that names the first invalid field
 */
export function recipeFromJson(json: unknown, where: string, own?: Model): Recipe {
  const parsed = recipeSchema.safeParse(json);
  if (!parsed.success) throw new UserError(`${where}: ${recipeProblem(parsed.error, json)}`);
  const { backbone, model, hidden } = parsed.data;
  const head = backbone && model === TRANSFER ? transferHead(backbone, hidden) : undefined;
  const recipe: Recipe = { ...parsed.data, model: own ?? head ?? findModel(model) };
  checkRecipe(recipe);
  return recipe;
}
