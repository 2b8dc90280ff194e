/** Runs that were really trained, in a moment, on a few images. */
import { join } from "node:path";
import type { LoadedData } from "../../../src/data/node/chain.ts";
import { loadFashionMnist } from "../../../src/data/node/fashion-mnist.ts";
import { findRecipe } from "../../../src/recipes/index.ts";
import { nodeRuntime } from "../../../src/runtime/node/index.ts";
import { trainNewRun } from "../../../src/training/node/train-run.ts";
import { sharedFolder, smallDataFolder } from "../../training/support/small-data.ts";

export interface SmallRuns {
  /** The folder of all runs. */
  readonly runs: string;
  /** The folder of their data: 1200 images to train, 130 to test. */
  readonly dataFolder: string;
  readonly data: LoadedData;
}

/** Trains `base` for two epochs under each of these names, with seeds 1, 2, ... Call it at the top of a test file. */
export async function smallRuns(names: readonly string[]): Promise<SmallRuns> {
  const runs = join(sharedFolder(), "runs");
  const dataFolder = await smallDataFolder();
  const data = await loadFashionMnist({ folder: dataFolder });
  const recipe = { ...findRecipe("base"), epochs: 2, batchSize: 50 };
  for (const [i, name] of names.entries()) {
    await trainNewRun(
      { recipe, seed: i + 1, trainOn: "split", limit: null, out: join(runs, name) },
      { data, threads: 1, runtime: nodeRuntime },
    );
  }
  return { runs, dataFolder, data };
}
