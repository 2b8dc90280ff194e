import { join, relative } from "node:path";
import { z } from "zod";
import { recipeToJson } from "../recipes/recipe.ts";
import { type OutputFolder, readJsonIfThere } from "../runs/node/output-folder.ts";
import { differingField, type PlannedRun } from "./planned-run.ts";
import type { ExperimentOptions } from "./train-all.ts";

/** Runs that diverged, by their folder in the sweep's: they are not trained again when the sweep is resumed. */
const DIVERGED = "diverged.json";

/** What is known of such a run. With another recipe, as its JSON, or other images it is another run. */
const divergedRun = z.object({
  message: z.string(),
  recipe: z.record(z.string(), z.unknown()),
  limit: z.number().nullable(),
  /** SHA-256 of the data's files. */
  files: z.array(z.string()),
});
type DivergedRuns = Record<string, z.infer<typeof divergedRun>>;

/** The runs of an experiment in the folder `out` that are known to diverge, from this call or an earlier one. */
export function divergedRuns(
  { out, limit }: { readonly out: string; readonly limit: number | null },
  folder: OutputFolder,
  { data }: Pick<ExperimentOptions, "data">,
): { has(run: PlannedRun): boolean; add(run: PlannedRun, message: string): void } {
  const runs = readDiverged(out);
  const files = data.files.map(({ sha256 }) => sha256);
  return {
    has({ path, recipe }) {
      const known = runs[relative(out, path)];
      return (
        known !== undefined &&
        known.limit === limit &&
        known.files.join() === files.join() &&
        differingField(known.recipe, recipe) === undefined
      );
    },
    add({ path, recipe }, message) {
      runs[relative(out, path)] = { message, recipe: recipeToJson(recipe), limit, files };
      folder.write(DIVERGED, `${JSON.stringify(runs, null, 2)}\n`);
    },
  };
}

function readDiverged(out: string): DivergedRuns {
  const todo = "remove it, and those runs are trained again";
  return readJsonIfThere(join(out, DIVERGED), z.record(z.string(), divergedRun), todo) ?? {};
}
