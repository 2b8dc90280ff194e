import { existsSync } from "node:fs";
import { UserError } from "../../errors.ts";
import { findModel, isBuiltInModel } from "../../models/index.ts";
import type { ImageTask, Model } from "../../nn/model.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { recipeFromJson } from "../../recipes/recipe-json.ts";
import type { AnyRunRecord, ImportedRunRecord, RunRecord } from "../run-record.ts";
import { networkSha256 } from "./hashes.ts";
import { loadRecipeFile } from "./recipe-file.ts";
import { RUN_FILES } from "./run-files.ts";

/**
 * The recipe of a run, from its record, with the built-in model of that name or the model of the recipe's file. The
 * file may have changed since, as long as its network computes the same.
 *
 * @param path of the run @param task its images and classes
 * @param own its model, if that is neither built-in nor in a file
 * @throws UserError when the file is missing, its network differs from the run's, or a program gave it and does not now
 */
export async function readRecipe(
  path: string,
  record: RunRecord,
  { task, own }: { task: ImageTask; own?: Model | undefined },
): Promise<Recipe> {
  const where = `${path}/${RUN_FILES.record}`;
  const { recipeFile } = record;
  const model = own ?? (recipeFile === undefined ? undefined : await modelOf(path, recipeFile));
  if (!model) {
    if (!record.recipe.backbone && !isBuiltInModel(record.model)) {
      throw new UserError(
        `the network "${record.model}" of ${path} was given by a program, and only that program has its layers: resume the run there, by resumeRun with the option model (evaluate and predict do not need it)`,
      );
    }
    return recipeFromJson(record.recipe, where);
  }
  const recipe = recipeFromJson(record.recipe, where, model);
  requireSameNetwork(path, record, { model, task, todo: "train anew" });
  return recipe;
}

/**
 * The model of imported weights: a built-in one, or that of its file.
 *
 * @param path of the run @param task its images and classes
 * @throws UserError when the file is missing, or its network differs from the imported one
 */
export async function readImportedModel(path: string, record: ImportedRunRecord, task: ImageTask): Promise<Model> {
  const { recipeFile } = record;
  const model = recipeFile === undefined ? findModel(record.model) : await modelOf(path, recipeFile);
  requireSameNetwork(path, record, { model, task, todo: "import the weights anew" });
  return model;
}

function requireSameNetwork(
  path: string,
  { networkSha256: expected, recipeFile }: AnyRunRecord,
  { model, task, todo }: { model: Model; task: ImageTask; todo: string },
): void {
  if (expected === undefined || networkSha256(model, task) === expected) return;
  const source = recipeFile ?? `the model "${model.name}"`;
  throw new UserError(
    `${source} has changed since ${path} began: its network is another one. Put it back as it was, or ${todo}; what is trained already is in ${path}/${RUN_FILES.model}, for which evaluate and predict need no recipe`,
  );
}

async function modelOf(path: string, recipeFile: string): Promise<Model> {
  if (!existsSync(recipeFile)) {
    throw new UserError(
      `${path} has its network from ${recipeFile}, which is not there any more; put it back (evaluate and predict do not need it)`,
    );
  }
  return (await loadRecipeFile(recipeFile)).model;
}
