import { checkAugmentation } from "../../data/augmentation.ts";
import { imageTask, trainingData } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import type { Model } from "../../nn/model.ts";
import { checkRecipe } from "../../recipes/recipe.ts";
import { hasEventFile } from "../../runs/node/event-file.ts";
import { hasState, RUN_FILES, readRunRecord } from "../../runs/node/run-files.ts";
import { createRunFolder, resumeRunFolder } from "../../runs/node/run-folder.ts";
import { readRecipe } from "../../runs/node/run-recipe.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import { computation, type NewRun, newRecord } from "./new-run.ts";
import { checkResumable, checkSnapshot, decodeSnapshot } from "./resume.ts";
import { type TrainedRun, type TrainRunOptions, trainInto } from "./train-into.ts";

/**
 * Trains a recipe into a new run folder.
 *
 * @throws UserError when the recipe or an option is invalid, the folder is in use, or training diverges
 */
export async function trainNewRun(run: NewRun, options: TrainRunOptions): Promise<TrainedRun> {
  checkRecipe(run.recipe);
  const lowering = await chooseLowering(options.runtime, options.lowering);
  // Everything that can be refused is refused before the folder is touched.
  const data = trainingData(options.data.train, run);
  if (run.recipe.batchSize > data.train.count) {
    throw new UserError(
      `batch size ${run.recipe.batchSize} is more than the ${data.train.count} training images; use --batch-size ${data.train.count} or less`,
      { exitCode: 2 },
    );
  }
  if (data.validation?.count === 0) {
    throw new UserError(
      `${options.data.train.count} images to train with leave none to validate on; give more, or use --train-on all`,
      { exitCode: 2 },
    );
  }
  checkAugmentation(run.recipe.augmentation, data.train);
  const folder = createRunFolder(run.out);
  try {
    const record = newRecord(run, options, lowering, data);
    return await trainInto(folder, { recipe: run.recipe, record, lowering, data }, options);
  } finally {
    folder.close();
  }
}

/**
 * Resumes an interrupted run; one without state starts over.
 *
 * @param options.allowDifferent resume although the lowering or ONNX Runtime's version differs: the result is then not
 *   bitwise that of an uninterrupted run
 * @param options.model the run's model, if it is neither built-in nor from a recipe's file
 * @throws UserError when there is nothing to resume, the data is not the run's, or the computation would differ
 */
export async function resumeRun(
  path: string,
  options: TrainRunOptions & { readonly allowDifferent: boolean; readonly model?: Model },
): Promise<TrainedRun> {
  const before = readRunRecord(path);
  const recipe = await readRecipe(path, before, { task: imageTask(options.data.train), own: options.model });
  const lowering = await chooseLowering(options.runtime, options.lowering ?? before.lowering);
  const differences = checkResumable(path, before, { ...options, lowering });
  const { fittedFrom, recipeFile, seed, trainOn, limit } = before;
  const run = { recipe, fittedFrom, recipeFile, seed, trainOn, limit, out: path };
  // A damaged state is no reason to discard the run's other files: resumeRunFolder refuses it.
  if (before.status === "running" && !hasState(path)) {
    const tensorboard = options.tensorboard === true || hasEventFile(path);
    return trainNewRun(run, { ...options, lowering: lowering.kind, tensorboard });
  }

  const { folder, record, state } = resumeRunFolder(path);
  try {
    const fileName = `${path}/${RUN_FILES.state}`;
    const from = decodeSnapshot(state, fileName);
    const data = trainingData(options.data.train, run);
    checkSnapshot(from, fileName, { record, recipe, task: imageTask(data.train) });
    // The record then describes the last computation, as the weights cannot be reproduced by the first one.
    const now = differences.length === 0 ? record : { ...record, ...computation(options, lowering) };
    return await trainInto(folder, { recipe, record: now, lowering, data, from }, options);
  } finally {
    folder.close();
  }
}
