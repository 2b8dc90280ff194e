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

describe.each([1, 3] as const)("TIFF of %i channels", (channels) => {
  test.each<[SampleKind, number]>([
    ["uint8", 255],
    ["uint16", 65_535],
  ])("%s: the whole range is mapped to 0 to 255", async (kind, most) => {
    const { data, channels: found } = await decodeImage(ramp(kind, channels, [0, most]), "x.tif");
    const row = Array.from({ length: WIDTH }, (_, x) => data[x * found]);
    expect(row).toEqual(Array.from({ length: WIDTH }, (_, x) => 17 * x));
  });

  test.each<[SampleKind, readonly [number, number], string]>([
    ["float32", [0, 1], "32-bit floating-point"],
    ["float32", [0, 255], "32-bit floating-point"],
    ["float32", [-1, 1], "32-bit floating-point"],
    ["float64", [0, 1], "64-bit"],
    ["uint32", [0, 2 ** 32 - 1], "32-bit"],
    ["uint32", [0, 255], "32-bit"],
    ["int32", [-(2 ** 31), 2 ** 31 - 1], "32-bit signed"],
    ["int16", [-32_768, 32_767], "16-bit signed"],
    ["int16", [0, 255], "16-bit signed"],
    ["int8", [-128, 127], "8-bit signed"],
  ])("%s from %o is refused, as black and white are not defined", async (kind, range, named) => {
    const error: unknown = await decodeImage(ramp(kind, channels, range), "x.tif").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toBe(
      `x.tif holds ${named} pixels, whose range is not known; save it as 8- or 16-bit`,
    );
  });
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
