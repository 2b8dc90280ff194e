import { loadFashionMnist } from "../../../src/data/node/fashion-mnist.ts";
import { findRecipe } from "../../../src/recipes/index.ts";
import { nodeRuntime } from "../../../src/runtime/node/index.ts";
import { trainNewRun } from "../../../src/training/node/train-run.ts";

/** Trains `base` for two epochs on some images into a folder: enough to recognise most garments. */
export async function trainedRun(out: string, { limit }: { limit: number }): Promise<void> {
  const recipe = { ...findRecipe("base"), epochs: 2, batchSize: 64 };
  const data = await loadFashionMnist();
  await trainNewRun({ recipe, seed: 1, trainOn: "split", limit, out }, { data, threads: 1, runtime: nodeRuntime });
}
