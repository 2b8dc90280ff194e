/** A run of pictures in colour, really trained in a moment. */
import { join } from "node:path";
import { loadOwnData } from "../../../src/data/sources/own-data.ts";
import { findRecipe } from "../../../src/recipes/index.ts";
import { nodeRuntime } from "../../../src/runtime/node/index.ts";
import { trainNewRun } from "../../../src/training/train-run.ts";
import { putClasses } from "../../data/picture-fixtures.ts";

/** Of the images that the pictures become. */
export const OWN_SIZE = 32;
export const OWN_CLASSES = ["blue jay", "leaf", "poppy"] as const;

/** Draws three classes of pictures in `folder/pictures` and trains `base` on them, as 3x32x32 images, into `folder/runs/own`. */
export async function ownRun(folder: string, { epochs = 4 } = {}): Promise<{ runs: string; pictures: string }> {
  const [runs, pictures] = [join(folder, "runs"), join(folder, "pictures")];
  const counts = Object.fromEntries(OWN_CLASSES.map((name) => [name, 30]));
  await putClasses(pictures, counts, { width: 48, height: 40 });
  const recipe = { ...findRecipe("base"), epochs, batchSize: 16, augmentation: {} };
  await trainNewRun(
    { recipe, seed: 1, trainOn: "split", limit: null, out: join(runs, "own") },
    { data: await loadOwnData(pictures, { size: OWN_SIZE }), threads: 1, runtime: nodeRuntime },
  );
  return { runs, pictures };
}
