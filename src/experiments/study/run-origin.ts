import { findModel } from "../../models/index.ts";
import type { ImageTask, Model } from "../../nn/model.ts";
import { modelFacts } from "../../nn/model-facts.ts";
import { recipeFromJson } from "../../recipes/recipe-json.ts";
import type { AnyRunRecord } from "../../runs/run-record.ts";

/** How a run came, or comes, to its weights. */
export interface RunOrigin {
  /** Of imported weights: the model, and that they were imported. */
  readonly recipe: string;
  /** Null: not known, as of imported weights; so are epochs and seconds. */
  readonly seed: number | null;
  /** Two runs of which this is equal differ in their seeds only. */
  readonly setting: string;
  readonly epochs: number | null;
  /** Of training; null before its end too. */
  readonly seconds: number | null;
}

/** What a run's network costs. */
export interface RunCost {
  /** Trainable numbers. */
  readonly parameters: number;
  /** Of one image, forward. */
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
  const { recipeName, recipe, networkSha256, seed, epochs, limit, trainOn, result } = record;
  return {
    recipe: recipeName,
    setting: JSON.stringify([recipeName, recipe, networkSha256 ?? null, limit, trainOn]),
    seed,
    epochs,
    seconds: result?.seconds ?? null,
  };
}

/**
 * Cost of a run's network. Older records do not tell the multiply-adds, which then follow from their model.
 *
 * @param fileName of the record, for errors
 * @throws UserError when the record tells neither its cost nor a model that this version knows
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
