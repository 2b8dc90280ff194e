/** A run's files as one archive: how they travel through the store. */
import { createHash } from "node:crypto";
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { UserError } from "../errors.ts";
import { isEventFile } from "../runs/node/event-file.ts";
import { listNames, makeFolder } from "../runs/node/output-folder.ts";
import { RUN_FILES } from "../runs/node/run-files.ts";

/** Upper bound for an archive: half of what a value in Redis may have. */
const MAX_PACKED_BYTES = 256e6;
/** Upper bound for a run's files, so that a small archive cannot fill the disk. */
const MAX_BYTES = 2e9;

const NAMES: readonly string[] = Object.values(RUN_FILES);

/** Whether a file of this name is part of a run; the report is made where the run is needed. */
function isRunFile(name: string): boolean {
  return (NAMES.includes(name) && name !== RUN_FILES.report) || (isEventFile(name) && /^[\w.-]+$/.test(name));
}

/** Packs a run into a file. @throws UserError when it is too large for the store */
export async function packRun(folder: string, file: string): Promise<void> {
  const { create } = await import("tar");
  const files = listNames(folder).filter(isRunFile).sort();
  // Uncompressed: of weights gzip saves a tenth, and takes longer for it than a slow network.
  create({ cwd: folder, portable: true, file, sync: true }, files);
  const { size } = statSync(file);
  if (size <= MAX_PACKED_BYTES) return;
  throw new UserError(
    `the run's files have ${Math.ceil(size / 1e6)} MB, and a queue takes ${MAX_PACKED_BYTES / 1e6} MB; train it without the queue`,
  );
}

/** The contents of a file that was written for one reader, which is removed. */
export function takeFile(file: string): Buffer {
  const content = readFileSync(file);
  rmSync(file);
  return content;
}

export function packageSha256(packed: Uint8Array): string {
  return createHash("sha256").update(packed).digest("hex");
}

/**
 * Unpacks a run into a folder, which is created.
 *
 * @throws UserError when the archive is damaged, too large, or has other files than a run's
 */
export async function unpackRun(packed: Uint8Array, folder: string): Promise<void> {
  const { Unpack } = await import("tar");
  makeFolder(folder);
  let bytes = 0;
  let problem: string | undefined;
  const unpack = new Unpack({
    cwd: folder,
    strict: true,
    preserveOwner: false,
    noMtime: true,
    filter(name, entry) {
      bytes += entry.size ?? 0;
      if (!("type" in entry) || entry.type !== "File" || !isRunFile(name))
        problem ??= `it has ${JSON.stringify(name)}, no file of a run`;
      else if (bytes > MAX_BYTES) problem ??= `its files have more than ${MAX_BYTES / 1e9} GB`;
      if ("mode" in entry) entry.mode = 0o644;
      return problem === undefined;
    },
  });
  try {
    if (packed.length > MAX_PACKED_BYTES) problem = `it has more than ${MAX_PACKED_BYTES / 1e6} MB`;
    else await pipeline(Readable.from([packed]), unpack);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    problem ??= cause.message;
  }
  if (problem !== undefined) throw new UserError(`${join(folder)}: the run's archive is damaged: ${problem}`);
}
