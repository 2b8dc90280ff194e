import type { LoadedData } from "../../data/node/chain.ts";
import { normalizationOf, type TrainingDataOptions, trainingData } from "../../data/training-data.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import type { Device } from "../../runtime/webgpu/device.ts";
import { millisecondsPerStep } from "../trial.ts";
import { trainingValues } from "./picture-features.ts";

/** A trial of devices with a training's first steps. */
export function trainingTrial(
  { recipe, ...images }: TrainingDataOptions & { readonly recipe: Recipe },
  { train }: LoadedData,
  threads: number,
): (device: Device) => Promise<number> {
  return async ({ runtime }) => {
    const data = trainingData(train, images);
    const normalization = normalizationOf(data.train);
    const values = await trainingValues(recipe, data, { threads, report: () => {} });
    return millisecondsPerStep({ recipe, data: values, normalization, seed: 1, threads, runtime });
  };
}
