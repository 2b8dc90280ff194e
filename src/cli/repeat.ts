import { sortedJson } from "../formats/json.ts";
import { MODELS } from "../models/index.ts";
import { fineTuneSchema, pretrainedSchema } from "../recipes/fine-tune.ts";
import { NAMED_RECIPES } from "../recipes/index.ts";
import { recipeToJson } from "../recipes/recipe.ts";
import type { Repeat } from "../report/run-page.ts";
import type { AnyRunRecord, RunRecord } from "../runs/run-record.ts";
import { shellWord } from "../text.ts";
import { commandLine } from "./wording.ts";

/** Name of the file that holds a recipe which is not known by a name. */
const RECIPE_FILE = "recipe.json";

/**
 * The command that trains a run again: by its recipe's name or file, with what options changed of it; else with a JSON
 * file of the recipe. Null for imported weights, and for a network that a program defined.
 */
export function repeatOf(record: AnyRunRecord): Repeat | null {
  if (record.status === "imported") return null;
  const { recipeFile, recipeName, recipe, epochs, batchSize, learningRate, model } = record;
  const options = trainOptions(record);
  const changed = {
    epochs: String(epochs),
    batchSize: String(batchSize),
    lr: String(learningRate),
    ...stopOptions(recipe),
  };
  const byName = (name: string, others = {}) => ({
    command: commandLine(`train ${shellWord(name)}`, { ...changed, ...others, ...options }),
  });
  if (recipeFile !== undefined) return byName(recipeFile, weightOptions(recipe));
  if (isBuiltIn(record)) return byName(recipeName);
  if (!recipe.backbone && !MODELS.some(({ name }) => name === model)) return null;
  const isOurs = NAMED_RECIPES.some(({ name }) => name === recipeName);
  // A recipe in a file has a name of its own.
  const own = isOurs ? { ...recipe, name: `${recipeName}-changed` } : recipe;
  return {
    command: commandLine(`train ${RECIPE_FILE}`, options),
    recipeFile: { name: RECIPE_FILE, text: JSON.stringify(own, null, 2) },
  };
}

/** Whether the recipe is tailor's of that name, but for what the options of `train` change. */
function isBuiltIn({ recipeName, recipe }: RunRecord): boolean {
  const ours = NAMED_RECIPES.find(({ name }) => name === recipeName);
  if (!ours) return false;
  const { epochs, batchSize, learningRate, patience, keep } = recipe;
  const changed = { epochs, batchSize, learningRate, patience, keep };
  return sortedJson({ ...recipeToJson(ours), ...changed }) === sortedJson(recipe);
}

function stopOptions({ patience, keep }: Readonly<Record<string, unknown>>) {
  return {
    patience: patience === undefined ? undefined : String(patience),
    keep: keep === undefined ? undefined : String(keep),
  };
}

/** The weights that a recipe in a file was given, and how it was fine-tuned. */
function weightOptions({ pretrained, fineTune }: Readonly<Record<string, unknown>>) {
  const weights = pretrainedSchema.safeParse(pretrained).data;
  if (!weights) return {};
  const { headEpochs = 0, earlyRate = 1, frozen = [], batchNorm } = fineTuneSchema.parse(fineTune ?? {});
  return {
    weights: weights.source ?? weights.file,
    headEpochs: String(headEpochs),
    earlyRate: String(earlyRate),
    freeze: frozen.length > 0 ? frozen.join(",") : undefined,
    freezeBatchNorm: batchNorm === "frozen",
  };
}

/** What is not of the recipe: seed, data and how it is computed. */
function trainOptions({ seed, data, limit, trainOn, lowering, gpu }: RunRecord) {
  const { folder, image, preparation } = data;
  const isSquare = image !== undefined && image.height === image.width;
  const own = {
    data: folder,
    size: isSquare ? String(image.height) : undefined,
    channels: image && String(image.channels),
    fit: preparation?.kind === "fit" ? preparation.fit : undefined,
  };
  return {
    seed: String(seed),
    ...(folder === undefined ? {} : own),
    limit: limit === null ? undefined : String(limit),
    trainOn: trainOn === "all" ? trainOn : undefined,
    ...(gpu ? { device: "gpu" } : { lowering }),
  };
}
