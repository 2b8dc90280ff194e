import { UserError } from "../errors.ts";
import type { RunReportOptions } from "../experiments/run-report.ts";
import { openRun } from "../runs/node/run-files.ts";
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
export async function reportOrNote(
  make: () => Promise<string>,
  again: string,
  output: Output,
): Promise<string | undefined> {
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
    // Loaded on use, as the figures' libraries load slowly.
    const { writeRunReport } = await import("../experiments/run-report.ts");
    return (await writeRunReport(folder, { ...options, repeat: repeatOf(openRun(folder).record) })).report;
  };
  return reportOrNote(make, commandLine(`report ${folder}`, {}), output);
}
