import { existsSync } from "node:fs";
import { register } from "node:module";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UserError } from "../errors.ts";
import { findModel } from "../models/index.ts";
import type { Model } from "../nn/index.ts";
import { findRecipe } from "../recipes/index.ts";
import { checkOwnRecipe } from "../recipes/own-recipe.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** Endings of files that may export a recipe. */
const ENDINGS = [".js", ".mjs", ".ts", ".mts"];

let isRegistered = false;

/** Whether a word that stands for a recipe is the name of a file. */
export function isRecipeFile(word: string): boolean {
  return ENDINGS.includes(extname(word));
}

/**
 * The recipe that a JavaScript or TypeScript file exports by default. In it, and in what it imports, `tailor` is this
 * package, wherever the file lies. TypeScript must be erasable: types only, no enums or namespaces.
 *
 * @throws UserError when there is no such file, it cannot be run, or what it exports is no recipe: names the field
 */
export async function loadRecipeFile(file: string): Promise<Recipe> {
  const path = resolve(file);
  if (!existsSync(path)) throw new UserError(`there is no file ${path}`, { exitCode: 2 });
  if (!isRegistered) register("./recipe-hooks.js", import.meta.url);
  isRegistered = true;
  const module: { readonly default?: unknown } = await import(pathToFileURL(path).href).catch((cause: unknown) => {
    throw new UserError(`${path} cannot be run: ${reasonOf(cause)}`, { cause });
  });
  return checkOwnRecipe(module.default, path);
}

/** The recipe that a word names: one of tailor's, or the file of one. */
export async function recipeNamed(word: string): Promise<{ recipe: Recipe; recipeFile?: string }> {
  if (!isRecipeFile(word)) return { recipe: findRecipe(word) };
  return { recipe: await loadRecipeFile(word), recipeFile: resolve(word) };
}

/** The whole path of the file that a word names; undefined when it names one of tailor's own. */
export function recipeFileOf(word: string): string | undefined {
  return isRecipeFile(word) ? resolve(word) : undefined;
}

/** The model that a word names: one of tailor's, or that of a recipe's file. */
export async function modelNamed(word: string): Promise<Model> {
  return isRecipeFile(word) ? (await loadRecipeFile(word)).model : findModel(word);
}

/** What went wrong, and where in the file if that is told. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /\(?(file:\/\/[^\s)]+:\d+(?::\d+)?)\)?/.exec(error.stack ?? "")?.[1];
  return `${error.message.trim()}${place === undefined ? "" : ` (${place})`}`;
}
