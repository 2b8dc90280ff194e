import { enhanced as enhancedModel } from "../models/enhanced.ts";
import { base } from "./base.ts";
import type { Recipe } from "./recipe.ts";

/** The Enhanced Model, trained as well as twelve epochs allow. How it was chosen: docs/log.md. */
export const enhanced: Recipe = {
  ...base,
  name: "enhanced",
  description:
    "the Enhanced Model at its best in 12 epochs: Muon, one-cycle, label smoothing, alternating flips, 1 px shifts",
  model: enhancedModel,
  optimizer: { kind: "muon" },
};
