import { loadFashionMnist } from "../../data/node/fashion-mnist.ts";
import { trainingCount } from "../../data/training-data.ts";
import { evaluateRun } from "../../evaluation/node/evaluate-run.ts";
import { EXPERIMENT_MARKERS } from "../../experiments/experiment-files.ts";
import type { FinishedRun } from "../../experiments/planned-run.ts";
import { assembleReport, type TestedRun } from "../../experiments/study/assemble.ts";
import { planStudy, type StudyOptions } from "../../experiments/study/plan.ts";
import { studySetting, studySummary } from "../../experiments/study/summary.ts";
import { type ExperimentOptions, trainAll } from "../../experiments/train-all.ts";
import type { StudyReport } from "../../report/report-data.ts";
import { studyTables, tableLines } from "../../report/tables.ts";
import { accuracyLine } from "../../report/wording.ts";
import { openOutputFolder } from "../../runs/node/output-folder.ts";
import { trainingTrial } from "../../training/node/training-trial.ts";
import { defineCommand, type OptionSpec, type OptionsOf } from "../command.ts";
import { DATA_OPTION, DEVICE_OPTION, THREADS_OPTION } from "../common-options.ts";
import { chosenDevice } from "../device.ts";
import { DISTRIBUTION_OPTIONS, typedDistribution } from "../distribution.ts";
import { whileResumable } from "../experiment-display.ts";
import { type Output, sayNotKept } from "../output.ts";
import { path, seeds, threads } from "../parse.ts";
import { commandLine } from "../wording.ts";

const OPTIONS = [
  { flags: "--quick", description: "a small study of two to three minutes: its figures are no result" },
  { flags: "--faithful", description: "train the study's own recipes too (base-study, enhanced-study)" },
  {
    flags: "--with-resnet18",
    description: "train ResNet18 too, with our recipe and as published, and the champion: many hours on two cores",
  },
  { flags: "--seeds <n>", description: "runs of each recipe, with seeds 1 to n", default: "1" },
  { flags: "--out <folder>", description: "where everything goes", default: "study; study-quick with --quick" },
  DATA_OPTION,
  THREADS_OPTION,
  DEVICE_OPTION,
  ...DISTRIBUTION_OPTIONS,
] as const satisfies readonly OptionSpec[];
type Options = OptionsOf<typeof OPTIONS>;

export const study = defineCommand({
  name: "study",
  arguments: [],
  options: OPTIONS,
  examples: [
    "node bin/tailor.js study",
    "node bin/tailor.js study --quick",
    "node bin/tailor.js study --faithful --seeds 3 --out study-3",
    "node bin/tailor.js study --with-resnet18 --seeds 3 --out study-resnet18",
  ],
  async run(_arguments, options, output) {
    const asked = studyOptions(options);
    const trainRuns = typedDistribution(options);
    const threadCount = threads(options);
    const data = await loadFashionMnist({ folder: path(options, "data"), report: output.note });
    const planned = planStudy(asked, trainingCount(data.train));
    const device = await chosenDevice(options.device, trainingTrial(planned[0]!, data, threadCount), output);
    const folder = openOutputFolder(asked.out, EXPERIMENT_MARKERS.study);
    const shared = { data, threads: threadCount, trainRuns, device };
    const { result: runs, interruptedBy } = await whileResumable(shared, output, (shared) =>
      trainAll(planned, { ...shared, onBegin: folder.begin }),
    );
    if (!runs) return interruptedBy;
    const tested: TestedRun[] = [];
    for (const run of runs) tested.push(await testRun(run, { data, threads: threadCount, ...device }, output));
    const setting = studySetting(tested, { data, threads: threadCount, command: commandLine("study", options) });
    const report = assembleReport(tested, { data, setting, isQuick: asked.isQuick });
    // Loaded on use, as the figures' libraries load slowly.
    const { writeReport } = await import("../../experiments/study/write-report.ts");
    const written = writeReport(report, folder);
    const summary = { ...written, ...studySummary(report, tested) };
    folder.finish(summary);
    sayReport(report, output);
    output.say(`report: ${written.report}`);
    output.say(`plots:  ${asked.out}/plots (${written.plots.length} files, each figure as SVG and PNG)`);
    output.result(summary);
    return 0;
  },
});

function studyOptions(options: Options): StudyOptions {
  const isQuick = options.quick === true;
  return {
    out: path(options, "out") ?? (isQuick ? "study-quick" : "study"),
    isQuick,
    isFaithful: options.faithful === true,
    isWithResNet18: options.withResnet18 === true,
    seeds: seeds(options) ?? 1,
  };
}

/** Tests a run on the test images, plain and with test-time averaging. */
async function testRun(
  run: FinishedRun,
  { data, threads, openModel }: Pick<ExperimentOptions, "data" | "threads" | "openModel">,
  output: Output,
): Promise<TestedRun> {
  const evaluated = (averageFlips: boolean) =>
    evaluateRun(run.path, { data, split: "test", averageFlips, threads, openModel, onNotKept: sayNotKept(output) });
  const test = await evaluated(false);
  output.note(`${run.recipe.name}, seed ${run.seed}: ${accuracyLine("test", test)}`);
  return { ...run, test, testAveraged: await evaluated(true) };
}

function sayReport(report: StudyReport, output: Output): void {
  for (const table of studyTables(report)) {
    output.say("");
    for (const line of tableLines(table)) output.say(line);
  }
  output.say("");
  for (const paragraph of report.conclusion) output.say(paragraph);
  output.say("");
}
