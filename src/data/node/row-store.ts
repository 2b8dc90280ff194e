/** Rows that are too many for memory: they are written to a file as they are made, and read from it. */
import { closeSync, openSync, readSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf, UserError } from "../../errors.ts";
import { megabytes } from "../../text.ts";
import { bufferFor, checkRead, inRowParts, memoryRows, type Rows, valueBytes } from "../rows.ts";
import { defaultCacheFolder, withStaging } from "./cache.ts";

/** Larger sets are read from a file, in bytes: 400 pictures of 224 px. */
const MEMORY_BYTES = 2 ** 26;
const VARIABLE = "TAILOR_PICTURE_MEMORY";

/**
 * Up to how many bytes the rows of a set are kept in memory.
 *
 * @throws UserError when $TAILOR_PICTURE_MEMORY is no whole number of megabytes
 */
export function memoryBound(environment: NodeJS.ProcessEnv = process.env): number {
  const { [VARIABLE]: given } = environment;
  if (!given) return MEMORY_BYTES;
  if (!/^\d{1,9}$/.test(given)) {
    throw new UserError(
      `${VARIABLE} is "${given}"; give a whole number of megabytes: larger sets are read from a file instead of memory`,
    );
  }
  return Number(given) * 1e6;
}

/** Rows that are being made, in any order. */
export interface RowStore<Values extends Uint8Array | Float32Array> {
  /** Writes rows from `start` on; `values` may be reused afterwards. @throws UserError when the disk is full */
  write(start: number, values: Values): void;
  /** The rows; those that were not written are zero. Nothing may be written after this. */
  rows(): Rows<Values>;
}

/** What a store is for. */
export interface StoreOptions<Values extends Uint8Array | Float32Array>
  extends Pick<Rows<Values>, "dtype" | "count" | "size"> {
  /** What the rows are, in the plural, for messages: "the decoded pictures". */
  readonly what: string;
  /** Number of such sets that may be in memory together, which share `memoryBound`. Default 1. */
  readonly sharedBy?: number | undefined;
}

/**
 * A place for rows: memory, or beyond `memoryBound` a file without a name in tailor's cache folder, which the system removes when
 * the rows are no longer used or the process ends, however it ends.
 *
 * @throws UserError when the file cannot be made, or its disk has too little room for all rows
 */
export async function createRowStore<Values extends Uint8Array | Float32Array>(
  { what, sharedBy = 1, ...shape }: StoreOptions<Values>,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<RowStore<Values>> {
  const bytes = shape.count * shape.size * valueBytes(shape);
  if (bytes <= memoryBound(environment) / sharedBy) return memoryStore(shape);
  const folder = defaultCacheFolder(environment);
  // Its name is gone before the first byte is written.
  const file = await withStaging(folder, async (staging) => openSync(join(staging, "rows"), "wx+", 0o600));
  const { bavail, bsize } = statfsSync(folder);
  if (bytes > bavail * bsize) {
    closeSync(file);
    throw new UserError(
      `${what} need ${megabytes(bytes)} in ${folder}, whose disk has ${megabytes(bavail * bsize)} left: ${REMEDY}`,
    );
  }
  return fileStore({ file, folder, what, ...shape });
}

const REMEDY = `make room, set TAILOR_CACHE to a folder on another disk, or ${VARIABLE} to more megabytes to keep them in memory`;

/** A copy of rows in a place of their own, without what the rows that they were taken from have besides. */
export async function storedRows(rows: Rows, what: string): Promise<Rows> {
  const { dtype, count, size } = rows;
  const store = await createRowStore<Uint8Array>({ dtype, count, size, what });
  for (const { start, values } of inRowParts(rows)) store.write(start, values);
  return store.rows();
}

type Shape<Values extends Uint8Array | Float32Array> = Pick<Rows<Values>, "dtype" | "count" | "size">;

function memoryStore<Values extends Uint8Array | Float32Array>(shape: Shape<Values>): RowStore<Values> {
  const values = bufferFor<Values>(shape, shape.count);
  return {
    write: (start, some) => values.set(some, start * shape.size),
    rows: () => memoryRows(values as Uint8Array, shape.size) as Rows<Uint8Array | Float32Array> as Rows<Values>,
  };
}

/** @param options.file open for reading and writing, empty; the rows own it */
export function fileStore<Values extends Uint8Array | Float32Array>({
  file,
  folder,
  what,
  ...shape
}: StoreOptions<Values> & { readonly file: number; readonly folder: string }): RowStore<Values> {
  const rowBytes = shape.size * valueBytes(shape);
  const rows = fileRows<Values>({ file, offset: 0, what, ...shape });
  return {
    write(start, values) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      try {
        for (let at = 0; at < bytes.length; )
          at += writeSync(file, bytes, at, bytes.length - at, start * rowBytes + at);
      } catch (error) {
        if (!(error instanceof Error && "syscall" in error)) throw error;
        throw new UserError(`${what} could not be written in ${folder} (${messageOf(error)}): ${REMEDY}`, {
          cause: error,
        });
      }
    },
    rows: () => rows,
  };
}

/** Closes files that can no longer be read: a server drops sets, and does not know when their last reader ends. */
const opened = new FinalizationRegistry<number>(closeSync);

/**
 * Rows of an open file.
 *
 * @param options.file the rows own it: it is closed some time after they are no longer used
 * @param options.offset of the first row, in bytes
 */
export function fileRows<Values extends Uint8Array | Float32Array>({
  file,
  offset,
  what,
  ...shape
}: StoreOptions<Values> & { readonly file: number; readonly offset: number }): Rows<Values> {
  const rowBytes = shape.size * valueBytes(shape);
  // Held by `read`, so that a copy of the rows keeps the file open too.
  const handle = { file };
  opened.register(handle, file);
  return {
    ...shape,
    read(start, end) {
      checkRead(shape, start, end);
      const values = bufferFor<Values>(shape, end - start);
      const bytes = new Uint8Array(values.buffer);
      let filled = 0;
      while (filled < bytes.length) {
        const read = readSync(handle.file, bytes, filled, bytes.length - filled, offset + start * rowBytes + filled);
        if (read === 0) throw new UserError(`${what} were cut short on the disk; run the command again`);
        filled += read;
      }
      return values;
    },
  };
}
