import type { LoadedData } from "../data/node/chain.ts";
import { UserError } from "../errors.ts";
import { type EvaluationSplit, evaluateRun } from "../evaluation/node/evaluate-run.ts";
import { seedSpread } from "../evaluation/significance.ts";
import type { StudyRun } from "../experiments/planned-run.ts";
import { planSeeds, type SeedlessRun } from "../experiments/planned-run.ts";
import { spreadText } from "../report/wording.ts";
import { openOutputFolder } from "../runs/node/output-folder.ts";
import { defaultRunPath } from "../runs/node/run-status.ts";
import { percent } from "../text.ts";
import type { OptionValues } from "./command.ts";
import { dataToTrain } from "./custom-data.ts";
import { whileInterruptible } from "./interrupt.ts";
import { type Output, sayNotKept } from "./output.ts";
import { lowering, path, seeds, threads } from "./parse.ts";
import { type Machine, trainAll } from "./train-planned.ts";

/** The file by which a folder of many seeds is known. */
const MARKER = "seeds.json";

/**
 * `train RECIPE --seeds N`: the recipe with seeds 1 to N, mean and spread of their accuracies. Asked again with the same
 * folder it goes on where it was; with more seeds it adds them.
 *
 * @returns the exit code
 */
export async function trainSeeds(
  runOn: (data: LoadedData) => SeedlessRun,
  { options, split }: { options: OptionValues; split: EvaluationSplit | undefined },
  output: Output,
): Promise<number | undefined> {
  if (options.seed !== undefined) {
    throw new UserError("--seeds trains seeds 1 to n; leave out --seed", { exitCode: 2 });
  }
  if (options.profile === true) {
    throw new UserError("--profile goes with a single run; leave out --seeds", { exitCode: 2 });
  }
  const count = seeds(options)!;
  const data = await dataToTrain(options, output);
  const run = runOn(data);
  const out = path(options, "out") ?? defaultRunPath(run.recipe.name, new Date());
  const planned = planSeeds(run, { seeds: count, pathOf: (seed) => `${out}/s${seed}` });
  const machine = {
    data,
    threads: threads(options),
    lowering: lowering(options),
    tensorboard: options.tensorboard === true,
  };
  const folder = openOutputFolder(out, MARKER);
  const { result: runs, interruptedBy } = await whileInterruptible(output.note, (isInterrupted) =>
    trainAll(planned, { ...machine, isInterrupted, onBegin: folder.begin }, output),
  );
  if (!runs) {
    output.note(`stopped; the same command with --out ${out} goes on where this one was`);
    return interruptedBy;
  }
  const result = await seedResults(runs, { out, split, machine }, output);
  folder.finish(result);
  output.result(result);
  return 0;
}

/** The accuracies on the split that was asked for; on the validation images if none was, and null if there are none. */
async function seedResults(
  runs: readonly StudyRun[],
  { out, split, machine }: { out: string; split: EvaluationSplit | undefined; machine: Machine },
  output: Output,
) {
  const rows: { run: string; seed: number; accuracy: number | null; seconds: number; weightsSha256: string }[] = [];
  for (const { path: run, seed, record } of runs) {
    const { seconds, weightsSha256, validationAccuracy } = record.result;
    const tested =
      split && (await evaluateRun(run, { ...machine, split, averageFlips: false, onNotKept: sayNotKept(output) }));
    const accuracy = tested ? tested.accuracy : validationAccuracy;
    rows.push({ run, seed, accuracy, seconds, weightsSha256 });
    output.say(`seed ${seed}: ${accuracy === null ? "not evaluated" : percent(accuracy)}, ${run}`);
  }
  const known = rows.flatMap(({ accuracy }) => accuracy ?? []);
  const accuracy = known.length > 0 ? seedSpread(known) : null;
  const evaluated = split ?? (accuracy ? "validation" : null);
  if (accuracy) output.say(`${evaluated} accuracy ${spreadText(accuracy)}`);
  return { folder: out, recipe: runs[0]!.recipe.name, split: evaluated, runs: rows, accuracy };
}
