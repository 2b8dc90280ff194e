import { UserError } from "../../errors.ts";
import { EVALUATION_SPLITS } from "../../evaluation/node/evaluate-run.ts";
import { comparisonReport } from "../../experiments/comparison-report.ts";
import { runReportPage, writeRunReport } from "../../experiments/run-report.ts";
import { checkExportTarget, writeExportedFile } from "../../runs/node/export-files.ts";
import type { Run } from "../../runs/node/run-files.ts";
import { shellWord } from "../../text.ts";
import { defineCommand } from "../command.ts";
import { DEVICE_OPTION, THREADS_OPTION } from "../common-options.ts";
import { dataOfRun, RUN_DATA_OPTION } from "../custom-data.ts";
import { deviceForModel } from "../model-device.ts";
import { namedRuns, noteUnverified, trainedRun } from "../named-runs.ts";
import { path, threads } from "../parse.ts";
import { repeatOf } from "../repeat.ts";
import { commandLine } from "../wording.ts";

/** The page that compares runs, unless another is named. */
const COMPARISON = "comparison.html";

export const report = defineCommand({
  name: "report",
  arguments: [
    {
      name: "<run...>",
      description:
        "finished run folders, or folders that hold some; several are compared on one page; the folds of train --folds become one cross-validation report",
    },
  ],
  options: [
    {
      flags: "--out <file>",
      description: "where the page goes",
      default: "report.html in the run, with its figures; of several runs comparison.html",
    },
    { flags: "--force", description: "replace the file of --out if it is there" },
    {
      flags: "--split <name>",
      description: "the images of its figures",
      choices: EVALUATION_SPLITS,
      default: "test if the run was evaluated on them, else validation",
    },
    RUN_DATA_OPTION,
    THREADS_OPTION,
    DEVICE_OPTION,
  ],
  examples: [
    "node bin/tailor.js report runs/base-20260131-120000",
    "node bin/tailor.js report runs/best --split test --out best.html",
    "node bin/tailor.js report runs/base-5 runs/tiny --out comparison.html",
    "node bin/tailor.js report runs/photos-folds --out folds.html",
  ],
  async run(typed, options, output) {
    const runs = namedRuns(typed, output);
    noteUnverified(runs, output);
    const isComparison = runs.length > 1;
    const out = path(options, "out") ?? (isComparison ? COMPARISON : undefined);
    const target = out === undefined ? undefined : { path: out, force: options.force === true, isFolder: false };
    if (target) checkExportTarget(target);
    if (isComparison && options.device !== undefined && options.device !== "cpu") {
      throw new UserError("several runs are compared on the processor; leave out --device", { exitCode: 2 });
    }
    const run = trainedRun(runs);
    const data = await dataOfRun(run, options, output);
    const write = (page: string) => {
      writeExportedFile(target!, new TextEncoder().encode(page));
      output.say(`report: ${target!.path}`);
      output.result({ report: target!.path, plots: [] });
    };
    if (isComparison) {
      const command = commandLine(["report", ...typed.map((word) => shellWord(word!))].join(" "), options);
      const { split } = options;
      const loadData = (other: Run) => dataOfRun(other, options, output);
      write(await comparisonReport(runs, { data, loadData, split, threads: threads(options), command }));
      return 0;
    }
    const { openModel } = await deviceForModel(run.path, options, output);
    const how = {
      data,
      split: options.split,
      threads: threads(options),
      openModel,
      repeat: repeatOf(run.record),
    };
    if (target) {
      write(await runReportPage(run, how));
      return 0;
    }
    const { report, plots } = await writeRunReport(run, how);
    output.say(`report: ${report}`);
    output.result({ report, plots });
    return 0;
  },
});
