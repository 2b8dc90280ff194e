import { UserError } from "../errors.ts";
import { base } from "./base.ts";
import { baseLong } from "./base-long.ts";
import { baseSeed } from "./base-seed.ts";
import { enhanced } from "./enhanced.ts";
import { enhancedLong } from "./enhanced-long.ts";
import { enhancedSeed } from "./enhanced-seed.ts";
import { enhancedVflip } from "./enhanced-vflip.ts";
import type { Recipe } from "./recipe.ts";
import { tiny } from "./tiny.ts";

/** Every recipe that has a name. */
export const RECIPES: readonly Recipe[] = [
  base,
  enhanced,
  baseLong,
  enhancedLong,
  baseSeed,
  enhancedSeed,
  enhancedVflip,
  tiny,
];

/** @throws UserError that lists the recipes when there is none of this name */
export function findRecipe(name: string): Recipe {
  const recipe = RECIPES.find((candidate) => candidate.name === name);
  if (!recipe) {
    throw new UserError(
      `there is no recipe "${name}"; choose one of: ${RECIPES.map((r) => r.name).join(", ")}; or name a file that exports or holds one, such as ./my-recipe.mjs or ./best.json`,
      {
        exitCode: 2,
      },
    );
  }
  return recipe;
}
