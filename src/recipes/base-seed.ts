import { base } from "../models/base.ts";
import type { Recipe } from "./recipe.ts";

/** The study's Base Model as it was trained: plain Adam at a constant rate. */
export const baseSeed: Recipe = {
  name: "base-seed",
  description: "the study's Base Model: Adam 1e-3 at a constant rate, horizontal flips",
  model: base,
  epochs: 30,
  batchSize: 128,
  learningRate: 1e-3,
  schedule: { kind: "constant" },
  optimizer: { kind: "adam" },
  labelSmoothing: 0,
  augmentation: { horizontalFlip: "random" },
};
