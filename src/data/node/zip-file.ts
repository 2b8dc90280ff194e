import type { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import type { Entry, ZipFile } from "yauzl";
import { UserError } from "../../errors.ts";
import { count } from "../../text.ts";

/** The files of an open zip file. */
export interface ZipContent {
  /** The central directory, in its order; folders end in /. */
  readonly entries: readonly Entry[];
  /**
   * The uncompressed content of a file, in parts. Its size and checksum are verified.
   *
   * @throws UserError naming the file when it is damaged, encrypted or compressed in another way than by deflate
   */
  readonly read: (entry: Entry) => AsyncGenerator<Buffer>;
}

/**
 * Opens a zip file, and closes it when `work` is done.
 *
 * @param maxEntries zip files with more are refused
 * @throws UserError naming the file when it is damaged or cut short, has too many entries, or names that lead out of a
 *   folder
 */
export async function withZip<Result>(
  path: string,
  maxEntries: number,
  work: (zip: ZipContent) => Promise<Result>,
): Promise<Result> {
  const zip = await openZip(path);
  try {
    const entries = await listEntries(zip, path, maxEntries);
    return await work({ entries, read: (entry) => readEntry(zip, entry, path) });
  } finally {
    zip.close();
  }
}

async function openZip(path: string): Promise<ZipFile> {
  const { openPromise } = await import("yauzl");
  try {
    return await openPromise(path, { lazyEntries: true, autoClose: false, strictFileNames: true });
  } catch (cause) {
    throw damaged(path, cause);
  }
}

async function listEntries(zip: ZipFile, path: string, maxEntries: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      entries.push(entry);
      if (entries.length > maxEntries) {
        throw new UserError(`${path} has more than ${count(maxEntries)} entries, which are the most that are read`);
      }
    }
  } catch (cause) {
    throw cause instanceof UserError ? cause : damaged(path, cause);
  }
  return entries;
}

async function* readEntry(zip: ZipFile, entry: Entry, path: string): AsyncGenerator<Buffer> {
  const name = `${path}: ${entry.fileName}`;
  if (entry.isEncrypted()) throw new UserError(`${name} is encrypted; pack it without a password`);
  let stream: Readable | undefined;
  let sum = 0;
  try {
    stream = await zip.openReadStreamPromise(entry);
    for await (const part of stream as AsyncIterable<Buffer>) {
      sum = crc32(part, sum);
      yield part;
    }
  } catch (cause) {
    throw cause instanceof UserError ? cause : damaged(name, cause);
  } finally {
    stream?.destroy();
  }
  if (sum !== entry.crc32) throw new UserError(`${name} is damaged: its checksum is not the one in the zip file`);
}

function damaged(name: string, cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  return new UserError(`${name} is damaged or cut short, or not a zip file that can be read (${cause.message})`, {
    cause,
  });
}
