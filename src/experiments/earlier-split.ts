import { join } from "node:path";
import { z } from "zod";
import { EVALUATION_SPLITS, type EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import { readJsonIfThere } from "../runs/node/output-folder.ts";

/** Whatever else an experiment's result holds. */
const RESULT = z.looseObject({ split: z.enum(EVALUATION_SPLITS).nullish() });

/**
 * The images that an earlier call on the same folder evaluated its runs on, finished or not; undefined if it named none. A
 * call that does not name any goes on with them: other ones would silently replace the accuracies.
 *
 * @param marker the JSON file with the experiment's result
 * @throws UserError when it is damaged
 */
export function earlierSplit(folder: string, marker: string): EvaluationSplit | undefined {
  const todo = "say which images to evaluate on, and it is written anew";
  return readJsonIfThere(join(folder, marker), RESULT, todo)?.split ?? undefined;
}
