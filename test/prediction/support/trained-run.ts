import { findRecipe } from "../../../src/recipes/index.ts";
import { nodeRuntime } from "../../../src/runtime/node/index.ts";
import { trainNewRun } from "../../../src/training/node/train-run.ts";
import { fashionMnist } from "../../support/fashion-mnist.ts";

/** Trains `base` for two epochs on some images into a folder: enough to recognise most garments. */
export async function trainedRun(out: string, { limit }: { limit: number }): Promise<void> {
  const recipe = { ...findRecipe("base"), epochs: 2, batchSize: 64 };
  const data = await fashionMnist();
  await trainNewRun({ recipe, seed: 1, trainOn: "split", limit, out }, { data, threads: 1, runtime: nodeRuntime });
}
