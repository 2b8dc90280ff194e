import { UserError } from "../errors.ts";
import type { EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import { trainSeeds } from "../experiments/seeds.ts";
import { spreadText } from "../report/wording.ts";
import { defaultRunPath } from "../runs/node/run-status.ts";
import { percent } from "../text.ts";
import type { PlannedTraining, TrainOptions } from "./commands/train.ts";
import { dataToTrain } from "./custom-data.ts";
import { chosenDevice, trialOf } from "./device.ts";
import { experimentDisplay } from "./experiment-display.ts";
import { whileInterruptible } from "./interrupt.ts";
import type { Output } from "./output.ts";
import { path, seeds, threads } from "./parse.ts";
import { reportSeeds, reportTrained } from "./run-report.ts";

/**
 * `train RECIPE --seeds N`: the recipe with seeds 1 to N, mean and spread of their accuracies.
 *
 * @returns the exit code
 */
export async function trainWithSeeds(
  { model, runOn }: PlannedTraining,
  { options, split }: { options: TrainOptions; split: EvaluationSplit | undefined },
  output: Output,
): Promise<number | undefined> {
  if (options.seed !== undefined) {
    throw new UserError("--seeds trains seeds 1 to n; leave out --seed", { exitCode: 2 });
  }
  if (options.profile === true) {
    throw new UserError("--profile goes with a single run; leave out --seeds", { exitCode: 2 });
  }
  const count = seeds(options)!;
  const data = await dataToTrain(options, output, model);
  const run = runOn(data);
  const out = path(options, "out") ?? defaultRunPath(run.recipe.name, new Date());
  const device = await chosenDevice(options.device ?? "cpu", trialOf(run, data, threads(options)), output);
  const show = experimentDisplay(output);
  const saySeed = ({ seed, run, accuracy }: { seed: number; run: string; accuracy: number | null }) =>
    output.say(`seed ${seed}: ${accuracy === null ? "not evaluated" : percent(accuracy)}, ${run}`);
  const { result, interruptedBy } = await whileInterruptible(output.note, (isInterrupted) =>
    trainSeeds(run, {
      out,
      seeds: count,
      split,
      data,
      threads: threads(options),
      lowering: options.lowering,
      runtime: device.runtime,
      tensorboard: options.tensorboard === true,
      isInterrupted,
      onEvent(event) {
        if (event.kind !== "evaluated") return show(event);
        saySeed({ seed: event.run.seed, run: event.run.path, accuracy: event.metrics.accuracy });
      },
    }),
  );
  if (!result) {
    output.note(`stopped; the same command with --out ${out} goes on where this one was`);
    return interruptedBy;
  }
  if (split === undefined) for (const one of result.runs) saySeed(one);
  if (result.accuracy) output.say(`${result.split} accuracy ${spreadText(result.accuracy)}`);
  if (options.skipReport !== true) {
    const runs = result.runs.map((one) => one.run);
    const hasNoImages = result.accuracy === null && runs.length > 1;
    if (hasNoImages) output.note("no report: the runs have no validation images and were not evaluated");
    const page = hasNoImages
      ? undefined
      : runs.length > 1
        ? await reportSeeds(out, runs, { data, split, threads: threads(options) }, output)
        : await reportTrained(runs[0]!, { data, split, threads: threads(options) }, output);
    if (page !== undefined) output.say(`report: ${page}`);
  }
  output.result({ ...result });
  return 0;
}
