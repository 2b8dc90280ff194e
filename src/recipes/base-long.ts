import type { RandomErasing } from "../data/random-erasing.ts";
import { base } from "./base.ts";
import type { Recipe } from "./recipe.ts";

/** Zhong et al.'s (arXiv 1708.04896) with smaller rectangles: half of the images lose 2 to 20 % of their area. */
const randomErasing: RandomErasing = {
  probability: 0.5,
  areaFraction: [0.02, 0.2],
  aspectRatio: [0.3, 3.3],
  fill: "random",
};

/** The Base Model, trained as well as thirty epochs allow. How it was chosen: docs/log.md. */
export const baseLong: Recipe = {
  ...base,
  name: "base-long",
  description: "the Base Model at its best in 30 epochs: as base, with Muon, weight decay and random erasing",
  epochs: 30,
  optimizer: { kind: "muon", weightDecay: 0.05 },
  augmentation: { ...base.augmentation, randomErasing },
};
