import { register } from "node:module";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UserError } from "../../errors.ts";
import { backboneSchema } from "../../formats/backbone.ts";
import { quote } from "../../formats/json.ts";
import { findModel, MODELS } from "../../models/index.ts";
import type { Model } from "../../nn/index.ts";
import { packageFile } from "../../package-files.ts";
import { findRecipe } from "../../recipes/index.ts";
import { checkOwnRecipe } from "../../recipes/own-recipe.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { TRANSFER, transferHead } from "../../recipes/transfer.ts";
import { parseJson } from "../parse-json.ts";
import { readOutsideFile } from "./export-files.ts";
import { refused, whatIsAt } from "./file-errors.ts";

/** Extensions of modules that may export a recipe. */
const MODULES = [".js", ".mjs", ".ts", ".mts"];
/** Extension of files that contain a recipe as JSON, with the name of a built-in model. */
const JSON_ENDING = ".json";

let isRegistered = false;

/** Whether a recipe argument is a file name. */
export function isRecipeFile(word: string): boolean {
  return isModule(word) || extname(word) === JSON_ENDING;
}

/**
 * Whether a file is a module, to which the run's record then refers; a JSON recipe is contained in the record itself.
 */
function isModule(word: string): boolean {
  return MODULES.includes(extname(word));
}

/**
 * Loads a recipe from a file: a JSON file, such as `best.json` of `sweep`, or the default export of a JavaScript or
 * TypeScript file. In the latter and its imports, `tailor` resolves to this package, wherever the file is. TypeScript
 * must be erasable: types only, no enums or namespaces.
 *
 * @throws UserError when the file is missing, cannot be run, or does not export a valid recipe (names the field)
 */
export async function loadRecipeFile(file: string): Promise<Recipe> {
  const path = resolve(file);
  const kind = whatIsAt(path);
  if (kind === "nothing") throw new UserError(`there is no file ${path}`, { exitCode: 2 });
  if (kind === "folder") throw refused(`${path} is a folder`, "name the file of a recipe");
  if (!isModule(path)) return checkOwnRecipe(withModel(readJson(path), path), path);
  if (!isRegistered) register(pathToFileURL(packageFile("dist/runs/node/recipe-hooks.js")));
  isRegistered = true;
  const module: { readonly default?: unknown } = await import(pathToFileURL(path).href).catch((cause: unknown) => {
    throw new UserError(`${path} cannot be run: ${reasonOf(cause)}`, { cause });
  });
  return checkOwnRecipe(module.default, path);
}

function readJson(path: string): unknown {
  // Removes the byte-order mark that some editors write.
  const text = new TextDecoder().decode(readOutsideFile(path).bytes);
  return parseJson(text, path, "a recipe is an object of its fields, as sweep's best.json");
}

/**
 * The recipe's JSON with the model that it names.
 *
 * @throws UserError (exit code 2) when there is no such built-in model
 */
function withModel(json: unknown, path: string): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const name = "model" in json ? json.model : undefined;
  const backbone = "backbone" in json ? backboneSchema.safeParse(json.backbone) : undefined;
  // What is wrong with a backbone is said with the recipe's other fields.
  const hidden = "hidden" in json && typeof json.hidden === "number" ? json.hidden : undefined;
  if (name === TRANSFER && backbone?.success) return { ...json, model: transferHead(backbone.data, hidden) };
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

/** The recipe of an argument: the name of a built-in one, or a recipe's file. */
export async function recipeNamed(word: string): Promise<{ recipe: Recipe; recipeFile?: string }> {
  if (!isRecipeFile(word)) return { recipe: findRecipe(word) };
  const recipe = await loadRecipeFile(word);
  return isModule(word) ? { recipe, recipeFile: resolve(word) } : { recipe };
}

/** Absolute path of the recipe's file that an argument names; undefined for a built-in model. */
export function recipeFileOf(word: string): string | undefined {
  return isModule(word) ? resolve(word) : undefined;
}

/** The model of an argument: the name of a built-in one, or a recipe's file. */
export async function modelNamed(word: string): Promise<Model> {
  return isRecipeFile(word) ? (await loadRecipeFile(word)).model : findModel(word);
}

/** The error message, with the position in the file if known. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /\(?(file:\/\/[^\s)]+:\d+(?::\d+)?)\)?/.exec(error.stack ?? "")?.[1];
  return `${error.message.trim()}${place === undefined ? "" : ` (${place})`}`;
}
