import { enhanced } from "../models/enhanced.ts";
import type { Recipe } from "./recipe.ts";

/** The study's Enhanced Model as it was trained: plain Adam at a constant rate, and vertical flips besides horizontal ones. */
export const enhancedSeed: Recipe = {
  name: "enhanced-seed",
  description: "the study's Enhanced Model: Adam 1e-3 at a constant rate, horizontal and vertical flips",
  model: enhanced,
  epochs: 20,
  batchSize: 128,
  learningRate: 1e-3,
  schedule: { kind: "constant" },
  optimizer: { kind: "adam" },
  labelSmoothing: 0,
  augmentation: { horizontalFlip: "random", verticalFlip: true },
};
