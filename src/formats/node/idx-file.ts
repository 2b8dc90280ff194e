import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf, UserError } from "../../errors.ts";
import { count } from "../../text.ts";
import type { IdxArray } from "../idx.ts";
import { parseIdx } from "../idx.ts";

/** An IDX file read from disk. */
export interface IdxFile extends IdxArray {
  /** The path that was read: as passed in, or with ".gz" appended. */
  readonly path: string;
  /** The whole uncompressed file, header included; `data` is a view of it. */
  readonly bytes: Uint8Array;
}

/** Limit against gzip bombs; image sets for this program are far smaller. */
const MAX_BYTES = 512 * 2 ** 20;
/** zlib's default of 16 KiB would split a file of images into thousands of chunks. */
const CHUNK_BYTES = 2 ** 20;

const unpack = promisify(gunzip);

/**
 * Reads the IDX file at `path`, or the gzip-compressed one at `path + ".gz"`. Where both exist the uncompressed one is
 * read, unless that is a folder.
 *
 * @param maxBytes largest uncompressed size that is accepted
 * @throws UserError naming the file when it is missing, cannot be read or decompressed, is too large or is not IDX
 */
export async function readIdxFile(
  path: string,
  { maxBytes = MAX_BYTES }: { maxBytes?: number } = {},
): Promise<IdxFile> {
  const packed = `${path}.gz`;
  const isBesideFolder = (await isOf(path, "folder")) && (await isOf(packed, "file"));
  const plain = isBesideFolder ? undefined : await readIfPresent(path, maxBytes);
  if (plain) return { path, bytes: plain, ...parseIdx(plain, path) };

  const compressed = await readIfPresent(packed, maxBytes);
  if (!compressed) throw new UserError(`Neither ${path} nor ${packed} exists`);
  const bytes = await decompress(compressed, packed, maxBytes);
  return { path: packed, bytes, ...parseIdx(bytes, packed) };
}

async function isOf(path: string, kind: "file" | "folder"): Promise<boolean> {
  const entry = await stat(path).catch(() => undefined);
  return (kind === "file" ? entry?.isFile() : entry?.isDirectory()) ?? false;
}

/** The file's bytes, or undefined when it does not exist. */
async function readIfPresent(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    const entry = await stat(path);
    if (!entry.isFile() && !entry.isDirectory()) {
      throw new UserError(`${path} is a pipe or device: a readable file is needed there`);
    }
    const { size } = entry;
    if (size > maxBytes) throw tooLarge(path, maxBytes);
    return plainBytes(await readFile(path));
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = errorCode(error);
    if (code === "ENOENT") return undefined;
    throw new UserError(`${path} cannot be read (${code}): a readable file is needed there`, { cause: error });
  }
}

async function decompress(compressed: Uint8Array, path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    return plainBytes(
      await unpack(compressed, { maxOutputLength: maxBytes, chunkSize: Math.min(CHUNK_BYTES, maxBytes) }),
    );
  } catch (error) {
    const code = errorCode(error);
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(path, maxBytes);
    const fault = code === "Z_BUF_ERROR" ? "is cut short" : "is corrupt";
    const detail = messageOf(error);
    throw new UserError(`${path} ${fault} (gzip: ${detail}). Fetch it again, or remove it`, { cause: error });
  }
}

/** A plain view of the same memory, as Buffer's slice() does not copy. */
function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function tooLarge(path: string, maxBytes: number): UserError {
  return new UserError(`${path} is larger than the ${count(maxBytes)} bytes that are accepted`);
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}
