/** A folder of results besides runs: a study's report and plots. */
import { join } from "node:path";
import { refused } from "./file-errors.ts";
import { listNames, makeFolder } from "./make-folder.ts";
import { isTemporary, writeWholeFile } from "./whole-file.ts";

/** Files written whole into one folder. */
export interface OutputFolder {
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
 * Makes a folder for results, or opens one that was made before: it then has the file `marker`.
 *
 * @param marker the JSON file by which the folder is known again; it is written at once, with the status "running"
 * @throws UserError with exit code 2 when the folder is a file or holds something else
 */
export function openOutputFolder(path: string, marker: string): OutputFolder {
  makeFolder(path);
  const names = listNames(path);
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
  const finish = (result: Readonly<Record<string, unknown>>) => {
    write(marker, `${JSON.stringify({ status: "finished", ...result }, null, 2)}\n`);
  };
  if (!names.includes(marker)) write(marker, `${JSON.stringify({ status: "running" })}\n`);
  return { write, finish };
}
