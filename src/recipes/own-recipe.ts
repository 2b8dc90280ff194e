import { z } from "zod";
import { imageGeometrySchema } from "../data/image-set.ts";
import { messageOf, UserError } from "../errors.ts";
import { MODELS } from "../models/index.ts";
import type { Layer, Model } from "../nn/index.ts";
import { normalizationSchema } from "./fine-tune.ts";
import { NAMED_RECIPES } from "./index.ts";
import { checkRecipe, type Recipe } from "./recipe.ts";
import { recipeFields, recipeProblem } from "./recipe-json.ts";

/** Names are used as folder names. */
const NAME = /^[\w][\w.-]*$/;
const name = z.string().regex(NAME, "expected letters, digits, dots, hyphens and underscores");

const ownRecipe = recipeFields.extend({
  name,
  model: z.strictObject({
    name,
    layers: z.custom<Model["layers"]>(
      (value) => typeof value === "function",
      "expected a function that gives a list of layers",
    ),
    maxDefaultSize: z.int().min(1).exactOptional(),
    features: z.int().min(1).exactOptional(),
    published: z
      .strictObject({
        image: imageGeometrySchema,
        classes: z.int().min(1),
        normalization: normalizationSchema,
        otherNames: z.record(z.string(), z.string()).exactOptional(),
      })
      .exactOptional(),
  }),
});

/**
 * Validates a custom recipe: every field now, and the layers whenever they are created.
 *
 * @param where its source, for error messages
 * @throws UserError (exit code 2) that names the field and what was expected
 */
export function checkOwnRecipe(value: unknown, where: string): Recipe {
  if (value === undefined) {
    throw new UserError(`${where} has no default export; write: export default { name: ..., model: ..., ... }`, {
      exitCode: 2,
    });
  }
  const parsed = ownRecipe.safeParse(value);
  if (!parsed.success) throw new UserError(`${where}: ${recipeProblem(parsed.error, value)}`, { exitCode: 2 });
  const recipe = { ...parsed.data, model: checkedModel(parsed.data.model, where) };
  if (NAMED_RECIPES.some((other) => other.name === recipe.name)) {
    throw new UserError(
      `${where}: recipe field "name": "${recipe.name}" is a recipe of tailor's; choose another name`,
      {
        exitCode: 2,
      },
    );
  }
  try {
    checkRecipe(recipe);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${where}: ${error.message}`, { exitCode: 2, cause: error });
  }
  return recipe;
}

/** Returns a built-in model unchanged; a custom one with its layers validated each time they are created. */
function checkedModel(model: Model, where: string): Model {
  const ours = MODELS.find((other) => other.name === model.name);
  if (ours?.layers === model.layers) return ours;
  if (ours) {
    throw new UserError(
      `${where}: recipe field "model.name": "${model.name}" is a model of tailor's; choose another name`,
      {
        exitCode: 2,
      },
    );
  }
  return {
    name: model.name,
    maxDefaultSize: model.maxDefaultSize,
    features: model.features,
    published: model.published,
    layers: (task) => checkedLayers(() => model.layers(task), `${where}: model "${model.name}"`),
  };
}

function checkedLayers(make: () => unknown, where: string): readonly Layer[] {
  let layers: unknown;
  try {
    layers = make();
  } catch (error) {
    const reason = messageOf(error);
    throw new UserError(`${where}: layers() failed: ${reason}`, { exitCode: 2, cause: error });
  }
  if (!Array.isArray(layers) || layers.length === 0) {
    throw new UserError(`${where}: layers() must give a list of layers`, { exitCode: 2 });
  }
  const list: unknown[] = layers;
  const strange = list.findIndex((layer) => !isLayer(layer));
  if (strange >= 0) {
    throw new UserError(
      `${where}: entry ${strange} of the layers is no layer (${typeof list[strange]}); use conv2d(...), relu() and the like`,
      { exitCode: 2 },
    );
  }
  return list.filter(isLayer);
}

function isLayer(value: unknown): value is Layer {
  if (typeof value !== "object" || value === null) return false;
  return "forward" in value && typeof value.forward === "function" && "kind" in value && "description" in value;
}
