import { loadFashionMnist } from "../../data/node/fashion-mnist.ts";
import { EVALUATION_SPLITS, type EvaluationSplit, evaluateRun } from "../../evaluation/node/evaluate-run.ts";
import { ABLATION, type PlannedRow, planAblation } from "../../experiments/ablation.ts";
import {
  ablationConclusion,
  assembleAblation,
  type EvaluatedRow,
  type EvaluatedRun,
} from "../../experiments/ablation-result.ts";
import type { StudyRun } from "../../experiments/planned-run.ts";
import { seedBySeed } from "../../experiments/planned-run.ts";
import { MAX_EPOCHS } from "../../recipes/recipe.ts";
import { ablationSummary, ablationTables } from "../../report/node/ablation-report.ts";
import { tableLines } from "../../report/tables.ts";
import { accuracyLine } from "../../report/wording.ts";
import { collectEnvironment } from "../../runs/node/environment.ts";
import { openOutputFolder } from "../../runs/node/output-folder.ts";
import type { Command } from "../command.ts";
import { DATA_OPTION, LIMIT_OPTION, THREADS_OPTION } from "../common-options.ts";
import { whileInterruptible } from "../interrupt.ts";
import { type Output, sayNotKept } from "../output.ts";
import { choice, commandLine, path, seeds, threads, wholeNumber } from "../parse.ts";
import { type Machine, trainAll } from "../train-planned.ts";

/** The file by which an ablation's folder is known. */
const MARKER = "ablation.json";

const DEFAULT_EPOCHS = 10;
const DEFAULT_SEEDS = 3;

const REFERENCES = ABLATION.map(({ reference }) => reference.name);

export const ablate: Command = {
  name: "ablate",
  summary: "measure the effect of each technique, added or removed one at a time",
  arguments: [],
  options: [
    { flags: "--from <recipe>", description: "only the changes to this one", choices: REFERENCES, default: "both" },
    { flags: "--epochs <n>", description: "of every run", default: String(DEFAULT_EPOCHS) },
    { flags: "--seeds <n>", description: "runs of each row, with seeds 1 to n", default: String(DEFAULT_SEEDS) },
    {
      flags: "--split <name>",
      description: "split to evaluate",
      choices: EVALUATION_SPLITS,
      default: "validation",
    },
    LIMIT_OPTION,
    { flags: "--out <folder>", description: "where everything goes", default: "ablation" },
    DATA_OPTION,
    THREADS_OPTION,
  ],
  examples: [
    "node bin/tailor.js ablate",
    "node bin/tailor.js ablate --from base-seed --seeds 5 --out ablation-seed",
    "node bin/tailor.js ablate --epochs 1 --seeds 1 --limit 5000 --out ablation-try",
  ],
  async run(_arguments, options, output) {
    const from = choice(options, "from", REFERENCES);
    const split = choice(options, "split", EVALUATION_SPLITS) ?? "validation";
    const out = path(options, "out") ?? "ablation";
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
    const machine = { data, threads: threads(options) };
    const folder = openOutputFolder(out, MARKER);
    const planned = seedBySeed(rows.map(({ runs }) => runs));
    const { result: trained, interruptedBy } = await whileInterruptible(output.note, (isInterrupted) =>
      trainAll(planned, { ...machine, isInterrupted, onBegin: folder.begin }, output),
    );
    if (!trained) {
      output.note("stopped; the same command goes on where this one was");
      return interruptedBy;
    }
    const tested = await evaluated(rows, trained, { ...machine, split }, output);
    const report = assembleAblation(tested, { split, images: data.train });
    const conclusion = ablationConclusion(report);
    const version = collectEnvironment().versions.tailor;
    // The figures' libraries take their time to load: not for --help.
    const { writeAblation } = await import("../../experiments/study/write-report.ts");
    const written = writeAblation(report, { conclusion, version, command: commandLine(ablate.name, options) }, folder);
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
};

/** The rows with what the images of the split say of their runs. */
async function evaluated(
  rows: readonly PlannedRow[],
  trained: readonly StudyRun[],
  { data, threads, split }: Machine & { split: EvaluationSplit },
  output: Output,
): Promise<EvaluatedRow[]> {
  const runs = new Map<string, EvaluatedRun>();
  for (const run of trained) {
    const metrics = await evaluateRun(run.path, {
      data,
      split,
      averageFlips: false,
      threads,
      onNotKept: sayNotKept(output),
    });
    output.note(`${run.recipe.name}, seed ${run.seed}: ${accuracyLine(split, metrics)}`);
    runs.set(run.path, { ...run, metrics });
  }
  return rows.map((row) => ({ ...row, runs: row.runs.map((run) => runs.get(run.path)!) }));
}
