import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { decodeImage } from "../../src/formats/node/image-file.ts";
import { type SampleKind, tiffBytes } from "./tiff-fixtures.ts";

const WIDTH = 16;

/** A ramp over the columns, from the least to the most. */
function ramp(kind: SampleKind, channels: 1 | 3, [least, most]: readonly [number, number]): Buffer {
  const isWhole = !kind.startsWith("float");
  return tiffBytes({ kind, width: WIDTH, height: 4, channels }, (x) => {
    const value = least + ((most - least) * x) / (WIDTH - 1);
    return isWhole ? Math.round(value) : value;
  });
}

const RAMP = Array.from({ length: WIDTH }, (_, x) => 17 * x);

/** The first row of the first channel. */
async function row(bytes: Buffer): Promise<number[]> {
  const { data, channels, width } = await decodeImage(bytes, "x.tif");
  return Array.from({ length: width }, (_, x) => data[x * channels]!);
}

async function refusal(bytes: Buffer): Promise<string> {
  const error: unknown = await decodeImage(bytes, "x.tif").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

describe.each([1, 3] as const)("TIFF of %i channels", (channels) => {
  test.each<[SampleKind, number]>([
    ["uint8", 255],
    ["uint16", 65_535],
  ])("%s: the whole range is mapped to 0 to 255", async (kind, most) => {
    const { data, channels: found } = await decodeImage(ramp(kind, channels, [0, most]), "x.tif");
    const row = Array.from({ length: WIDTH }, (_, x) => data[x * found]);
    expect(row).toEqual(Array.from({ length: WIDTH }, (_, x) => 17 * x));
  });

  test("samples of 12 bits in 16 are mapped to 0 to 255; of fewer than 8 bits they are 16-bit samples", async () => {
    expect(await row(ramp("uint16", channels, [0, 4095]))).toEqual(RAMP);
    expect(await row(ramp("uint16", channels, [0, 255]))).toEqual(Array(WIDTH).fill(0));
    const above = await row(ramp("uint16", channels, [0, 4096]));
    expect(above.at(-1)).toBe(16);
  });

  test("floats from 0 to 1 are shares of white, whole ones to 255 pixels, others are scaled by their range", async () => {
    expect(await row(ramp("float32", channels, [0, 1]))).toEqual(RAMP);
    expect(await row(ramp("float32", channels, [0, 0.2]))).toEqual(RAMP.map((value) => Math.round(value / 5)));
    expect(await row(ramp("float32", channels, [0, 255]))).toEqual(RAMP);
    expect(await row(ramp("float32", channels, [0, 60]))).toEqual(Array.from({ length: WIDTH }, (_, x) => 4 * x));
    expect(await row(ramp("float32", channels, [-1, 1]))).toEqual(RAMP);
    expect(await row(ramp("float32", channels, [500, 8000]))).toEqual(RAMP);
  });

  test.each<[SampleKind, readonly [number, number], string]>([
    ["float64", [0, 1], "64-bit pixels"],
    ["int16", [-32_768, 32_767], "16-bit signed pixels"],
    ["int16", [0, 255], "16-bit signed pixels"],
    ["int8", [-128, 127], "8-bit signed pixels"],
  ])("%s from %o is refused", async (kind, range, named) => {
    expect(await refusal(ramp(kind, channels, range))).toBe(
      `x.tif holds ${named}, which are not read; save it as 8- or 16-bit`,
    );
  });
});

test.each<[SampleKind, string]>([
  ["uint32", "32-bit"],
  ["int32", "32-bit signed"],
])("a colour TIFF of %s is refused", async (kind, named) => {
  expect(await refusal(ramp(kind, 3, [0, 255]))).toBe(
    `x.tif holds ${named} pixels of 3 channels, not gray, which are not read; save it as 8- or 16-bit`,
  );
});

describe("gray TIFF of 32-bit integers", () => {
  test.each<[SampleKind, readonly [number, number]]>([
    ["uint32", [0, 2 ** 32 - 1]],
    ["uint32", [1000, 70_000]],
    ["uint32", [0, 255]],
    ["int32", [-(2 ** 31), 2 ** 31 - 1]],
    ["int32", [-20, 280]],
  ])("%s from %o is mapped to 0 to 255", async (kind, range) => {
    expect(await row(ramp(kind, 1, range))).toEqual(RAMP);
  });

  test("small whole numbers are pixels", async () => {
    expect(await row(ramp("uint32", 1, [0, 60]))).toEqual(Array.from({ length: WIDTH }, (_, x) => 4 * x));
  });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("a TIFF with the float %f is refused", async (value) => {
  const bytes = tiffBytes({ kind: "float32", width: WIDTH, height: 4, channels: 1 }, (x) => (x === 3 ? value : x));
  expect(await refusal(bytes)).toBe(
    "x.tif holds pixels that are not numbers (NaN or infinite); save it with a value for each",
  );
});

test("a cut TIFF of floats is refused, and one of one value is black", async () => {
  const bytes = ramp("float32", 1, [0, 1]);
  expect(await refusal(bytes.subarray(0, -40))).toMatch(/^x\.tif is damaged or cut short/);
  expect(await row(ramp("float32", 1, [7.5, 7.5]))).toEqual(Array(WIDTH).fill(0));
});

test.each([1, 2, 4] as const)("TIFF of %i bits is read", async (bitdepth) => {
  const halves = sharp(
    Uint8Array.from({ length: 256 }, (_, i) => (i % WIDTH < 8 ? 0 : 255)),
    { raw: { width: WIDTH, height: 16, channels: 1 } },
  );
  const bytes = await halves.toColourspace("b-w").tiff({ bitdepth, compression: "none" }).toBuffer();
  const { data, channels } = await decodeImage(bytes, "x.tif");
  expect([data[0], data[15 * channels]]).toEqual([0, 255]);
});
