import { sortedJson } from "../../formats/json.ts";
import { findModel } from "../../models/index.ts";
import type { ImageTask, Model } from "../../nn/model.ts";
import { modelFacts } from "../../nn/model-facts.ts";
import { recipeFromJson } from "../../recipes/recipe-json.ts";
import type { AnyRunRecord, RunRecord } from "../../runs/run-record.ts";

/** Origin of a run's weights. */
export interface RunOrigin {
  /** For imported weights the model, marked as imported. */
  readonly recipe: string;
  /** Null if unknown, as for imported weights; likewise epochs and seconds. */
  readonly seed: number | null;
  /** Equal for runs that differ only in their seeds. */
  readonly setting: string;
  readonly epochs: number | null;
  /** Training time; null also before its end. */
  readonly seconds: number | null;
}

/** Size and cost of a run's network. */
export interface RunCost {
  /** Number of trainable parameters. */
  readonly parameters: number;
  /** Of the forward pass of one image. */
  readonly multiplyAdds: number;
}

export function runOrigin(record: AnyRunRecord): RunOrigin {
  if (record.status === "imported") {
    const { model, weightsSha256 } = record;
    return {
      recipe: `${model} (imported)`,
      setting: JSON.stringify(["imported", weightsSha256]),
      seed: null,
      epochs: null,
      seconds: null,
    };
  }
  const { recipeName, seed, epochs, result } = record;
  return {
    recipe: recipeName,
    setting: sortedJson(settingOf(record)),
    seed,
    epochs,
    seconds: result?.seconds ?? null,
  };
}

/** Everything that decides a run's result but its seed: what it is called does not, nor which machine computed it. */
function settingOf({ recipe, networkSha256, functions, extendedFrom, limit, trainOn, fold, data }: RunRecord) {
  const { name: _, description: __, ...decisive } = recipe;
  const { files, folder, image, preparation } = data;
  // Of Fashion-MNIST, which records of older versions do not tell, there is one way to make images.
  const made = folder === undefined ? {} : { image, preparation };
  const images = { files: files.map(({ sha256 }) => sha256), ...made };
  const before = extendedFrom?.epochs;
  return { recipe: decisive, network: networkSha256, functions, before, limit, trainOn, fold, images };
}

/**
 * Cost of a run's network. Older records lack the multiply-adds, which are then computed from their model.
 *
 * @param fileName of the record, for error messages
 * @throws UserError when the record has neither the cost nor a model known to this version
 */
export function runCost(
  record: AnyRunRecord,
  { task, fileName }: { readonly task: ImageTask; readonly fileName: string },
): RunCost {
  const { parameters, multiplyAdds } = record;
  if (multiplyAdds !== undefined) return { parameters, multiplyAdds };
  const isImported = record.status === "imported";
  return costOf(isImported ? findModel(record.model) : recipeFromJson(record.recipe, fileName).model, task);
}

function costOf(model: Model, task: ImageTask): RunCost {
  const { parameters, multiplyAdds } = modelFacts(model, task);
  return { parameters, multiplyAdds };
}
