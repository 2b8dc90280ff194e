import { describe, expect, test } from "vitest";
import { decodeSafetensors } from "../../src/formats/safetensors.ts";
import { PUBLISHED_TYPES } from "../../src/formats/safetensors-dtypes.ts";
import { entry, safetensorsFile } from "./support/safetensors.ts";

const isCounter = (name: string) => name === "counter";

function readOne(dtype: string, count: number, bytes: readonly number[]): number[] {
  const file = safetensorsFile(`{"a":${entry([count], [0, bytes.length], dtype)}}`, bytes);
  const { tensors } = decodeSafetensors(file, "x", { types: PUBLISHED_TYPES, skip: isCounter });
  return [...tensors[0]!.data];
}

/** The bytes of 16-bit words, lowest first. */
const words = (...values: number[]) => values.flatMap((value) => [value & 0xff, value >> 8]);

describe("floats of other widths are converted to float32", () => {
  test("half floats: the examples of IEEE 754's interchange format", () => {
    // 1, the next above 1, -2, the largest, the smallest normal and subnormal, the largest subnormal, 1/3, -0,
    // infinity.
    const bits = words(0x3c00, 0x3c01, 0xc000, 0x7bff, 0x0400, 0x0001, 0x03ff, 0x3555, 0x8000, 0x7c00);
    const expected = [1, 1 + 2 ** -10, -2, 65_504, 2 ** -14, 2 ** -24, 1023 * 2 ** -24, 0.333251953125, -0];
    expect(readOne("F16", 10, bits)).toEqual([...expected, Number.POSITIVE_INFINITY]);
    expect(readOne("F16", 1, words(0xfe00))).toEqual([Number.NaN]);
  });

  test("bfloat16: the upper half of a float32", () => {
    const bits = words(0x3f80, 0xc049, 0x0080, 0x7f7f, 0xff80);
    const expected = [1, -3.140625, 2 ** -126, 255 * 2 ** 120, Number.NEGATIVE_INFINITY];
    expect(readOne("BF16", 5, bits)).toEqual(expected);
  });

  test("float64 is rounded to the nearest float32", () => {
    const doubles = new DataView(new ArrayBuffer(24));
    for (const [i, value] of [Math.PI, 1 + 2 ** -30, 1e300].entries()) doubles.setFloat64(i * 8, value, true);
    const bytes = [...new Uint8Array(doubles.buffer)];
    expect(readOne("F64", 3, bytes)).toEqual([Math.fround(Math.PI), 1, Number.POSITIVE_INFINITY]);
  });
});

describe("integers", () => {
  const header = `{"counter":${entry([], [0, 8], "I64")},"a":${entry([1], [8, 12])}}`;
  const data = [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f];

  test("of skipped tensors are ignored", () => {
    const { tensors } = decodeSafetensors(safetensorsFile(header, data), "x", {
      types: PUBLISHED_TYPES,
      skip: isCounter,
    });
    expect(tensors).toEqual([{ name: "a", shape: [1], data: Float32Array.of(1) }]);
  });

  test.each<[string, string, number[], RegExp]>([
    ["as weights", header.replace("counter", "steps"), data, /"steps": expected dtype "F32" or .*"BF16", found "I64"/],
    ["with other sizes", header.replace("[0,8]", "[0,4]"), data, /"counter": expected data_offsets 8 bytes apart/],
    ["of unknown types", header.replace("I64", "F8_E4M3"), data, /"counter": expected dtype .*, found "F8_E4M3"/],
    ["that overlap", header.replace("[8,12]", "[4,8]"), data, /overlaps the one before/],
  ])("%s are refused", (_, text, bytes, message) => {
    const read = () =>
      decodeSafetensors(safetensorsFile(text, bytes), "x", { types: PUBLISHED_TYPES, skip: isCounter });
    expect(read).toThrow(message);
  });

  test("are refused where only tailor's own tensors are expected", () => {
    expect(() => decodeSafetensors(safetensorsFile(header, data), "x")).toThrow(/expected dtype "F32", found "I64"/);
  });
});
