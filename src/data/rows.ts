/**
 * Equally long rows of numbers, of which a few are read at a time: the pixels of images, or their features. They are in
 * memory, or in a file that may be larger than memory (`node/row-store.ts`); code that reads them need not know which.
 */
export interface Rows<Values extends Uint8Array | Float32Array = Uint8Array> {
  readonly dtype: Values extends Float32Array ? "float32" : "uint8";
  readonly count: number;
  /** Values of a row. */
  readonly size: number;
  /**
   * The rows from `start` to before `end`, [end - start, size]. Do not write to them: they may be the rows themselves.
   *
   * @throws RangeError for rows that do not exist, and for several rows of more than `MAX_READ_BYTES`: so that no code
   *   holds all of them by accident
   */
  read(start: number, end: number): Values;
}

/** Maximum size of rows that are read at once: ten times what an evaluation needs, a third of Fashion-MNIST. */
export const MAX_READ_BYTES = 2 ** 24;

/** Size of the parts in which all rows are read. */
const PART_BYTES = 2 ** 20;

/** Bytes of a value. */
export function valueBytes({ dtype }: Pick<Rows<Uint8Array | Float32Array>, "dtype">): number {
  return dtype === "float32" ? 4 : 1;
}

/** @throws RangeError as `Rows.read` does */
export function checkRead(
  rows: Pick<Rows<Uint8Array | Float32Array>, "count" | "size" | "dtype">,
  start: number,
  end: number,
): void {
  if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= rows.count)) {
    throw new RangeError(`rows ${start} to ${end} of ${rows.count}`);
  }
  const bytes = (end - start) * rows.size * valueBytes(rows);
  if (end - start > 1 && bytes > MAX_READ_BYTES) {
    throw new RangeError(
      `${bytes} bytes of rows are read at once; at most ${MAX_READ_BYTES} may be: read them in parts`,
    );
  }
}

/** A buffer for `count` rows of this kind. */
export function bufferFor<Values extends Uint8Array | Float32Array>(
  { dtype, size }: Pick<Rows<Values>, "dtype" | "size">,
  count: number,
): Values {
  return (dtype === "float32" ? new Float32Array(count * size) : new Uint8Array(count * size)) as Values;
}

/**
 * Rows in memory, not copied.
 *
 * @param values [count, size]
 * @throws RangeError when they are no whole number of rows
 */
export function memoryRows(values: Uint8Array, size: number): Rows;
export function memoryRows(values: Float32Array, size: number): Rows<Float32Array>;
export function memoryRows(values: Uint8Array | Float32Array, size: number): Rows | Rows<Float32Array> {
  if (values.length % size !== 0) throw new RangeError(`${values.length} values are no whole rows of ${size}`);
  const dtype = values instanceof Float32Array ? "float32" : "uint8";
  const shape = { dtype, count: values.length / size, size } as const;
  return {
    ...shape,
    read(start: number, end: number) {
      checkRead(shape, start, end);
      return values.subarray(start * size, end * size);
    },
  } as Rows | Rows<Float32Array>;
}

/**
 * The rows at `indices`, in that order, without copying them; an index may occur more than once.
 *
 * @throws RangeError when an index is not below the number of rows
 */
export function selectRows<Values extends Uint8Array | Float32Array>(
  rows: Rows<Values>,
  indices: Uint32Array,
): Rows<Values> {
  const beyond = indices.find((index) => index >= rows.count);
  if (beyond !== undefined) throw new RangeError(`index ${beyond} of ${rows.count} rows`);
  const places = indices.slice();
  const shape = { dtype: rows.dtype, count: places.length, size: rows.size };
  return {
    ...shape,
    read(start, end) {
      checkRead(shape, start, end);
      const first = places[start] ?? 0;
      if (isRange(places, start, end)) return rows.read(first, first + end - start);
      const values = bufferFor<Values>(shape, end - start);
      for (let row = start; row < end; row++) {
        const place = places[row]!;
        values.set(rows.read(place, place + 1), (row - start) * shape.size);
      }
      return values;
    },
  };
}

/** Whether the places from `start` to before `end` follow each other. */
function isRange(places: Uint32Array, start: number, end: number): boolean {
  for (let i = start + 1; i < end; i++) if (places[i] !== places[i - 1]! + 1) return false;
  return true;
}

/** The rows of several, one after the other, without copying them. @param all one or more, of the same size */
export function joinRows<Values extends Uint8Array | Float32Array>(all: readonly Rows<Values>[]): Rows<Values> {
  const { dtype, size } = all[0]!;
  if (all.some((rows) => rows.size !== size)) throw new RangeError("rows of several sizes cannot be joined");
  if (all.length === 1) return all[0]!;
  const shape = { dtype, size, count: all.reduce((sum, { count }) => sum + count, 0) };
  return {
    ...shape,
    read(start, end) {
      checkRead(shape, start, end);
      const values: Values[] = [];
      let first = 0;
      for (const rows of all) {
        const [from, to] = [Math.max(start - first, 0), Math.min(end - first, rows.count)];
        if (from < to) values.push(rows.read(from, to));
        first += rows.count;
      }
      if (values.length === 1) return values[0]!;
      const joined = bufferFor<Values>(shape, end - start);
      let filled = 0;
      for (const part of values) {
        joined.set(part, filled);
        filled += part.length;
      }
      return joined;
    },
  };
}

/** All rows in their order, some at a time. @param bytes of a part, at most, but at least a row */
export function* inRowParts<Values extends Uint8Array | Float32Array>(
  rows: Rows<Values>,
  bytes = PART_BYTES,
): Generator<{ readonly start: number; readonly values: Values }> {
  const step = Math.max(1, Math.floor(bytes / (rows.size * valueBytes(rows))));
  for (let start = 0; start < rows.count; start += step) {
    yield { start, values: rows.read(start, Math.min(start + step, rows.count)) };
  }
}

/** The bytes of all rows, some at a time: for checksums, files and responses. @param bytes as in `inRowParts` */
export function* bytesOf(rows: Rows<Uint8Array | Float32Array>, bytes?: number): Generator<Uint8Array> {
  for (const { values } of inRowParts(rows, bytes))
    yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
