import { enhanced } from "../models/enhanced.ts";
import { baseSeed } from "./base-seed.ts";
import type { Recipe } from "./recipe.ts";

/** The study's Enhanced Model as it was trained: as its Base Model, and vertical flips besides the horizontal ones. */
export const enhancedSeed: Recipe = {
  ...baseSeed,
  name: "enhanced-seed",
  description: "the study's Enhanced Model: Adam 1e-3 at a constant rate, horizontal and vertical flips",
  model: enhanced,
  augmentation: { ...baseSeed.augmentation, verticalFlip: true },
};
