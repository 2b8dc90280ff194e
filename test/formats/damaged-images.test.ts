import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { decodeImage } from "../../src/formats/node/image-file.ts";
import { FLAG_HEIC } from "./heic-fixtures.ts";
import { tiffBytes } from "./tiff-fixtures.ts";

const [WIDTH, HEIGHT] = [160, 120];

/** Soft stripes with grain, so that every part of every file carries information. */
const PHOTO = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
  const [x, y, c] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH), i % 3];
  return 128 + 100 * Math.sin(x / 20 + c) * Math.cos(y / 17) + ((x * 7919 + y * 104_729) % 13);
});
const photo = () => sharp(PHOTO, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });

function outcome(bytes: Uint8Array): Promise<string> {
  return decodeImage(bytes, "x").then(
    ({ width, height }) => `${width}x${height}`,
    (error: unknown) => {
      if (error instanceof UserError) return error.message;
      throw error;
    },
  );
}

describe("a truncated file is refused, wherever it ends", () => {
  const FORMATS: Record<string, () => Promise<Buffer>> = {
    png: () => photo().png().toBuffer(),
    "interlaced png": () => photo().png({ progressive: true }).toBuffer(),
    jpeg: () => photo().jpeg().toBuffer(),
    "progressive jpeg": () => photo().jpeg({ progressive: true }).toBuffer(),
    webp: () => photo().webp().toBuffer(),
    "lossless webp": () => photo().webp({ lossless: true }).toBuffer(),
    gif: () => photo().gif().toBuffer(),
    "tiff, its directory last": () => photo().tiff({ compression: "lzw" }).toBuffer(),
    "tiff with jpeg inside": () => photo().tiff({ compression: "jpeg" }).toBuffer(),
    "tiff, its pixels last": async () =>
      tiffBytes({ kind: "uint8", width: WIDTH, height: HEIGHT, channels: 3 }, (x, y) => x + y / 2),
    avif: () => photo().avif({ effort: 0 }).toBuffer(),
  };

  test.each(Object.keys(FORMATS))("%s", async (format) => {
    const bytes = await FORMATS[format]!();
    expect(await outcome(bytes)).toBe(`${WIDTH}x${HEIGHT}`);
    const { length } = bytes;
    for (const left of [
      40,
      0.5 * length,
      0.9 * length,
      0.99 * length,
      length - 20,
      length - 10,
      length - 2,
      length - 1,
    ]) {
      expect(await outcome(bytes.subarray(0, Math.floor(left)))).toMatch(/^x is damaged or cut short \(.+\)$/);
    }
  });

  test("heic", async () => {
    expect(await outcome(FLAG_HEIC)).toBe("24x16");
    // Its pixels end with the file: the last bytes matter least, and a few of them not at all.
    for (let left = 40; left < FLAG_HEIC.length; left += 20) {
      expect(await outcome(FLAG_HEIC.subarray(0, left))).toMatch(/^x is damaged or cut short \(.+\)$/);
    }
  });

  test.each(["gif", "webp"] as const)("an animated %s", async (format) => {
    const frames = Buffer.concat([PHOTO, Buffer.from(PHOTO).reverse()]);
    const raw = { width: WIDTH, height: 2 * HEIGHT, channels: 3, pageHeight: HEIGHT } as const;
    const bytes = await sharp(frames, { raw }).toFormat(format).toBuffer();
    expect(await outcome(bytes)).toBe(`${WIDTH}x${HEIGHT}`);
    for (const share of [0.3, 0.7, 0.99]) {
      expect(await outcome(bytes.subarray(0, Math.floor(share * bytes.length)))).toMatch(/^x is damaged or cut short/);
    }
  });
});

describe("bytes after the end of a file are ignored", () => {
  test.each(["png", "jpeg", "gif", "webp"] as const)("%s", async (format) => {
    const bytes = await photo().toFormat(format).toBuffer();
    expect(await outcome(Buffer.concat([bytes, Buffer.alloc(3000, 7)]))).toBe(`${WIDTH}x${HEIGHT}`);
  });
});

describe("JPEGs with irregularities that every program accepts", () => {
  const insert = (bytes: Buffer, at: number, ...more: number[]) =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from(more), bytes.subarray(at)]);
  const changed = (bytes: Buffer, at: number, value: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = value;
    return copy;
  };
  const scanOf = (bytes: Buffer) => bytes.indexOf(Buffer.from([0xff, 0xda]));
  /** The last of a scan's parameters: start, end and precision of the coefficients. */
  const parametersOf = (bytes: Buffer) => scanOf(bytes) + 2 + bytes.readUInt16BE(scanOf(bytes) + 2) - 3;

  const ODDITIES: Record<string, (bytes: Buffer) => Buffer> = {
    "invalid scan parameters: the end": (bytes) => changed(bytes, parametersOf(bytes) + 1, 0),
    "invalid scan parameters: the precision": (bytes) => changed(bytes, parametersOf(bytes) + 2, 0x11),
    "stray bytes before a scan": (bytes) => insert(bytes, scanOf(bytes), 1, 2, 3, 4),
    "stray bytes behind the first segment": (bytes) => insert(bytes, 4 + bytes.readUInt16BE(4), 9, 9, 9),
    "stray bytes before the end": (bytes) => insert(bytes, bytes.length - 2, 1, 2, 3),
    "an unknown Adobe transform": (bytes) =>
      insert(bytes, 2, 0xff, 0xee, 0, 14, ...Buffer.from("Adobe"), 0, 100, 0, 0, 0, 0, 7),
    "EXIF data of nonsense": (bytes) =>
      insert(bytes, 2, 0xff, 0xe1, 0, 14, ...Buffer.from("Exif\0\0"), 1, 2, 3, 4, 5, 6),
    "a restart marker where none is due": (bytes) => {
      const middle = Math.floor((scanOf(bytes) + bytes.length) / 2);
      return changed(changed(bytes, middle, 0xff), middle + 1, 0xd3);
    },
    "a broken part in the middle": (bytes) => {
      const middle = Math.floor((scanOf(bytes) + bytes.length) / 2);
      return Buffer.from(bytes).fill(0, middle, middle + 100);
    },
  };

  test.each(Object.keys(ODDITIES))("%s", async (oddity) => {
    expect(await outcome(ODDITIES[oddity]!(await photo().jpeg().toBuffer()))).toBe(`${WIDTH}x${HEIGHT}`);
  });

  test("stray bytes and parameters change no pixel", async () => {
    const bytes = await photo().jpeg().toBuffer();
    const whole = await decodeImage(bytes, "x");
    for (const oddity of ["invalid scan parameters: the end", "stray bytes before a scan"]) {
      expect(await decodeImage(ODDITIES[oddity]!(bytes), "x")).toEqual(whole);
    }
  });
});

test("an AVIF whose main brand is of the HEIF family is read", async () => {
  const bytes = await photo().avif({ effort: 0 }).toBuffer();
  bytes.write("mif1", 8);
  expect(bytes.subarray(16, 40).includes("avif")).toBe(true);
  expect(await outcome(bytes)).toBe(`${WIDTH}x${HEIGHT}`);
});
