import { profileRun } from "../bench/profile.ts";
import { MIN_CONFIDENCE_IMAGES } from "../evaluation/confidence.ts";
import { type EvaluateRunOptions, type EvaluationSplit, evaluateRun } from "../evaluation/node/evaluate-run.ts";
import { overfittingText } from "../report/overfitting.ts";
import { runProfileLines } from "../report/profile-tables.ts";
import { accuracyLine } from "../report/wording.ts";
import { count, duration, megabytes, percent } from "../text.ts";
import type { TrainedRun } from "../training/node/train-into.ts";
import { type Output, sayNotKept } from "./output.ts";
import { reportTrained } from "./run-report.ts";
import { flag } from "./wording.ts";

/** What a finished training is evaluated and reported with. */
type Reporting = { split: EvaluationSplit | undefined; isProfiled: boolean; isReported: boolean } & Pick<
  EvaluateRunOptions,
  "data" | "threads" | "openModel"
>;

/** Evaluates a run that was just trained, makes its report, and says its results. @returns the exit code */
export async function sayTrained(
  { folder, record }: Extract<TrainedRun, { isFinished: true }>,
  { data, split, threads, openModel, isProfiled, isReported }: Reporting,
  output: Output,
): Promise<number> {
  const { result } = record;
  const metrics =
    split &&
    (await evaluateRun(folder, {
      data,
      split,
      averageFlips: false,
      threads,
      openModel,
      onNotKept: sayNotKept(output),
    }));
  output.say(
    `trained ${record.recipeName} in ${duration(result.seconds)}: ${count(result.imagesPerSecond)} images/s, peak memory ${megabytes(result.peakMemoryBytes)}`,
  );
  if (result.stoppedAfter !== undefined) {
    output.say(`stopped early, after epoch ${result.stoppedAfter} of ${record.epochs}`);
  }
  if (result.bestEpoch !== undefined) output.say(`weights of the best epoch, ${result.bestEpoch}`);
  if (result.validationAccuracy !== null && result.validationLoss !== null) {
    output.say(`validation accuracy ${percent(result.validationAccuracy)}, loss ${result.validationLoss.toFixed(4)}`);
  }
  if (metrics) output.say(accuracyLine(split, metrics));
  const { validationImages, folder: place } = record.data;
  if (place !== undefined && validationImages > 0 && validationImages < MIN_CONFIDENCE_IMAGES) {
    output.note(
      `No threshold for unknown pictures, and probabilities as they are: to fit them takes ${MIN_CONFIDENCE_IMAGES} validation images, here are ${validationImages}. Until then every picture gets a class; predict ${flag("unknownBelow")} P sets a threshold`,
    );
  }
  const overfitting = overfittingText(record);
  if (overfitting !== undefined) output.note(overfitting);
  const page = isReported
    ? await reportTrained(folder, { data, split, metrics, threads, openModel }, output)
    : undefined;
  if (page !== undefined) output.say(`report: ${page}`);
  output.say(`run: ${folder}`);
  const profile = isProfiled ? await profileRun(folder, { data, threads }) : undefined;
  for (const line of profile ? runProfileLines(profile) : []) output.say(line);
  const evaluation = metrics && {
    split,
    accuracy: metrics.accuracy,
    correct: metrics.correct,
    total: metrics.total,
    standardError: metrics.standardError,
    loss: metrics.loss,
  };
  output.result({
    run: folder,
    recipe: record.recipeName,
    model: record.model,
    seed: record.seed,
    epochs: record.epochs,
    ...result,
    ...(evaluation ? { evaluation } : {}),
    ...(profile ? { profile } : {}),
    ...(page === undefined ? {} : { report: page }),
  });
  return 0;
}
