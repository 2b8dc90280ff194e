/** Files outside of run folders: exports, and weights to import. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import type { Wording, Words } from "../../wording.ts";
import { explainFileError, refused, whatIsAt } from "./file-errors.ts";
import { listNames, makeFolder } from "./output-folder.ts";
import { RUN_FILES } from "./run-files.ts";
import { isTemporary, removeTemporariesOf, writeWholeFile } from "./whole-file.ts";

/** Maximum file size; weights of feasible networks are far smaller. */
export const MAX_OUTSIDE_BYTES = 2 ** 30;

/** A file's bytes and their SHA-256. */
export interface OutsideFile {
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** @throws UserError when there is no such file (exit code 2), it is larger than `maxBytes` (1 GiB), or the system refuses */
export function readOutsideFile(path: string, maxBytes = MAX_OUTSIDE_BYTES): OutsideFile {
  const kind = whatIsAt(path);
  if (kind === "nothing") throw refused(`there is no file ${path}`, "check the path");
  if (kind === "folder") throw refused(`${path} is a folder`, "name the file in it");
  try {
    const entry = statSync(path);
    if (!entry.isFile()) throw refused(`${path} is a pipe or device`, "name a file");
    const { size } = entry;
    if (size > maxBytes) {
      throw new UserError(`${path} has ${size} bytes; at most ${maxBytes} are read: choose another file`);
    }
    const bytes = readFileSync(path);
    return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
  } catch (error) {
    throw explainFileError(error, "read", path);
  }
}

/** Target of an export: one file, or a folder of several. */
export interface ExportTarget {
  readonly path: string;
  readonly isFolder: boolean;
  /** Whether existing files may be overwritten. */
  readonly force: boolean;
}

/** `runs/best/` and `onnx` give `best.onnx`, in the current folder. */
export function defaultExportPath(run: string, ending: string): string {
  return `${basename(resolve(run))}${ending}`;
}

/**
 * Checks the target before anything is computed. A run's own files are never overwritten.
 *
 * @throws UserError (exit code 2) when the target exists and may not be overwritten
 */
export function checkExportTarget({ path, isFolder, force }: ExportTarget): void {
  const there = whatIsAt(path);
  const isRun = (folder: string) => whatIsAt(join(folder, RUN_FILES.record)) === "file";
  const choose = (w: Wording) => `choose another path with ${w.option("out")}`;
  const orReplace =
    (what: string): Words =>
    (w) =>
      `${choose(w)}, or replace ${what} with ${w.option("force")}`;
  if (isFolder) {
    if (there === "file") throw refused(`${path} is a file; expected a folder`, choose);
    if (there === "folder" && isRun(path)) throw refused(`${path} is a run folder`, choose);
    if (there === "folder" && !force && !listNames(path).every(isTemporary)) {
      throw refused(`${path} is not empty`, orReplace("what is there"));
    }
    return;
  }
  if (there === "folder") throw refused(`${path} is a folder; expected a file's name`, choose);
  const isOfRun = Object.values<string>(RUN_FILES).includes(basename(path)) && isRun(dirname(path));
  if (isOfRun) throw refused(`${path} is a run's own file`, choose);
  if (there === "file" && !force) throw refused(`${path} is there already`, orReplace("it"));
}

/**
 * Writes an exported file whole, and its folder if need be.
 *
 * @throws UserError when the target is refused or the system refuses
 */
export function writeExportedFile(target: ExportTarget, content: Uint8Array): void {
  checkExportTarget(target);
  makeFolder(dirname(resolve(target.path)));
  writeAnew(target.path, content);
}

/** The same for a folder of files, by their names. */
export function writeExportedFolder(target: ExportTarget, files: Readonly<Record<string, Uint8Array | string>>): void {
  checkExportTarget(target);
  makeFolder(target.path);
  for (const [name, content] of Object.entries(files)) writeAnew(join(target.path, name), content);
}

/** What an earlier export to this file left behind when it was killed goes first. */
function writeAnew(path: string, content: Uint8Array | string): void {
  removeTemporariesOf(path);
  writeWholeFile(path, content);
}
