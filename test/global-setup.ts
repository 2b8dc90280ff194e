/** Runs once before all tests. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";

/** Linux's file system in memory. Containers often have one of 64 MB, in which nothing may be executed. */
const MEMORY = "/dev/shm";
/** The tests' files were seen to take 160 MB at most. */
const ENOUGH_BYTES = 2e9;

/**
 * Puts the tests' temporary files in memory where there is room for them: thousands of small files are then written and
 * synced without waiting for a disk. A folder that TMPDIR names is left as it is.
 *
 * @returns what removes them
 */
export default function setup(): (() => void) | undefined {
  const folder = memoryFolder();
  if (!folder) return undefined;
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

function memoryFolder(): string | undefined {
  if (process.env.TMPDIR !== undefined || freemem() < ENOUGH_BYTES) return undefined;
  let folder: string;
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < ENOUGH_BYTES) return undefined;
    folder = mkdtempSync(join(MEMORY, "tailor-tests-"));
    chmodSync(folder, 0o755); // Some tests act as another user.
  } catch {
    return undefined; // There is none, or it may not be written.
  }
  if (canExecute(folder)) return folder;
  rmSync(folder, { recursive: true });
  return undefined;
}

/** Tests also write small programs. */
function canExecute(folder: string): boolean {
  const program = join(folder, "program");
  writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
  return spawnSync(program).status === 0;
}
