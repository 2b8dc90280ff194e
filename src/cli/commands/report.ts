import { UserError } from "../../errors.ts";
import { EVALUATION_SPLITS } from "../../evaluation/node/evaluate-run.ts";
import { checkExportTarget, writeExportedFile } from "../../runs/node/export-files.ts";
import { openRun } from "../../runs/node/run-files.ts";
import { defineCommand } from "../command.ts";
import { DEVICE_OPTION, THREADS_OPTION } from "../common-options.ts";
import { dataOfRun, RUN_DATA_OPTION } from "../custom-data.ts";
import { deviceForModel } from "../device.ts";
import { path, threads } from "../parse.ts";
import { repeatOf } from "../repeat.ts";

export const report = defineCommand({
  name: "report",
  arguments: [{ name: "<run>", description: "a finished run's folder" }],
  options: [
    { flags: "--out <file>", description: "where the page goes", default: "report.html in the run, with its figures" },
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
  ],
  async run([run], options, output) {
    if (!run) throw new UserError("name the folder of a finished run", { exitCode: 2 });
    const opened = openRun(run);
    const out = path(options, "out");
    const target = out === undefined ? undefined : { path: out, force: options.force === true, isFolder: false };
    if (target) checkExportTarget(target);
    const data = await dataOfRun(opened, options, output);
    const { openModel } = await deviceForModel(run, options, output);
    const how = { data, split: options.split, threads: threads(options), openModel, repeat: repeatOf(opened.record) };
    // Loaded on use, as the figures' libraries load slowly.
    const { runReportPage, writeRunReport } = await import("../../experiments/run-report.ts");
    if (target) {
      writeExportedFile(target, new TextEncoder().encode(await runReportPage(opened, how)));
      output.say(`report: ${target.path}`);
      output.result({ report: target.path, plots: [] });
      return 0;
    }
    const { report, plots } = await writeRunReport(opened, how);
    output.say(`report: ${report}`);
    output.result({ report, plots });
    return 0;
  },
});
