import { UserError } from "../../errors.ts";
import { startFrom } from "../../recipes/start-from.ts";
import { openTrainingRun, type Run } from "../../runs/node/run-files.ts";
import { readRecipe } from "../../runs/node/run-recipe.ts";
import type { RunRecord } from "../../runs/run-record.ts";
import { openPretrained } from "./pretrained.ts";
import { type TrainedRun, toStandardError } from "./train-into.ts";
import { type ResumeOptions, trainNewRun } from "./train-run.ts";

/**
 * Trains a finished run's network on its pictures and those added since, new classes among them, as another run with the
 * same recipe. A head on a backbone is trained anew, on features that are kept of the earlier pictures. Any other network
 * starts from the run's weights, the head's rows of known classes included, and is fine-tuned.
 *
 * @param options `data` are the run's with what was added (`loadGrownPictures`)
 * @throws UserError (exit code 2) when the run is not finished or is one of several folds, and as `trainNewRun`
 */
export async function growRun(
  run: string | Run,
  { out }: { readonly out: string },
  options: Omit<ResumeOptions, "allowDifferent">,
): Promise<TrainedRun> {
  const { path, record } = openTrainingRun(run);
  requireGrowable({ path, record });
  const { channels, height, width } = options.data.train;
  const task = {
    channels,
    height,
    width,
    classes: record.data.classes?.length ?? options.data.train.classNames.length,
  };
  const own = await readRecipe(path, record, { task, own: options.model });
  const report = options.report ?? toStandardError;
  const recipe = own.backbone ? own : startFrom(own, (await openPretrained(path, own.model, report)).pretrained);
  const { recipeFile, fittedFrom, seed, trainOn, limit, data } = record;
  const grownFrom = { run: path, weightsSha256: record.result!.weightsSha256 };
  return trainNewRun(
    { recipe, recipeFile, fittedFrom, seed, trainOn, limit, grownFrom, out },
    { ...options, before: { train: data.trainImages, validation: data.validationImages } },
  );
}

/** @throws UserError (exit code 2) when a run's data cannot be grown */
export function requireGrowable({ path, record }: Run<RunRecord>): void {
  if (record.status !== "finished") {
    throw new UserError((w) => `${path} is not finished; resume it first${w.command("train", { resume: path })}`, {
      exitCode: 2,
    });
  }
  if (record.fold) {
    throw new UserError(`${path} is one fold of a cross-validation, whose images are divided anew; name another run`, {
      exitCode: 2,
    });
  }
  if (record.data.source !== "pictures") {
    throw new UserError(
      (w) =>
        `${path} was not trained on a folder of pictures, to which others can be added; train it for more epochs with ${w.option("epochs")}, or start a new run`,
      { exitCode: 2 },
    );
  }
}
