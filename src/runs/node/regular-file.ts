/**
 * Reading files that nobody chose by hand, such as those of a run. Only regular files are read: opening a named pipe would
 * block the whole process inside a system call until somebody writes to it, so that not even a signal ends it.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from "node:fs";
import { UserError } from "../../errors.ts";
import { errorCode } from "./file-errors.ts";

/** With it a pipe opens at once; regular files ignore it. Windows does not have it. */
const NON_BLOCKING = (constants as { O_NONBLOCK?: number }).O_NONBLOCK ?? 0;

/**
 * The bytes of a regular file.
 *
 * @throws UserError when it is a pipe or a device; the system's error when it cannot be read
 */
export function readRegularFile(path: string): Buffer {
  const { file } = openRegularFile(path);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** An open file. */
export interface OpenFile {
  /** Its descriptor, to be closed by whoever opened it. */
  readonly file: number;
  readonly bytes: number;
  /** As `fileStamp` gives it. */
  readonly stamp: string;
}

/** Opens a regular file for reading. @throws as `readRegularFile` does; reading a folder fails with the system's own error */
export function openRegularFile(path: string): OpenFile {
  const file = openSync(path, constants.O_RDONLY | NON_BLOCKING);
  const entry = fstatSync(file);
  if (entry.isFile() || entry.isDirectory()) return { file, bytes: entry.size, stamp: stampOf(entry) };
  closeSync(file);
  throw new UserError(`${path} is a pipe or device, expected a file; move it away, or restore the file from a copy`);
}

/** Changes when a file is replaced or written to; undefined when it does not exist or is inaccessible. */
export function fileStamp(path: string): string | undefined {
  try {
    return stampOf(statSync(path));
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return undefined;
  }
}

function stampOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`;
}
