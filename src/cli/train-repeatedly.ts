import { UserError } from "../errors.ts";
import type { EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import { EXPERIMENT_MARKERS } from "../experiments/experiment-files.ts";
import { type SeedResult, splitOfRepeats, trainFolds, trainSeeds } from "../experiments/seeds.ts";
import { spreadText } from "../report/wording.ts";
import { defaultRunPath } from "../runs/node/run-status.ts";
import { percent, shellWord } from "../text.ts";
import { trainingTrial } from "../training/node/training-trial.ts";
import type { PlannedTraining, TrainOptions } from "./commands/train.ts";
import { dataToTrain } from "./custom-data.ts";
import { chosenDevice } from "./device.ts";
import { typedDistribution } from "./distribution.ts";
import { experimentDisplay, repeatText } from "./experiment-display.ts";
import { whileInterruptible } from "./interrupt.ts";
import type { Output } from "./output.ts";
import { folds, path, seeds, threads, wholeNumber } from "./parse.ts";
import { reportRepeats, reportTrained } from "./run-report.ts";

/**
 * `train RECIPE --seeds N` and `--folds K`: the recipe with seeds 1 to N, or validated on each of K folds; mean and
 * spread of the accuracies.
 *
 * @returns the exit code
 */
export async function trainRepeatedly(
  { recipe, runOn }: PlannedTraining,
  { options, split: asked }: { options: TrainOptions; split: EvaluationSplit | undefined },
  output: Output,
): Promise<number | undefined> {
  const repeats = repeatsOf(options);
  const trainRuns = typedDistribution(options);
  if (options.shard !== undefined && options.out === undefined) {
    throw new UserError("--shard needs --out: the folder of this shard", { exitCode: 2 });
  }
  const earlier = path(options, "out");
  const split =
    asked ?? (earlier === undefined ? undefined : splitOfRepeats(earlier, EXPERIMENT_MARKERS[repeats.kind]));
  if (asked === undefined && split !== undefined) output.note(`evaluated on the ${split} images, as before`);
  const data = await dataToTrain(options, output, recipe);
  const run = await runOn(data);
  const out = path(options, "out") ?? defaultRunPath(run.recipe.name, new Date());
  const device = await chosenDevice(options.device, trainingTrial(run, data, threads(options)), output);
  const show = experimentDisplay(output);
  const say = ({ run, accuracy, ...repeat }: Pick<SeedResult, "run" | "accuracy"> & Parameters<typeof repeatText>[0]) =>
    output.say(`${repeatText(repeat)}: ${accuracy === null ? "not evaluated" : percent(accuracy)}, ${run}`);
  const { result, interruptedBy } = await whileInterruptible(output.note, (isInterrupted) => {
    const shared = {
      out,
      split,
      data,
      threads: threads(options),
      lowering: options.lowering,
      ...device,
      trainRuns,
      tensorboard: options.tensorboard === true,
      isInterrupted,
      onEvent(event: Parameters<typeof show>[0]) {
        if (event.kind !== "evaluated") return show(event);
        say({ ...event.run, run: event.run.path, accuracy: event.metrics.accuracy });
      },
    };
    return repeats.kind === "seeds"
      ? trainSeeds(run, { ...shared, seeds: repeats.count })
      : trainFolds(run, { ...shared, folds: repeats.count, seed: repeats.seed });
  });
  if (!result) {
    if (interruptedBy !== undefined)
      output.note(`stopped; run the same command with --out ${shellWord(out)} to resume`);
    return interruptedBy;
  }
  if (split === undefined) {
    for (const { fold, ...one } of result.runs) {
      say({ ...one, fold: fold === undefined ? undefined : { number: fold, of: repeats.count } });
    }
  }
  if (result.accuracy) output.say(`${result.split} accuracy ${spreadText(result.accuracy)}`);
  if (options.skipReport !== true) {
    const runs = result.runs.map((one) => one.run);
    const hasNoImages = result.accuracy === null && runs.length > 1;
    if (hasNoImages) output.note("no report: the runs have no validation images and were not evaluated");
    const page = hasNoImages
      ? undefined
      : runs.length > 1
        ? await reportRepeats(out, runs, { data, split, threads: threads(options) }, output)
        : await reportTrained(runs[0]!, { data, split, threads: threads(options), ...device }, output);
    if (page !== undefined) output.say(`report: ${page}`);
  }
  output.result({ ...result });
  return 0;
}

/** What is repeated, and how often. @throws UserError when other options contradict it */
function repeatsOf(options: TrainOptions) {
  const count = folds(options);
  if (options.profile === true) {
    throw new UserError(`--profile goes with a single run; leave out ${count ? "--folds" : "--seeds"}`, {
      exitCode: 2,
    });
  }
  if (count === undefined) {
    if (options.seed !== undefined) {
      throw new UserError("--seeds trains seeds 1 to n; leave out --seed", { exitCode: 2 });
    }
    return { kind: "seeds", count: seeds(options)! } as const;
  }
  if (options.seeds !== undefined) {
    throw new UserError("--folds and --seeds are two ways to repeat a training; leave one out", { exitCode: 2 });
  }
  if (options.trainOn === "all") {
    throw new UserError("--folds validates on each fold in turn; leave out --train-on all", { exitCode: 2 });
  }
  return { kind: "folds", count, seed: wholeNumber(options, "seed", { least: 0 }) ?? 1 } as const;
}
