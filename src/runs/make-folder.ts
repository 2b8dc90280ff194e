/** Folders that are written to. */
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errorCode, explainFileError, refused, whatIsAt } from "./file-errors.ts";
import { syncFolder } from "./whole-file.ts";

/**
 * Makes the folder and its missing parents. Returns whether it had to be made.
 *
 * @throws UserError when it is a file (exit code 2) or the system refuses
 */
export function makeFolder(path: string): boolean {
  refuseFile(path);
  // Not mkdir's own `recursive`: where a file system answers ENOENT, as /proc does, Node 20 tries for ever.
  const missing: string[] = [];
  for (let folder = resolve(path); whatIsAt(folder) === "nothing"; folder = dirname(folder)) missing.unshift(folder);
  return missing.map(makeOneFolder).at(-1) ?? false;
}

/** @throws UserError with exit code 2 when the path, which is to be a folder, is a file */
export function refuseFile(path: string): void {
  if (whatIsAt(path) === "file") {
    throw refused(`${path} is a file; expected a folder`, "choose another folder with --out");
  }
}

function makeOneFolder(path: string): boolean {
  try {
    mkdirSync(path);
    syncFolder(dirname(path));
    return true;
  } catch (error) {
    // Another process was faster: two runs may make the folder of all runs at the same time.
    if (errorCode(error) === "EEXIST" && whatIsAt(path) === "folder") return false;
    throw explainFileError(error, "create the folder", path);
  }
}

/** @throws UserError when the folder cannot be read */
export function listNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw explainFileError(error, "read", path);
  }
}
