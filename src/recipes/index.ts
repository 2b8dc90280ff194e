import type { RandomErasing } from "../data/random-erasing.ts";
import { UserError } from "../errors.ts";
import { champion as championModel } from "../models/champion.ts";
import { FIELD_MODELS } from "../models/field/index.ts";
import { photos as photosModel } from "../models/photos.ts";
import { resnet18Kefth as kefthModel, resnet18 as resnet18Model } from "../models/resnet18.ts";
import { base as baseModel, enhanced as enhancedModel } from "../models/study.ts";
import { light as lightModel, tiny as tinyModel } from "../models/tiny.ts";
import type { Recipe } from "./recipe.ts";
import { currentRecipeName } from "./renamed.ts";

/** The Base Model; the best recipe found for twelve epochs. How it was chosen: docs/log.md. */
export const base: Recipe = {
  name: "base",
  description: "the Base Model at its best in 12 epochs: one-cycle, label smoothing, alternating flips, 1 px shifts",
  model: baseModel,
  epochs: 12,
  batchSize: 128,
  learningRate: 4e-3,
  schedule: { kind: "oneCycle", riseFraction: 0.25, divFactor: 10, finalDivFactor: 100, anneal: "linear" },
  optimizer: { kind: "adam" },
  labelSmoothing: 0.1,
  augmentation: { horizontalFlip: "alternating", shift: 1 },
};

/** The Enhanced Model; the best recipe found for twelve epochs. How it was chosen: docs/log.md. */
export const enhanced: Recipe = {
  ...base,
  name: "enhanced",
  description:
    "the Enhanced Model at its best in 12 epochs: Muon, one-cycle, label smoothing, alternating flips, 1 px shifts",
  model: enhancedModel,
  optimizer: { kind: "muon" },
};

/**
 * As in Zhong et al. (arXiv 1708.04896), but with smaller rectangles: half of the images lose 2 to 20 % of their area.
 */
const randomErasing: RandomErasing = {
  probability: 0.5,
  areaFraction: [0.02, 0.2],
  aspectRatio: [0.3, 3.3],
  fill: "random",
};

/** The Base Model; the best recipe found for thirty epochs. How it was chosen: docs/log.md. */
export const baseLong: Recipe = {
  ...base,
  name: "base-long",
  description: "the Base Model at its best in 30 epochs: as base, with Muon, weight decay and random erasing",
  epochs: 30,
  optimizer: { kind: "muon", weightDecay: 0.05 },
  augmentation: { ...base.augmentation, randomErasing },
};

/** The Enhanced Model, trained as `base-long` trains the Base Model. */
export const enhancedLong: Recipe = {
  ...baseLong,
  name: "enhanced-long",
  description: "the Enhanced Model trained for 30 epochs as base-long is: Muon, weight decay, random erasing",
  model: enhancedModel,
};

/** The study's Base Model, trained as in the study: plain Adam at a constant rate. */
export const baseStudy: Recipe = {
  name: "base-study",
  description: "the study's Base Model: Adam 1e-3 at a constant rate, horizontal flips",
  model: baseModel,
  epochs: 30,
  batchSize: 128,
  learningRate: 1e-3,
  schedule: { kind: "constant" },
  optimizer: { kind: "adam" },
  labelSmoothing: 0,
  augmentation: { horizontalFlip: "random" },
};

/** The study's Enhanced Model, trained as in the study: as its Base Model, with additional vertical flips. */
export const enhancedStudy: Recipe = {
  ...baseStudy,
  name: "enhanced-study",
  description: "the study's Enhanced Model: Adam 1e-3 at a constant rate, horizontal and vertical flips",
  model: enhancedModel,
  augmentation: { ...baseStudy.augmentation, verticalFlip: true },
};

/** `enhanced` with the study's vertical flips, to measure their effect. */
export const enhancedVflip: Recipe = {
  ...enhanced,
  name: "enhanced-vflip",
  description: "recipe enhanced with the study's random vertical flips added, to show what they do",
  augmentation: { ...enhanced.augmentation, verticalFlip: true },
};

/** The most accurate recipe found for under 25,000 parameters. How it was chosen: docs/tiny.md. */
export const tiny: Recipe = {
  ...base,
  name: "tiny",
  description: "a network of 23,866 parameters, long trained: Muon, one-cycle over 30 epochs, flips, 1 px shifts",
  model: tinyModel,
  epochs: 30,
  learningRate: 8e-3,
  optimizer: { kind: "muon" },
  labelSmoothing: 0.05,
};

/** `light`, trained as `tiny` is. Other networks of its cost were not compared. */
export const light: Recipe = {
  ...tiny,
  name: "light",
  description: "a network of 1.4 M multiply-adds, trained as tiny is, for 40 epochs",
  model: lightModel,
  epochs: 40,
};

/** `champion`, for an hour on two cores. What is known of it: docs/log.md. */
export const champion: Recipe = {
  ...baseLong,
  name: "champion",
  description: "a residual network of 257,754 parameters, 45 epochs: Muon, weight decay, larger random erasing",
  model: championModel,
  epochs: 45,
  augmentation: { ...base.augmentation, randomErasing: { ...randomErasing, areaFraction: [0.02, 0.33] } },
};

/** ResNet-18, trained as `enhanced` is, in as many epochs, so that the networks can be compared. */
export const resnet18: Recipe = {
  ...enhanced,
  name: "resnet18",
  description: "ResNet-18 of 11.2 M parameters, trained for 12 epochs as enhanced is",
  model: resnet18Model,
};

/** kefth's ResNet18, trained as `enhanced` is. */
export const resnet18Kefth: Recipe = {
  ...resnet18,
  name: "resnet18-kefth",
  description: "the network that kefth calls ResNet18, of 2.8 M parameters, trained for 12 epochs as enhanced is",
  model: kefthModel,
};

/**
 * kefth's ResNet18, trained as he published it (https://github.com/zalandoresearch/fashion-mnist/issues/25): Adam at its
 * default rate, batches of 256, flips in both directions and shifts. Not repeated are rotations and early stopping: the
 * epochs are those of the study's recipes.
 */
export const resnet18KefthPublished: Recipe = {
  ...baseStudy,
  name: "resnet18-kefth-published",
  description: "kefth's ResNet18 as published: Adam 1e-3 at a constant rate, horizontal and vertical flips, shifts",
  model: kefthModel,
  batchSize: 256,
  augmentation: { horizontalFlip: "random", verticalFlip: true, shift: 2 },
};

/** The network for photos, with augmentation for photos. Its values are usual ones, not yet tuned: docs/log.md. */
export const photos: Recipe = {
  ...base,
  name: "photos",
  description:
    "a residual network for photos, few ones too: Muon, one-cycle, crops, rotations, colours, random erasing",
  model: photosModel,
  epochs: 60,
  optimizer: { kind: "muon", weightDecay: 0.05 },
  augmentation: {
    horizontalFlip: "alternating",
    randomResizedCrop: { scale: [0.35, 1], ratio: [0.75, 1.33] },
    rotation: 10,
    colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.03 },
    blur: { probability: 0.1, sigma: [0.3, 1] },
    randomErasing: { ...randomErasing, probability: 0.25 },
  },
};

/** The built-in recipes. */
export const RECIPES: readonly Recipe[] = [
  base,
  enhanced,
  baseLong,
  enhancedLong,
  baseStudy,
  enhancedStudy,
  enhancedVflip,
  tiny,
  light,
  champion,
  resnet18,
  resnet18Kefth,
  resnet18KefthPublished,
  photos,
];

/** Whether a recipe is tailor's own, whose batch size and epochs may be adapted to the number of images. */
export function isBuiltIn(recipe: Recipe): boolean {
  return NAMED_RECIPES.includes(recipe) || recipe.backbone !== undefined;
}

/**
 * Recipes of the networks of torchvision and timm, by the networks' names: augmentation and epochs of `photos`, with AdamW.
 * Their values are usual ones, not tuned.
 */
export const FIELD_RECIPES: readonly Recipe[] = FIELD_MODELS.map((model) => ({
  ...photos,
  name: model.name,
  description: `${model.name}, trained on photos as photos is, but with AdamW; not tuned`,
  model,
  learningRate: 1e-3,
  optimizer: { kind: "adamw", weightDecay: 0.05 },
}));

/** Every recipe that has a name. */
export const NAMED_RECIPES: readonly Recipe[] = [...RECIPES, ...FIELD_RECIPES];

/**
 * Finds a recipe by its name, or by its name in an earlier version.
 *
 * @throws UserError that lists the recipes when there is none with this name
 */
export function findRecipe(name: string): Recipe {
  const recipe = NAMED_RECIPES.find((candidate) => candidate.name === currentRecipeName(name));
  if (!recipe) {
    throw new UserError(
      `there is no recipe "${name}"; choose one of: ${NAMED_RECIPES.map((r) => r.name).join(", ")}; or name a file that exports or holds one, such as ./my-recipe.mjs or ./best.json`,
      {
        exitCode: 2,
      },
    );
  }
  return recipe;
}
