/** A folder of results besides runs: a study's report and plots. */
import { join } from "node:path";
import { refused, whatIsAt } from "./file-errors.ts";
import { listNames, makeFolder, refuseFile } from "./make-folder.ts";
import { isTemporary, writeWholeFile } from "./whole-file.ts";

/** Files written whole into one folder. */
export interface OutputFolder {
  /**
   * Makes the folder if there is none, and writes the marker with the status "running", over the result of before: the
   * folder is known again from then on, whatever happens.
   *
   * @throws UserError when the system refuses
   */
  begin(): void;
  /**
   * Writes a file, into a folder in it if the name has one (`plots/curves.svg`).
   *
   * @returns the file's path
   * @throws UserError when the system refuses
   */
  write(name: string, content: Uint8Array | string): string;
  /** Writes the result into the marker, whose status is "finished" from then on. */
  finish(result: Readonly<Record<string, unknown>>): void;
}

/**
 * A folder for results, new or one that was made before: it then has the file `marker`. Nothing is written yet, so that a
 * command that is refused leaves things as they were.
 *
 * @param marker the JSON file by which the folder is known again
 * @throws UserError with exit code 2 when the folder is a file or holds something else
 */
export function openOutputFolder(path: string, marker: string): OutputFolder {
  refuseFile(path);
  const names = whatIsAt(path) === "nothing" ? [] : listNames(path);
  if (!names.includes(marker) && !names.every(isTemporary)) {
    throw refused(`${path} is not empty and has no ${marker}`, "choose a new or empty folder with --out");
  }
  const made = new Set<string>();
  const write = (name: string, bytes: Uint8Array | string) => {
    const file = join(path, name);
    const folder = join(file, "..");
    if (!made.has(folder)) makeFolder(folder);
    made.add(folder);
    writeWholeFile(file, bytes);
    return file;
  };
  return {
    begin() {
      write(marker, `${JSON.stringify({ status: "running" })}\n`);
    },
    write,
    finish(result) {
      write(marker, `${JSON.stringify({ status: "finished", ...result }, null, 2)}\n`);
    },
  };
}
