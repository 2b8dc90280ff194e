/**
 * Element types of safetensors files by the names of the published format, and the conversion of other floats to
 * float32. Half floats follow IEEE 754-2008 (5 bits of exponent, 10 of fraction); bfloat16 is the upper half of a
 * float32.
 */

/** An element type: its size, and for floats how to read elements. Integers have a size only. */
export interface ElementType {
  readonly bytes: number;
  /** @param begin byte offset of the first element; may be unaligned */
  readonly read?: (view: DataView, begin: number, count: number) => Float32Array;
}

/** The type that tailor writes. Every bit is preserved, including NaN payloads. */
export const FLOAT32_ONLY: ReadonlyMap<string, ElementType> = new Map([
  [
    "F32",
    {
      bytes: 4,
      read(view: DataView, begin: number, count: number) {
        const words = new Uint32Array(count);
        for (let i = 0; i < count; i++) words[i] = view.getUint32(begin + i * 4, true);
        return new Float32Array(words.buffer);
      },
    },
  ],
]);

/** Types that other programs write: floats, rounded to float32 where wider, and integers, which can only be skipped. */
export const PUBLISHED_TYPES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ...FLOAT32_ONLY,
  ["F64", floats(8, (view, at) => view.getFloat64(at, true))],
  ["F16", floats(2, (view, at) => fromHalf(view.getUint16(at, true)))],
  ["BF16", floats(2, (view, at) => fromBrainFloat(view.getUint16(at, true)))],
  ...["BOOL", "U8", "I8"].map((name) => [name, { bytes: 1 }] as const),
  ...["U16", "I16"].map((name) => [name, { bytes: 2 }] as const),
  ...["U32", "I32"].map((name) => [name, { bytes: 4 }] as const),
  ...["U64", "I64"].map((name) => [name, { bytes: 8 }] as const),
]);

function floats(bytes: number, element: (view: DataView, at: number) => number): ElementType {
  return {
    bytes,
    read(view, begin, count) {
      const values = new Float32Array(count);
      for (let i = 0; i < count; i++) values[i] = element(view, begin + i * bytes);
      return values;
    },
  };
}

/** The value of a half float's 16 bits; exact in float32. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 0x400;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? 2 ** -14 * fraction : 2 ** (exponent - 15) * (1 + fraction));
}

const word = new DataView(new ArrayBuffer(4));

function fromBrainFloat(bits: number): number {
  word.setUint16(0, bits);
  return word.getFloat32(0);
}
