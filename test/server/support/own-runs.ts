/** A run of pictures in colour, really trained in a moment. */
import { join } from "node:path";
import { loadCustomData } from "../../../src/data/node/custom-data.ts";
import { findRecipe } from "../../../src/recipes/index.ts";
import { nodeRuntime } from "../../../src/runtime/node/index.ts";
import { trainNewRun } from "../../../src/training/node/train-run.ts";
import { putClasses } from "../../data/picture-fixtures.ts";

/** Of the images that the pictures become. */
export const OWN_SIZE = 32;
export const OWN_CLASSES = ["blue jay", "leaf", "poppy"] as const;

/** Draws pictures of some classes and trains `base` on them, as colour images, into `folder/runs/NAME`. */
export async function ownRun(
  folder: string,
  { name = "own", size = OWN_SIZE, classes = OWN_CLASSES as readonly string[], learningRate = 2e-3, each = 30 } = {},
): Promise<{ runs: string; pictures: string }> {
  const [runs, pictures] = [join(folder, "runs"), join(folder, `pictures of ${name}`)];
  const counts = Object.fromEntries(classes.map((label) => [label, each]));
  await putClasses(pictures, counts, { width: 48, height: 40 });
  const recipe = { ...findRecipe("base"), epochs: 2, learningRate, batchSize: 16, augmentation: {} };
  await trainNewRun(
    { recipe, seed: 1, trainOn: "split", limit: null, out: join(runs, name) },
    { data: await loadCustomData(pictures, { size }), threads: 1, runtime: nodeRuntime },
  );
  return { runs, pictures };
}
