import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { z } from "zod";
import { checkJson, parseJson } from "../parse-json.ts";
import { errorCode, explainFileError, refused, whatIsAt } from "./file-errors.ts";
import { readRegularFile } from "./regular-file.ts";
import { isTemporary, syncFolder, writeWholeFile } from "./whole-file.ts";

/** Output folders for results other than runs, such as a study's report and plots. */

/** An output folder; files are written atomically. */
export interface OutputFolder {
  readonly path: string;
  /**
   * Creates the folder if necessary, and writes the marker with the status "running", replacing an earlier result: from
   * then on the folder is recognized, whatever happens.
   *
   * @param known what a later call needs to know if this one is interrupted
   * @throws UserError when the system refuses
   */
  begin(known?: Readonly<Record<string, unknown>>): void;
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
 * Opens a folder for results: a new one, or an earlier one, which contains the file `marker`. Nothing is written yet,
 * so that a command that fails early changes nothing.
 *
 * @param marker the JSON file that marks the folder
 * @throws UserError with exit code 2 when the path is a file or the folder contains something else
 */
export function openOutputFolder(path: string, marker: string): OutputFolder {
  refuseFile(path);
  const names = whatIsAt(path) === "nothing" ? [] : listNames(path);
  if (!names.includes(marker) && !names.every(isTemporary)) {
    throw refused(
      `${path} is not empty and has no ${marker}`,
      (w) => `choose a new or empty folder with ${w.option("out")}`,
    );
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
    path,
    begin(known = {}) {
      write(marker, `${JSON.stringify({ status: "running", ...known })}\n`);
    },
    write,
    finish(result) {
      write(marker, `${JSON.stringify({ status: "finished", ...result }, null, 2)}\n`);
    },
  };
}

/**
 * Creates the folder and its missing parents. Returns whether it had to be created.
 *
 * @throws UserError when it is a file (exit code 2) or the system refuses
 */
export function makeFolder(path: string): boolean {
  refuseFile(path);
  // Not mkdir's own `recursive`: where a file system answers ENOENT, as /proc does, Node 20 loops forever.
  const missing: string[] = [];
  for (let folder = resolve(path); whatIsAt(folder) === "nothing"; folder = dirname(folder)) missing.unshift(folder);
  return missing.map(makeOneFolder).at(-1) ?? false;
}

/** @throws UserError with exit code 2 when the path, which is to be a folder, is a file */
export function refuseFile(path: string): void {
  if (whatIsAt(path) === "file") {
    throw refused(`${path} is a file; expected a folder`, (w) => `choose another folder with ${w.option("out")}`);
  }
}

function makeOneFolder(path: string): boolean {
  try {
    mkdirSync(path);
    syncFolder(dirname(path));
    return true;
  } catch (error) {
    // Another process was faster: two runs may create the folder of all runs at the same time.
    if (errorCode(error) === "EEXIST" && whatIsAt(path) === "folder") return false;
    throw explainFileError(error, "create the folder", path);
  }
}

/**
 * Reads a JSON file of an output folder that an earlier call may have written; undefined when there is none.
 *
 * @param todo what the user can do about a damaged file
 * @throws UserError when it is damaged or cannot be read
 */
export function readJsonIfThere<T>(path: string, schema: z.ZodType<T>, todo: string): T | undefined {
  let text: string;
  try {
    text = readRegularFile(path).toString("utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw explainFileError(error, "read", path);
  }
  return checkJson(schema, parseJson(text, path, todo), path, todo);
}

/** @throws UserError when the folder cannot be read */
export function listNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw explainFileError(error, "read", path);
  }
}
