import { loadFashionMnist } from "../../data/node/fashion-mnist.ts";
import { EVALUATION_SPLITS } from "../../evaluation/node/evaluate-run.ts";
import { ABLATION, planAblation, runAblation } from "../../experiments/ablation.ts";
import { ablationConclusion } from "../../experiments/ablation-result.ts";
import { earlierSplit } from "../../experiments/earlier-split.ts";
import { EXPERIMENT_MARKERS } from "../../experiments/experiment-files.ts";
import { MAX_EPOCHS } from "../../recipes/recipe.ts";
import { currentRecipeName } from "../../recipes/renamed.ts";
import { ablationSummary, ablationTables } from "../../report/node/ablation-report.ts";
import { tableLines } from "../../report/tables.ts";
import { collectEnvironment } from "../../runs/node/environment.ts";
import { openOutputFolder } from "../../runs/node/output-folder.ts";
import { trainingTrial } from "../../training/node/training-trial.ts";
import { defineCommand } from "../command.ts";
import { DATA_OPTION, DEVICE_OPTION, LIMIT_OPTION, THREADS_OPTION } from "../common-options.ts";
import { chosenDevice } from "../device.ts";
import { DISTRIBUTION_OPTIONS, typedDistribution } from "../distribution.ts";
import { whileResumable } from "../experiment-display.ts";
import { path, seeds, threads, wholeNumber } from "../parse.ts";
import { commandLine } from "../wording.ts";

const DEFAULT_EPOCHS = 10;
const DEFAULT_SEEDS = 3;
const DEFAULT_SPLIT = "validation";

const REFERENCES = ABLATION.map(({ reference }) => reference.name);

export const ablate = defineCommand({
  name: "ablate",
  arguments: [],
  options: [
    {
      flags: "--from <recipe>",
      description: "only the changes to this one",
      choices: REFERENCES,
      current: currentRecipeName,
      default: "both",
    },
    { flags: "--epochs <n>", description: "of every run", default: String(DEFAULT_EPOCHS) },
    { flags: "--seeds <n>", description: "runs of each row, with seeds 1 to n", default: String(DEFAULT_SEEDS) },
    {
      flags: "--split <name>",
      description: "split to evaluate",
      choices: EVALUATION_SPLITS,
      default: `${DEFAULT_SPLIT}; of a folder that is there, as before`,
    },
    LIMIT_OPTION,
    { flags: "--out <folder>", description: "where everything goes", default: "ablation" },
    DATA_OPTION,
    THREADS_OPTION,
    DEVICE_OPTION,
    ...DISTRIBUTION_OPTIONS,
  ],
  examples: [
    "node bin/tailor.js ablate",
    "node bin/tailor.js ablate --from base-study --seeds 5 --out ablation-study",
    "node bin/tailor.js ablate --epochs 1 --seeds 1 --limit 5000 --out ablation-try",
  ],
  async run(_arguments, options, output) {
    const from = options.from;
    const trainRuns = typedDistribution(options);
    const out = path(options, "out") ?? "ablation";
    const earlier = options.split === undefined ? earlierSplit(out, EXPERIMENT_MARKERS.ablation) : undefined;
    const split = options.split ?? earlier ?? DEFAULT_SPLIT;
    if (earlier !== undefined && earlier !== DEFAULT_SPLIT)
      output.note(`evaluated on the ${earlier} images, as before`);
    const rows = planAblation(
      ABLATION.filter(({ reference }) => from === undefined || reference.name === from),
      {
        out,
        epochs: wholeNumber(options, "epochs", { most: MAX_EPOCHS }) ?? DEFAULT_EPOCHS,
        seeds: seeds(options) ?? DEFAULT_SEEDS,
        limit: wholeNumber(options, "limit") ?? null,
      },
    );
    const data = await loadFashionMnist({ folder: path(options, "data"), report: output.note });
    const trial = trainingTrial(rows[0]!.runs[0]!, data, threads(options));
    const device = await chosenDevice(options.device, trial, output);
    const folder = openOutputFolder(out, EXPERIMENT_MARKERS.ablation);
    const { result: report, interruptedBy } = await whileResumable(
      { data, threads: threads(options), trainRuns, device },
      output,
      (shared) => runAblation(rows, { ...shared, split, folder }),
    );
    if (!report) return interruptedBy;
    const conclusion = ablationConclusion(report);
    const version = collectEnvironment().versions.tailor;
    // Loaded on use, as the figures' libraries load slowly.
    const { writeAblation } = await import("../../experiments/study/write-report.ts");
    const written = writeAblation(report, { conclusion, version, command: commandLine("ablate", options) }, folder);
    const summary = { ...written, ...ablationSummary(report), conclusion };
    folder.finish(summary);
    for (const table of ablationTables(report)) {
      for (const line of tableLines(table)) output.say(line);
      output.say("");
    }
    for (const paragraph of conclusion) output.say(paragraph);
    output.say("");
    output.say(`report: ${written.report}`);
    output.result(summary);
    return 0;
  },
});
