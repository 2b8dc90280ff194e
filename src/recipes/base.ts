import { base as baseModel } from "../models/base.ts";
import type { Recipe } from "./recipe.ts";

/** The Base Model, trained as well as twelve epochs allow. How it was chosen: docs/log.md. */
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
