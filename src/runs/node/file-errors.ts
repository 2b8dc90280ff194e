/** Errors of the file system as messages that name the file, the reason and what to do. */
import { statSync } from "node:fs";
import { UserError } from "../../errors.ts";
import { inWords, type Words } from "../../wording.ts";

interface Explanation {
  readonly reason: string;
  readonly remedy: string;
}

const NO_ROOM = "free some space, or choose a folder on another disk";
const NO_RIGHT = "check who owns the file and its folder, or choose a folder of your own";

/** By the error's name in POSIX, as Node reports it in `code`. */
const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOSPC: { reason: "the disk is full", remedy: NO_ROOM },
  EDQUOT: { reason: "your disk quota is used up", remedy: NO_ROOM },
  EFBIG: { reason: "the file is larger than is allowed here", remedy: NO_ROOM },
  EACCES: { reason: "permission denied", remedy: NO_RIGHT },
  EPERM: { reason: "permission denied", remedy: NO_RIGHT },
  EROFS: { reason: "the file system is read-only", remedy: "choose a folder that can be written" },
  ENOENT: { reason: "no such file or folder", remedy: "check the path" },
  ENOTDIR: { reason: "part of the path is a file, not a folder", remedy: "check the path" },
  ELOOP: { reason: "links lead in a circle", remedy: "check the path" },
  EISDIR: { reason: "it is a folder", remedy: "move the folder away, or choose another path" },
  EEXIST: { reason: "something of that name is in the way", remedy: "move it away, or choose another path" },
  ENAMETOOLONG: { reason: "the name is too long", remedy: "choose a shorter path" },
  EMFILE: { reason: "too many files are open", remedy: "close other programs, or raise the limit (ulimit -n 1024)" },
  ENFILE: { reason: "too many files are open on this machine", remedy: "close other programs, or raise its limit" },
  EIO: { reason: "the disk reports an error", remedy: "check the disk, or choose a folder on another one" },
};

/**
 * The UserError that explains why `path` could not be read or written. An error that does not come from the system (it
 * has no such code) is an internal error and is returned unchanged.
 *
 * @param action completes "cannot ... PATH": "write", "read", "create the folder"
 */
export function explainFileError(error: unknown, action: string, path: string): unknown {
  const code = errorCode(error);
  if (code === null) return error;
  const { reason, remedy } = EXPLANATIONS[code] ?? { reason: "the system refuses", remedy: "check the path" };
  return new UserError(`cannot ${action} ${path}: ${reason} (${code}); ${remedy}`, { cause: error });
}

/** The system's code of an error, such as "ENOENT"; null for any other error, including Node's own ("ERR_..."). */
export function errorCode(error: unknown): string | null {
  if (!(error instanceof Error && "code" in error && typeof error.code === "string")) return null;
  return /^E[A-Z0-9]+$/.test(error.code) ? error.code : null;
}

/** Whether an error means that the path does not exist, including a path through a file (ENOTDIR). */
export function isAbsent(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** @throws UserError when the system denies access */
export function whatIsAt(path: string): "nothing" | "folder" | "file" {
  try {
    return statSync(path).isDirectory() ? "folder" : "file";
  } catch (error) {
    if (isAbsent(error)) return "nothing";
    throw explainFileError(error, "look at", path);
  }
}

/** A path that cannot be what the user wants it to be: what is wrong, and what to do. Exit code 2. */
export function refused(problem: string, todo: Words): UserError {
  return new UserError((w) => `${problem}; ${inWords(todo, w)}`, { exitCode: 2 });
}
