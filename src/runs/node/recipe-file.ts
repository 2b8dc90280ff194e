import { register } from "node:module";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UserError } from "../../errors.ts";
import { quote } from "../../formats/json.ts";
import { findModel, MODELS } from "../../models/index.ts";
import type { Model } from "../../nn/index.ts";
import { findRecipe } from "../../recipes/index.ts";
import { checkOwnRecipe } from "../../recipes/own-recipe.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { parseJson } from "../parse-json.ts";
import { readOutsideFile } from "./export-files.ts";
import { refused, whatIsAt } from "./file-errors.ts";

/** Endings of files that may export a recipe, */
const MODULES = [".js", ".mjs", ".ts", ".mts"];
/** and of those that hold one: a recipe's JSON, its model one of tailor's by name. */
const JSON_ENDING = ".json";

let isRegistered = false;

/** Whether a word that stands for a recipe is the name of a file. */
export function isRecipeFile(word: string): boolean {
  return isModule(word) || extname(word) === JSON_ENDING;
}

/** Whether it is run to have the recipe, which its run's record then refers to; a recipe's JSON is in the record itself. */
function isModule(word: string): boolean {
  return MODULES.includes(extname(word));
}

/**
 * The recipe of a file: one that a JSON file holds, as `sweep` writes `best.json`, or that a JavaScript or TypeScript file
 * exports by default. In the latter, and in what it imports, `tailor` is this package, wherever the file lies. TypeScript
 * must be erasable: types only, no enums or namespaces.
 *
 * @throws UserError when there is no such file, it cannot be run, or what it exports is no recipe: names the field
 */
export async function loadRecipeFile(file: string): Promise<Recipe> {
  const path = resolve(file);
  const kind = whatIsAt(path);
  if (kind === "nothing") throw new UserError(`there is no file ${path}`, { exitCode: 2 });
  if (kind === "folder") throw refused(`${path} is a folder`, "name the file of a recipe");
  if (!isModule(path)) return checkOwnRecipe(withModel(readJson(path), path), path);
  if (!isRegistered) register("./recipe-hooks.js", import.meta.url);
  isRegistered = true;
  const module: { readonly default?: unknown } = await import(pathToFileURL(path).href).catch((cause: unknown) => {
    throw new UserError(`${path} cannot be run: ${reasonOf(cause)}`, { cause });
  });
  return checkOwnRecipe(module.default, path);
}

function readJson(path: string): unknown {
  // Decoded without the byte-order mark that some editors begin a file with.
  const text = new TextDecoder().decode(readOutsideFile(path).bytes);
  return parseJson(text, path, "a recipe is an object of its fields, as sweep's best.json");
}

/** The recipe's JSON with the model that it names. @throws UserError (exit code 2) when it names none of tailor's */
function withModel(json: unknown, path: string): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const name = "model" in json ? json.model : undefined;
  const model = MODELS.find((one) => one.name === name);
  if (!model) {
    const names = MODELS.map((one) => one.name).join(", ");
    throw refused(
      `${path}: recipe field "model": expected the name of one of tailor's, found ${quote(name)}`,
      `choose one of: ${names}; a network of your own is written in JavaScript or TypeScript`,
    );
  }
  return { ...json, model };
}

/** The recipe that a word names: one of tailor's, or the file of one. */
export async function recipeNamed(word: string): Promise<{ recipe: Recipe; recipeFile?: string }> {
  if (!isRecipeFile(word)) return { recipe: findRecipe(word) };
  const recipe = await loadRecipeFile(word);
  return isModule(word) ? { recipe, recipeFile: resolve(word) } : { recipe };
}

/** The whole path of the file whose model a word names; undefined when that is one of tailor's own. */
export function recipeFileOf(word: string): string | undefined {
  return isModule(word) ? resolve(word) : undefined;
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
