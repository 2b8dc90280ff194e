import { join } from "node:path";
import { UserError } from "../errors.ts";
import { type ComparisonOptions, comparisonReport } from "../experiments/comparison-report.ts";
import { type RunReportOptions, writeRunReport } from "../experiments/run-report.ts";
import { openRun, RUN_FILES } from "../runs/node/run-files.ts";
import { writeWholeFile } from "../runs/node/whole-file.ts";
import { shellWord } from "../text.ts";
import type { Output } from "./output.ts";
import { repeatOf } from "./repeat.ts";
import { commandLine, IN_FLAGS } from "./wording.ts";

/**
 * Makes a page about what was trained. The training is worth more than the page: whatever goes wrong is reported, not
 * thrown.
 *
 * @param again the command that makes the page
 * @returns the page's path; undefined if it was not made
 */
async function reportOrNote(make: () => Promise<string>, again: string, output: Output): Promise<string | undefined> {
  try {
    return await make();
  } catch (error) {
    const why = error instanceof UserError ? error.worded(IN_FLAGS) : String(error);
    output.note(`the training is complete and saved, but its report could not be made: ${why}; to try again: ${again}`);
    return undefined;
  }
}

/** The report of a run that was just trained. */
export function reportTrained(
  folder: string,
  options: Omit<RunReportOptions, "repeat">,
  output: Output,
): Promise<string | undefined> {
  const make = async () => {
    return (await writeRunReport(folder, { ...options, repeat: repeatOf(openRun(folder).record) })).report;
  };
  return reportOrNote(make, commandLine(`report ${shellWord(folder)}`, {}), output);
}

/** The page about the runs of a folder of seeds or folds. */
export function reportRepeats(
  folder: string,
  runs: readonly string[],
  options: Omit<ComparisonOptions, "command">,
  output: Output,
): Promise<string | undefined> {
  const out = join(folder, RUN_FILES.report);
  const command = commandLine(`report ${shellWord(folder)}`, { split: options.split, out, force: true });
  const make = async () => {
    writeWholeFile(out, await comparisonReport(runs, { ...options, command }));
    return out;
  };
  return reportOrNote(make, command, output);
}
