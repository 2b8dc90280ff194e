import { enhanced } from "../models/enhanced.ts";
import { baseLong } from "./base-long.ts";
import type { Recipe } from "./recipe.ts";

/** The Enhanced Model, trained as `base-long` trains the Base Model. */
export const enhancedLong: Recipe = {
  ...baseLong,
  name: "enhanced-long",
  description: "the Enhanced Model trained for 30 epochs as base-long is: Muon, weight decay, random erasing",
  model: enhanced,
};
