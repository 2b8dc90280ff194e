import { UserError } from "../errors.ts";
import { fromHalf } from "./safetensors-dtypes.ts";

/**
 * The header of NPY, the format of NumPy's arrays (numpy.lib.format, versions 1 to 3):
 *
 *     offset 0   0x93 "NUMPY"
 *     offset 6   version, major and minor
 *     offset 8   length of the text, little-endian: 16 bits in version 1, else 32
 *     then       a Python dict as text: {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }
 *     then       the elements
 */
export interface NpyHeader {
  readonly type: NpyType;
  /** Sizes, outermost first; empty for a single element. */
  readonly shape: readonly number[];
  /** Whether the first axis varies fastest; else the last. */
  readonly isFortran: boolean;
  /** Length of the header, in bytes. */
  readonly headerBytes: number;
}

/** Type of an array's elements. */
export interface NpyType {
  /** NumPy's name: "uint8", "float32", "<U5". */
  readonly name: string;
  readonly kind: "boolean" | "integer" | "float" | "text";
  readonly isSigned: boolean;
  /** Bytes of an element. */
  readonly bytes: number;
  /** @param at byte offset; may be unaligned */
  readonly read: (view: DataView, at: number) => number | string;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy itself refuses longer ones, as they may take long to parse. */
const MAX_TEXT_BYTES = 10_000;
/** A header is never longer than this. */
export const MAX_NPY_HEADER = MAX_TEXT_BYTES + 12;

/**
 * Parses the header of an array.
 *
 * @param bytes the beginning of the file, the whole header at least
 * @param name names the array in errors
 * @throws UserError when it is not such a header, is cut short, or the elements are of a type that is not read: Python
 *   objects (pickled; reading them can run code), records, complex numbers, dates
 */
export function parseNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const malformed = (found: string) =>
    new UserError(`${name} is not a NumPy array (${found}); save it again with NumPy`);
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw malformed("its first bytes are others");
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) throw malformed(`version ${version} of the format is unknown`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw malformed("it is cut short");
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_TEXT_BYTES) throw malformed(`its header has ${length} bytes`);
  if (bytes.length < start + length) throw malformed("it is cut short");
  const text = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(bytes.subarray(start, start + length));
  const shape = /'shape':\s*\(([\d\s,L]*)\)/.exec(text);
  const order = /'fortran_order':\s*(True|False)/.exec(text);
  const descr = /'descr':\s*(?:'([^']*)'|(\[))/.exec(text);
  if (!shape || !order || !descr) throw malformed("its header names no descr, fortran_order and shape");
  const sizes = shape[1]!.split(",").map((size) => size.trim().replace(/L$/, ""));
  const numbers = sizes.filter((size) => size !== "").map(Number);
  if (!numbers.every(Number.isSafeInteger)) throw malformed(`its shape is (${shape[1]})`);
  return {
    type: typeOf(descr[1] ?? "records", name),
    shape: numbers,
    isFortran: order[1] === "True",
    headerBytes: start + length,
  };
}

/** By NumPy's letter and the number of bytes. */
const NUMBERS: Readonly<Record<string, (view: DataView, at: number, isLittle: boolean) => number>> = {
  b1: (view, at) => view.getUint8(at),
  u1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u2: (view, at, isLittle) => view.getUint16(at, isLittle),
  i2: (view, at, isLittle) => view.getInt16(at, isLittle),
  u4: (view, at, isLittle) => view.getUint32(at, isLittle),
  i4: (view, at, isLittle) => view.getInt32(at, isLittle),
  u8: (view, at, isLittle) => Number(view.getBigUint64(at, isLittle)),
  i8: (view, at, isLittle) => Number(view.getBigInt64(at, isLittle)),
  f2: (view, at, isLittle) => fromHalf(view.getUint16(at, isLittle)),
  f4: (view, at, isLittle) => view.getFloat32(at, isLittle),
  f8: (view, at, isLittle) => view.getFloat64(at, isLittle),
};
const LETTERS: Readonly<Record<string, string>> = { b: "bool", u: "uint", i: "int", f: "float" };
const MAX_LETTERS = 10_000;

function typeOf(descr: string, name: string): NpyType {
  const [, order, letter, digits] = /^([<>|=])([a-zA-Z])(\d*)$/.exec(descr) ?? [];
  if (letter === "O") {
    throw new UserError(
      `${name} holds Python objects: they are pickled, and reading them could run any program. Save it as numbers, of one shape, e.g. with .astype("uint8")`,
    );
  }
  const isLittle = order !== ">";
  const size = Number(digits);
  const number = NUMBERS[`${letter}${digits}`];
  if (number && letter) {
    return {
      name: letter === "b" ? "bool" : `${LETTERS[letter]}${8 * size}`,
      kind: letter === "b" ? "boolean" : letter === "f" ? "float" : "integer",
      isSigned: letter === "i" || letter === "f",
      bytes: size,
      read: (view, at) => number(view, at, isLittle),
    };
  }
  if ((letter === "U" || letter === "S") && size > 0 && size <= MAX_LETTERS) {
    const read = letter === "U" ? unicode(size, isLittle) : latin1(size);
    return { name: descr, kind: "text", isSigned: false, bytes: letter === "U" ? 4 * size : size, read };
  }
  throw new UserError(
    `${name} has elements of the type ${descr}; allowed are integers, floats of 16, 32 and 64 bits, bool and (for labels) text`,
  );
}

/** Text of a fixed length in UCS-4, padded with zeros. */
function unicode(length: number, isLittle: boolean): NpyType["read"] {
  return (view, at) => {
    const codes = Array.from({ length }, (_, i) => view.getUint32(at + 4 * i, isLittle));
    const end = 1 + codes.findLastIndex((code) => code !== 0);
    return codes
      .slice(0, end)
      .map((code) => (code > 0x10ffff ? "\uFFFD" : String.fromCodePoint(code)))
      .join("");
  };
}

/** Bytes of a fixed length, padded with zeros. */
function latin1(length: number): NpyType["read"] {
  return (view, at) => {
    const codes = Array.from({ length }, (_, i) => view.getUint8(at + i));
    return String.fromCharCode(...codes.slice(0, 1 + codes.findLastIndex((code) => code !== 0)));
  };
}
