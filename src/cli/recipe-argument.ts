import { FIELD_RECIPES, RECIPES } from "../recipes/index.ts";
import { currentRecipeName } from "../recipes/renamed.ts";
import { TRANSFER } from "../recipes/transfer.ts";
import type { Output } from "./output.ts";

/** Describes the argument that names a recipe. */
export const RECIPE_DESCRIPTION = `one of: ${RECIPES.map(({ name }) => name).join(", ")}; ${TRANSFER}, a classifier on a pretrained network (--backbone); a network of torchvision or timm: ${FIELD_RECIPES.map(({ name }) => name).join(", ")}; or a file that exports one (.js, .mjs, .ts, .mts) or holds it (.json)`;

/** Says so when a recipe was named as earlier versions called it. */
export function noteRenamed(recipeName: string | undefined, output: Output): void {
  if (recipeName === undefined) return;
  const current = currentRecipeName(recipeName);
  if (current !== recipeName) output.note(`recipe ${recipeName} is called ${current} now`);
}
