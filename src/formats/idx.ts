import { UserError } from "../errors.ts";
import { count } from "../text.ts";

/**
 * IDX, the file format of MNIST and its successors (LeCun, Cortes and Burges, "The MNIST database of handwritten
 * digits"): a big-endian header, then the array in row-major order.
 *
 *     offset 0   0x00 0x00
 *     offset 2   element type; 0x08 is uint8, the only one supported
 *     offset 3   rank r
 *     offset 4   r sizes, unsigned 32-bit big-endian
 *     then       the elements, to the end of the file
 *
 * So a file of labels starts with 0x00000801 and a file of images with 0x00000803.
 */
export interface IdxArray {
  /** Sizes, outermost first: [count] for labels, [count, height, width] for images. Each is at least 1. */
  readonly shape: readonly number[];
  /** The elements, row-major: a view of the parsed bytes, not a copy. */
  readonly data: Uint8Array;
}

const UINT8_TYPE = 0x08;
const MAGIC_BYTES = 4;
const SIZE_BYTES = 4;

/** The other element types of the format, for error messages. */
const OTHER_TYPES = new Map([
  [0x09, "int8"],
  [0x0b, "int16"],
  [0x0c, "int32"],
  [0x0d, "float32"],
  [0x0e, "float64"],
]);

/**
 * Reads an IDX file of unsigned bytes.
 *
 * @param bytes the whole file, uncompressed
 * @param name the file's name, for error messages
 * @throws UserError naming the file, what was expected and what was found
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rank = readRank(view, name);

  const headerBytes = MAGIC_BYTES + rank * SIZE_BYTES;
  if (bytes.length < headerBytes) {
    throw malformed(name, `a header of ${headerBytes} bytes for rank ${rank}`, `${bytes.length} bytes in all`);
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(MAGIC_BYTES + axis * SIZE_BYTES));
  if (shape.includes(0)) throw malformed(name, "sizes of 1 and up", `[${shape.join(", ")}]`);

  const declared = shape.reduce((product, size) => product * size, 1);
  const found = bytes.length - headerBytes;
  if (declared !== found) {
    throw malformed(
      name,
      `${sizeText(declared)} bytes of data as its header says, [${shape.join(", ")}]`,
      `${sizeText(found)}${found < declared ? " (cut short?)" : ""}`,
    );
  }
  return { shape, data: bytes.subarray(headerBytes) };
}

/** Checks the four bytes of the magic number and returns the rank they declare. */
function readRank(view: DataView, name: string): number {
  if (view.byteLength < MAGIC_BYTES) {
    throw malformed(name, `at least ${MAGIC_BYTES} bytes`, `${view.byteLength}`);
  }
  const magic = `0x${view.getUint32(0).toString(16).padStart(8, "0")}`;
  if (view.getUint16(0) === 0x1f8b) {
    throw malformed(name, "uncompressed data", "gzip data: give the file the ending .gz, or unpack it");
  }
  if (view.getUint16(0) !== 0) {
    throw malformed(name, "the magic number 0x00000801 (labels) or 0x00000803 (images)", magic);
  }
  const type = view.getUint8(2);
  if (type !== UINT8_TYPE) {
    throw malformed(name, "elements of type uint8 (0x08)", `${OTHER_TYPES.get(type) ?? "an unknown type"} in ${magic}`);
  }
  const rank = view.getUint8(3);
  if (rank === 0) throw malformed(name, "a rank of 1 and up", `rank 0 in ${magic}`);
  return rank;
}

function malformed(name: string, expected: string, found: string): UserError {
  return new UserError(`${name} is not a usable IDX file: expected ${expected}; found ${found}`);
}

/** A size with thousands separators; a product of sizes may exceed exact integers. */
function sizeText(value: number): string {
  return Number.isSafeInteger(value) ? count(value) : "more than 2^53";
}
