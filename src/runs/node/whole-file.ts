/**
 * Atomic file writes. The content is written to a temporary file in the same folder, synced to the disk and renamed to
 * the file's name: at any moment, also after a kill, either the old file or the new one exists.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode, explainFileError } from "./file-errors.ts";

/** `.state.safetensors.1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.tmp`: hidden, and no other writer chooses the same. */
const TEMPORARY = /^\..+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;
/** Some file systems cannot sync a folder; they fail with one of these. */
const CANNOT_SYNC_FOLDERS: readonly (string | null)[] = ["EINVAL", "ENOTSUP", "EPERM", "EISDIR", "EACCES", "EBADF"];

let isSynced = true;

/** For a process whose files are of no use after it, such as those of a worker's temporary folder: they need not reach the disk. */
export function writeWithoutSync(): void {
  isSynced = false;
}

/**
 * Writes `content` (text as UTF-8) to the file `path` in a folder that exists, in place of what was there.
 *
 * @throws UserError when the system refuses (disk full, no permission, read-only, ...): says which file, why and what
 *   to do. The file is then as it was before, and no temporary file is left.
 */
export function writeWholeFile(path: string, content: Uint8Array | string): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = openSync(temporary, "wx");
    try {
      writeFileSync(file, content);
      if (isSynced) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    removeQuietly(temporary);
    throw explainFileError(error, "write", path);
  }
}

/**
 * Moves a folder of files to where it belongs, in place of what is there: whole and on the disk, so that after a power
 * failure no name leads to a file without its content.
 */
export function moveFolder(from: string, to: string): void {
  for (const name of readdirSync(from)) syncFile(join(from, name));
  syncFolder(from);
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
  syncFolder(dirname(to));
}

function syncFile(path: string): void {
  if (!isSynced) return;
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes changes of names in `folder` (a rename, a new file) durable, where the file system supports it. */
export function syncFolder(folder: string): void {
  let file: number | undefined;
  try {
    if (!isSynced) return;
    file = openSync(folder, "r");
    fsyncSync(file);
  } catch (error) {
    if (!CANNOT_SYNC_FOLDERS.includes(errorCode(error))) throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Whether a file of this name is a temporary one of `writeWholeFile`. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/**
 * Removes what killed processes left behind of writing this one file, in a folder that also holds files of others.
 *
 * @throws UserError when the folder cannot be read or a file not be removed
 */
export function removeTemporariesOf(path: string): void {
  const start = `.${basename(path)}.`;
  // The rest of the name is of one length: ".a.onnx.<UUID>.tmp" is of "a.onnx", ".a.onnx.b.<UUID>.tmp" is not.
  const { length } = `${start}${randomUUID()}.tmp`;
  removeAll(dirname(path), (name) => isTemporary(name) && name.startsWith(start) && name.length === length);
}

/**
 * Removes what killed processes left behind in `folder`. Only for a folder that no other process is writing to.
 *
 * @throws UserError when the folder cannot be read or a file not be removed
 */
export function removeTemporaries(folder: string): void {
  removeAll(folder, isTemporary);
}

function removeAll(folder: string, isWanted: (name: string) => boolean): void {
  try {
    for (const name of readdirSync(folder)) if (isWanted(name)) rmSync(join(folder, name), { force: true });
  } catch (error) {
    throw explainFileError(error, "clean up", folder);
  }
}

/** Cleaning up after an error must not hide that error. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder itself is gone or not ours; the first error says so.
  }
}
