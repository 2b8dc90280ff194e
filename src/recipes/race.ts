import { champion, sprint } from "../models/champion.ts";
import type { Model } from "../nn/index.ts";
import { base, champion as championRecipe } from "./index.ts";
import type { Recipe } from "./recipe.ts";

/** A target of the race, and tailor's own recipe for it. */
export interface RaceTarget {
  /** Mean test accuracy to reach, 0 to 1. */
  readonly accuracy: number;
  /** Minimum number of seeds: fewer where a run takes long. */
  readonly seeds: number;
  readonly recipe: Recipe;
}

/** Short trainings need no erasing and no weight decay. */
function racing(
  target: string,
  { model, ...changes }: Pick<Recipe, "model" | "epochs" | "learningRate"> & Partial<Recipe>,
): Recipe {
  return { ...base, ...named(target, model, changes.epochs), model, optimizer: { kind: "muon" }, ...changes };
}

/** Batches of 256 learn as much an epoch as those of 128, and Muon's cost is that of half as many steps. */
const SPRINT = { model: sprint, batchSize: 256, learningRate: 1.2e-2 } as const;

function named(target: string, { name }: Model, epochs: number): Pick<Recipe, "name" | "description"> {
  return { name: `race-${target}`, description: `for the race to ${target} %: ${name} in ${epochs} epochs` };
}

/** The targets, lowest first: 92.68 % is the study's best result. What is known of the recipes: docs/log.md. */
export const RACE_TARGETS: readonly RaceTarget[] = [
  { accuracy: 0.9268, seeds: 10, recipe: racing("92.68", { model: base.model, epochs: 4, learningRate: 4e-3 }) },
  { accuracy: 0.935, seeds: 10, recipe: racing("93.5", { ...SPRINT, epochs: 8 }) },
  { accuracy: 0.94, seeds: 10, recipe: racing("94", { ...SPRINT, epochs: 12 }) },
  { accuracy: 0.945, seeds: 5, recipe: racing("94.5", { model: champion, epochs: 10, learningRate: 8e-3 }) },
  { accuracy: 0.95, seeds: 5, recipe: { ...championRecipe, ...named("95", championRecipe.model, 25), epochs: 25 } },
];
