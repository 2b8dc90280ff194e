/**
 * One writer per run folder: a file named `lock`, created exclusively, that names the process. The lock of a process
 * that no longer exists (killed, power cut) is ignored and taken over: under a second lock, so that only one process does so,
 * which is taken over in the same way if its process was killed meanwhile.
 */
import { closeSync, openSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { errorCode, explainFileError } from "./file-errors.ts";
import { readRegularFile } from "./regular-file.ts";

export const LOCK_FILE = "lock";
/** End of the name of the lock under which a dead process's lock is replaced. Earlier versions created an empty folder of this name. */
const TAKEOVER = ".takeover";

/** Whether a file or folder of this name in a run's folder is a lock. */
export function isLock(name: string): boolean {
  return name === LOCK_FILE || name.startsWith(`${LOCK_FILE}${TAKEOVER}`);
}

/** An empty lock older than this was not left by a process that is just writing it. */
const WRITING_GRACE_MS = 10_000;

const holderSchema = z.object({
  pid: z.int().min(1),
  host: z.string(),
  /** Start time, which distinguishes the process from a later one with the same number, if the system provides it. */
  started: z.string().nullable(),
});
type Holder = z.infer<typeof holderSchema>;

/**
 * Acquires the lock of the existing folder `folder`.
 *
 * @returns a function that releases it; calling it again does nothing
 * @throws UserError when another process (or another part of this one) holds it, or the folder cannot be written
 */
export function acquireLock(folder: string): () => void {
  const path = join(folder, LOCK_FILE);
  const holder: Holder = { pid: process.pid, host: hostname(), started: processStart(process.pid) };
  const content = `${JSON.stringify(holder)}\n`;
  try {
    take([path], content, folder);
  } catch (error) {
    throw explainFileError(error, "lock", folder);
  }
  let held = true;
  return () => {
    const wasHeld = held;
    held = false;
    try {
      // If the lock was removed by hand, another process may hold it by now.
      if (wasHeld && readOrNull(path) === content) rmSync(path, { force: true });
    } catch {
      // The disk has become read-only, say. The lock ends with this process; an error here, thrown while another one is on
      // its way, would hide why the work failed.
    }
  };
}

/** The process that is writing to `folder`, as "process 123"; null if there is none. */
export function lockHolder(folder: string): string | null {
  return holderOf(join(folder, LOCK_FILE));
}

function holderOf(path: string): string | null {
  const content = readOrNull(path);
  if (content === null) return null;
  const holder = parseHolder(content);
  if (holder === null) return isBeingWritten(path) ? "another process" : null;
  if (holder.host !== hostname()) return `process ${holder.pid} on ${holder.host}`;
  return isAlive(holder) ? `process ${holder.pid}` : null;
}

function createExclusively(path: string, content: string): boolean {
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
  try {
    writeFileSync(file, content);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return true;
}

/**
 * Creates the last of `paths`, a lock and those under which it is taken over, or takes over that of a dead process. Between
 * checking a dead lock and removing it no other process may replace it: whoever does so holds the next lock.
 *
 * @throws UserError when a process that is alive holds one of them
 */
function take(paths: readonly string[], content: string, folder: string): void {
  const path = paths.at(-1)!;
  if (createExclusively(path, content)) return;
  requireDead(paths, folder);
  const guard = `${path}${TAKEOVER}`;
  take([...paths, guard], content, folder);
  try {
    requireDead(paths, folder);
    removeLock(path);
    if (!createExclusively(path, content)) throw inUse(folder, "another process", paths);
  } finally {
    rmSync(guard, { force: true });
  }
}

function requireDead(paths: readonly string[], folder: string): void {
  const holder = holderOf(paths.at(-1)!);
  if (holder !== null) throw inUse(folder, holder, paths);
}

function removeLock(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) rmdirSync(path);
  else rmSync(path, { force: true });
}

function inUse(folder: string, holder: string, paths: readonly string[]): UserError {
  return new UserError(
    `${folder} is in use: ${holder} is writing to it; wait until it has finished, or choose another folder` +
      ` (if you are sure that nothing is writing there, remove ${paths.join(" and ")})`,
  );
}

function readOrNull(path: string): string | null {
  try {
    return readRegularFile(path).toString("utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    // A folder says nothing.
    if (errorCode(error) === "EISDIR") return "";
    throw explainFileError(error, "read", path);
  }
}

function parseHolder(content: string): Holder | null {
  try {
    return holderSchema.parse(JSON.parse(content));
  } catch {
    return null;
  }
}

function isBeingWritten(path: string): boolean {
  const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return modified !== undefined && Date.now() - modified < WRITING_GRACE_MS;
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
  const startedNow = processStart(pid);
  return started === null || startedNow === null || started === startedNow;
}

/**
 * Start time of the process in the system's unit, or "ended" for a zombie; null where the system does not provide it.
 * Linux: `/proc/PID/stat`, fields 3 and 22 (proc_pid_stat(5)).
 */
function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 2, the program's name, may hold spaces and brackets; the rest cannot.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? "ended" : (fields[19] ?? null);
  } catch {
    return null;
  }
}
