import { enhanced } from "./enhanced.ts";
import type { Recipe } from "./recipe.ts";

/** What the study's vertical flips do to our recipe: all else is `enhanced`. */
export const enhancedVflip: Recipe = {
  ...enhanced,
  name: "enhanced-vflip",
  description: "recipe enhanced with the study's random vertical flips added, to show what they do",
  augmentation: { ...enhanced.augmentation, verticalFlip: true },
};
