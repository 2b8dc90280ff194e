import { findModel } from "../models/index.ts";
import type { Model } from "../nn/index.ts";
import { recipeFromJson } from "../recipes/recipe-json.ts";
import type { AnyRunRecord } from "../runs/run-record.ts";

/** How a run came, or comes, to its weights. */
export interface RunOrigin {
  readonly model: Model;
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

/**
 * @param fileName of the record, for errors
 * @throws UserError when the record's recipe or model is none that this version knows
 */
export function runOrigin(record: AnyRunRecord, fileName: string): RunOrigin {
  if (record.status === "imported") {
    const { model, weightsSha256 } = record;
    return {
      model: findModel(model),
      recipe: `${model} (imported)`,
      setting: JSON.stringify(["imported", weightsSha256]),
      seed: null,
      epochs: null,
      seconds: null,
    };
  }
  const { recipeName, recipe, seed, epochs, limit, trainOn, result } = record;
  return {
    model: recipeFromJson(recipe, fileName).model,
    recipe: recipeName,
    setting: JSON.stringify([recipeName, recipe, limit, trainOn]),
    seed,
    epochs,
    seconds: result?.seconds ?? null,
  };
}
