import { join, relative } from "node:path";
import { z } from "zod";
import { recipeToJson } from "../recipes/recipe.ts";
import { type OutputFolder, readJsonIfThere } from "../runs/node/output-folder.ts";
import { RUN_NOTES } from "./experiment-files.ts";
import { differingField, type FinishedRun, type PlannedRun, remainingWork, seedBySeed } from "./planned-run.ts";
import { type ExperimentOptions, type TrainAllOptions, trainAll } from "./train-all.ts";

/** What is known of such a run. With another recipe, as its JSON, or other images it is another run. */
const divergedRun = z.object({
  message: z.string(),
  recipe: z.record(z.string(), z.unknown()),
  limit: z.number().nullable(),
  /** SHA-256 of the data's files. */
  files: z.array(z.string()),
});
type DivergedRuns = Record<string, z.infer<typeof divergedRun>>;

/** The runs of an experiment that are known to diverge. */
export interface KnownDiverged {
  has(run: PlannedRun): boolean;
  add(run: PlannedRun, message: string): void;
}

/**
 * Trains sets of runs that differ only in their seeds, seed by seed. A run that diverges does not end the experiment, and
 * is remembered; with one diverged seed a set has no mean, so its other seeds are not trained.
 *
 * @returns the trained runs; undefined when it was interrupted: the same call resumes
 * @throws UserError as `trainAll` does
 */
export function trainSets(
  sets: readonly (readonly PlannedRun[])[],
  diverged: KnownDiverged,
  { onEvent = () => {}, ...options }: Omit<TrainAllOptions, "isWanted" | "isDivergedLeftOut">,
): Promise<FinishedRun[] | undefined> {
  const setOf = new Map(sets.flatMap((set) => set.map((run) => [run.path, set])));
  return trainAll(seedBySeed(sets), {
    ...options,
    isDivergedLeftOut: true,
    isWanted(run) {
      if (!setOf.get(run.path)!.some(diverged.has)) return true;
      return !diverged.has(run) && remainingWork(run, options).todo === "nothing";
    },
    onEvent(event) {
      onEvent(event);
      if (event.kind === "diverged") diverged.add(event.run, event.error.message);
    },
  });
}

/** The runs of an experiment in a folder that are known to diverge, from this call or an earlier one. */
export function divergedRuns(folder: OutputFolder, { data }: Pick<ExperimentOptions, "data">): KnownDiverged {
  const out = folder.path;
  const runs = readDiverged(out);
  const files = data.files.map(({ sha256 }) => sha256);
  return {
    has({ path, recipe, limit }) {
      const known = runs[relative(out, path)];
      return (
        known !== undefined &&
        known.limit === limit &&
        known.files.join() === files.join() &&
        differingField(known.recipe, recipe) === undefined
      );
    },
    add({ path, recipe, limit }, message) {
      runs[relative(out, path)] = { message, recipe: recipeToJson(recipe), limit, files };
      folder.write(RUN_NOTES.diverged, `${JSON.stringify(runs, null, 2)}\n`);
    },
  };
}

function readDiverged(out: string): DivergedRuns {
  const todo = "remove it, and those runs are trained again";
  return readJsonIfThere(join(out, RUN_NOTES.diverged), z.record(z.string(), divergedRun), todo) ?? {};
}
