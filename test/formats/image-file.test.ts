import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { requireSameFormat } from "../../src/formats/image-format.ts";
import {
  decodeImage,
  decoderVersion,
  decodingCost,
  imageSize,
  readImageFile,
} from "../../src/formats/node/image-file.ts";
import { hash } from "../golden/inputs.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { DISPLAY_P3_HEIC, FLAG_HEIC, numberedColours, TRANSPARENT_FLAG_HEIC, tiledHeic } from "./heic-fixtures.ts";

const FOLDER = sharedFolder();
const [WIDTH, HEIGHT] = [24, 16];

/** Left half red, right half green, the first rows blue, so that rotation and mirroring are detected. */
const FLAG = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
  const [x, y, c] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH), i % 3];
  if (y < 8) return [20, 40, 220][c]!;
  return (x < 12 ? [220, 40, 20] : [30, 200, 60])[c]!;
});
const flag = () => sharp(FLAG, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });

/** Red, green and blue in the middle of the flag's three fields. */
async function fieldsOf(bytes: Uint8Array) {
  const { data, width, height, channels } = await decodeImage(bytes, "flag");
  expect({ width, height }).toEqual({ width: WIDTH, height: HEIGHT });
  const at = (x: number, y: number) => [0, 1, 2].map((c) => data[(y * width + x) * channels + c]!);
  return { top: at(12, 3), left: at(5, 12), right: at(18, 12), alpha: channels === 4 ? data[3] : undefined };
}

describe("SVG, which may refer to other files, is refused", () => {
  const attributes = 'xmlns="http://www.w3.org/2000/svg" width="40" height="30"';
  const drawing = '<rect width="40" height="30" fill="#eee"/><rect x="9" y="9" width="9" height="9"/></svg>';
  test.each([
    ["as it is", `<svg ${attributes}>${drawing}`],
    ["with WebP's letters", `<svg a="WEBP" ${attributes}>${drawing}`],
    ["with AVIF's", `<!--ftypavif--><svg ${attributes}>${drawing}`],
    ["with those of AVIF sequences", `<!--ftypavis--><svg ${attributes}>${drawing}`],
    ["with those of HEIF files that AVIF may be in", `<!--ftypmif1avif--><svg ${attributes}>${drawing}`],
  ])("%s", async (_, text) => {
    await expect(decodeImage(Buffer.from(text), "drawing")).rejects.toThrow(
      /^drawing is an SVG drawing, which is refused/,
    );
  });

  test("a decoder that detects another format than the first bytes say is not used", () => {
    expect(() => requireSameFormat("a.avif", "avif", "heif")).not.toThrow();
    for (const found of ["svg", "heif", undefined]) {
      expect(() => requireSameFormat("a.gif", "gif", found)).toThrow(/^a\.gif is not what it claims to be: .*GIF/);
    }
  });
});

describe("every format is decoded to the same picture", () => {
  const encoded: Record<string, (image: Sharp) => { toBuffer(): Promise<Uint8Array> }> = {
    png: (image) => image.png(),
    "png with a palette": (image) => image.png({ palette: true }),
    "png of 16 bits": (image) => image.toColourspace("rgb16").png(),
    "interlaced png": (image) => image.png({ progressive: true }),
    jpeg: (image) => image.jpeg({ quality: 95, chromaSubsampling: "4:4:4" }),
    "progressive jpeg": (image) => image.jpeg({ quality: 95, progressive: true, chromaSubsampling: "4:4:4" }),
    webp: (image) => image.webp({ quality: 95 }),
    "lossless webp": (image) => image.webp({ lossless: true }),
    gif: (image) => image.gif(),
    tiff: (image) => image.tiff({ compression: "lzw" }),
    "tiff of 16 bits": (image) => image.toColourspace("rgb16").tiff({ compression: "none" }),
    avif: (image) => image.avif({ quality: 90 }),
    heic: () => ({ toBuffer: async () => FLAG_HEIC }),
  };

  test.each(Object.keys(encoded))("%s", async (format) => {
    const { top, left, right } = await fieldsOf(await encoded[format]!(flag()).toBuffer());
    // Lossy formats: a few levels, more where chroma is coded at half the resolution.
    for (const [found, expected] of [
      [top, [20, 40, 220]],
      [left, [220, 40, 20]],
      [right, [30, 200, 60]],
    ] as const) {
      expect(found).toBeClose(expected, { tolerance: 14 });
    }
  });

  test.each(["jpeg", "tiff"] as const)("CMYK %s is converted to colours, not to their negatives", async (format) => {
    const { top, left, right } = await fieldsOf(await flag().toColourspace("cmyk").toFormat(format).toBuffer());
    // Inks cannot print all of sRGB, so only the order of the channels is sure.
    expect(Math.max(...top)).toBe(top[2]);
    expect(Math.max(...left)).toBe(left[0]);
    expect(Math.max(...right)).toBe(right[1]);
    expect(left[0]! - left[2]!).toBeGreaterThan(100);
  });

  describe("colours of Display P3, the profile of many phones, are converted to sRGB", () => {
    const [upper, lower] = [
      [230, 60, 50],
      [40, 190, 70],
    ] as const;
    const picture = () => {
      const pixels = Uint8Array.from({ length: 24 * 16 * 3 }, (_, i) => (i < 24 * 8 * 3 ? upper : lower)[i % 3]!);
      return sharp(pixels, { raw: { width: 24, height: 16, channels: 3 } }).withIccProfile("p3");
    };
    const files: Record<string, () => Promise<Uint8Array>> = {
      png: () => picture().png().toBuffer(),
      jpeg: () => picture().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(),
      webp: () => picture().webp({ lossless: true }).toBuffer(),
      tiff: () => picture().tiff({ compression: "lzw" }).toBuffer(),
      avif: () => picture().avif({ lossless: true, chromaSubsampling: "4:4:4" }).toBuffer(),
      heic: async () => DISPLAY_P3_HEIC,
    };

    test.each(Object.keys(files))("%s", async (format) => {
      const { data, channels } = await decodeImage(await files[format]!(), "phone");
      // Taken for sRGB they would be [212, 75, 59] and [92, 187, 85].
      expect([...data.subarray(0, 3)]).toBeClose(upper, { tolerance: 4 });
      expect([...data.subarray(data.length - channels).subarray(0, 3)]).toBeClose(lower, { tolerance: 4 });
    });

    describe("stated by its number, without a profile,", () => {
      const heic = (primaries: number) => {
        const made = Buffer.from(DISPLAY_P3_HEIC);
        // That of a profile is longer: the rest of its box is ignored.
        made.set(numberedColours(primaries), made.indexOf("colr") + 4);
        return made;
      };
      const pixels = Uint8Array.from({ length: 24 * 16 * 3 }, (_, i) => [212, 75, 59][i % 3]!);
      const avif = async (primaries: number) => {
        const plain = sharp(pixels, { raw: { width: 24, height: 16, channels: 3 } });
        const made = await plain.avif({ lossless: true, chromaSubsampling: "4:4:4" }).toBuffer();
        made.writeUInt16BE(primaries, made.indexOf("nclx") + 4);
        return made;
      };
      const firstOf = async (file: Uint8Array) => [...(await decodeImage(file, "phone")).data.subarray(0, 3)];
      const DISPLAY_P3 = 12;
      const SRGB = 1;
      const UNKNOWN = 2;

      test.each(Object.entries({ heic, avif }))("%s", async (_, file) => {
        expect(await firstOf(await file(DISPLAY_P3))).toBeClose(upper, { tolerance: 4 });
        for (const other of [SRGB, UNKNOWN]) {
          expect(await firstOf(await file(other))).toBeClose([212, 75, 59], { tolerance: 4 });
        }
      });

      test("and not twice where there is a profile, too, nor where two descriptions differ", async () => {
        const profile = (await sharp(await picture().png().toBuffer()).metadata()).icc!;
        const decoded = (...colours: readonly Uint8Array[]) => firstOf(tiledHeic(1, 1, { colours }));
        const plain = await decoded();
        const converted = await decoded(numberedColours(DISPLAY_P3));
        expect(converted).not.toEqual(plain);
        expect(await decoded(numberedColours(DISPLAY_P3), numberedColours(DISPLAY_P3))).toEqual(converted);
        expect(await decoded(numberedColours(DISPLAY_P3), numberedColours(SRGB))).toEqual(plain);
        const profiled = Buffer.concat([Buffer.from("prof"), profile]);
        expect(await decoded(profiled, numberedColours(DISPLAY_P3))).toEqual(converted);
      });
    });

    test("a profile that is none is ignored", async () => {
      const broken = Buffer.from(DISPLAY_P3_HEIC);
      const profile = broken.indexOf("acsp") - 36;
      broken.fill(0xff, profile + 4, profile + 400);
      const { data } = await decodeImage(broken, "phone");
      expect([...data.subarray(0, 3)]).toBeClose([212, 75, 59], { tolerance: 4 });
    });
  });

  test("gray of 8 and 16 bits", async () => {
    for (const space of ["b-w", "grey16"]) {
      const { data, channels } = await decodeImage(
        await sharp(
          Uint8Array.from({ length: 256 }, (_, i) => i),
          { raw: { width: 16, height: 16, channels: 1 } },
        )
          .toColourspace(space)
          .png()
          .toBuffer(),
        "gray",
      );
      const first = Array.from({ length: 256 }, (_, i) => data[i * channels]!);
      expect(first).toBeClose(
        Array.from({ length: 256 }, (_, i) => i),
        { tolerance: 1 },
      );
    }
  });

  test("transparency is preserved, with colours that are not premultiplied", async () => {
    for (const file of [await flag().ensureAlpha(0.25).png().toBuffer(), TRANSPARENT_FLAG_HEIC]) {
      const { left, alpha } = await fieldsOf(file);
      expect(Math.abs(alpha! - 64)).toBeLessThanOrEqual(1);
      expect(left).toBeClose([220, 40, 20], { tolerance: 2 });
    }
  });

  test.each(["gif", "webp"] as const)("of an animated %s the first frame", async (format) => {
    const other = await flag().negate().raw().toBuffer();
    const frames = Buffer.concat([FLAG, other]);
    const animation = await sharp(frames, {
      raw: { width: WIDTH, height: 2 * HEIGHT, channels: 3, pageHeight: HEIGHT },
    })
      .toFormat(format, { quality: 95 })
      .toBuffer();
    expect((await sharp(animation).metadata()).pages).toBe(2);
    const { left, right } = await fieldsOf(animation);
    expect(left).toBeClose([220, 40, 20], { tolerance: 14 });
    expect(right).toBeClose([30, 200, 60], { tolerance: 14 });
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])("EXIF orientation %i is applied", async (orientation) => {
    // The stored picture of a camera in that orientation: the upright picture, mirrored (sharp does that first) and
    // rotated back.
    const stored = {
      1: (image: Sharp) => image,
      2: (image: Sharp) => image.flop(),
      3: (image: Sharp) => image.rotate(180),
      4: (image: Sharp) => image.flip(),
      5: (image: Sharp) => image.flip().rotate(90),
      6: (image: Sharp) => image.rotate(270),
      7: (image: Sharp) => image.flip().rotate(270),
      8: (image: Sharp) => image.rotate(90),
    }[orientation]!;
    const turned = await sharp(await stored(flag()).png().toBuffer())
      .withMetadata({ orientation })
      .jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
      .toBuffer();
    const { top, left, right } = await fieldsOf(turned);
    expect(top).toBeClose([20, 40, 220], { tolerance: 14 });
    expect(left).toBeClose([220, 40, 20], { tolerance: 14 });
    expect(right).toBeClose([30, 200, 60], { tolerance: 14 });
  });

  test("a large picture is shrunk to 512 pixels, its aspect ratio preserved; a small one is not enlarged", async () => {
    const large = await sharp({ create: { width: 2000, height: 500, channels: 3, background: "navy" } })
      .jpeg()
      .toBuffer();
    expect(await decodeImage(large, "large")).toMatchObject({ width: 512, height: 128 });
    const small = await sharp({ create: { width: 3, height: 2, channels: 3, background: "navy" } })
      .png()
      .toBuffer();
    expect(await decodeImage(small, "small")).toMatchObject({ width: 3, height: 2 });
  });
});

describe("HEIC", () => {
  test.each(["heix", "heim", "heis", "hevc", "hevm", "hevs", "mif1", "msf1"])("of the brand %s", async (brand) => {
    const file = Buffer.from(FLAG_HEIC);
    file.write(brand, 8, "latin1");
    expect((await fieldsOf(file)).left).toBeClose([220, 40, 20], { tolerance: 2 });
  });

  test("of more parts than libvips takes", async () => {
    const file = tiledHeic(16, 17);
    const size = { width: 17 * 64, height: 16 * 64 };
    expect(await imageSize(file, "x")).toEqual(size);
    expect(await decodingCost(file, "x")).toMatchObject(size);
    expect(await decodeImage(file, "x")).toMatchObject({ width: 512, height: 482 });
  });

  test("a small picture with huge tiles is refused before they are decoded", async () => {
    const size = [64, 64] as const;
    expect(await decodeImage(tiledHeic(1, 1, { size }), "x")).toMatchObject({ width: 64, height: 64 });
    await expect(decodeImage(tiledHeic(1, 1, { size, tile: [8000, 8000] }), "x")).rejects.toThrow(
      /^x is damaged or cut short \(.*Image size 8000x8000 exceeds the maximum image size/,
    );
  });

  test("of 20,000 x 20,000 pixels, in one part or in tiles, is refused by its header", async () => {
    const size = [20_000, 20_000] as const;
    for (const tile of [size, [64, 64]] as const) {
      await expect(decodeImage(tiledHeic(1, 1, { size, tile }), "x")).rejects.toThrow(
        "x has 20000 x 20000 pixels; at most 134,217,728 are decoded, make it smaller",
      );
    }
  });

  test("several at once, also damaged ones, do not disturb each other", async () => {
    const files = [FLAG_HEIC, FLAG_HEIC.subarray(0, 500), TRANSPARENT_FLAG_HEIC, FLAG_HEIC];
    const results = await Promise.allSettled(files.map((file) => decodeImage(file, "x")));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  });

  test("another decoder means other pixels in the cache", async () => {
    expect(JSON.parse(await decoderVersion()).at(-1)).toMatch(/^1\.\d+\.\d+$/);
  });
});

describe("bad input", () => {
  const noise = sharp(
    Uint8Array.from({ length: 90_000 }, (_, i) => hash(3, i) % 256),
    {
      raw: { width: 300, height: 300, channels: 1 },
    },
  );
  const refusal = async (bytes: Uint8Array): Promise<string> => {
    const error: unknown = await decodeImage(bytes, "x.png").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  };
  const text = (content: string) => new TextEncoder().encode(content);

  test.each([
    ["zero bytes", new Uint8Array(0), "x.png is empty (0 bytes)"],
    [
      "text",
      text("PNG\nnot really"),
      "x.png is not an image: its content is none of PNG, JPEG, WEBP, GIF, TIFF, AVIF, HEIC, BMP",
    ],
    [
      "a RIFF sound",
      text("RIFF....WAVEfmt "),
      "x.png is not an image: its content is none of PNG, JPEG, WEBP, GIF, TIFF, AVIF, HEIC, BMP",
    ],
  ])("%s", async (_, bytes, message) => {
    expect(await refusal(bytes)).toBe(message);
  });

  test.each([
    `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>`,
    `<?xml version="1.0"?>\n<!-- a drawing -->\n<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>`,
    `\ufeff<SVG width="3">`,
  ])("SVG is refused as SVG: %s", async (svg) => {
    const bytes = text(svg);
    expect(await refusal(bytes)).toMatch(/^x\.png is an SVG drawing, which is refused: it may refer to other files/);
  });

  test.each(["png", "jpeg", "webp", "gif", "tiff", "avif"] as const)(
    "%s cut short, or only its head",
    async (format) => {
      const bytes = await noise.clone().toFormat(format).toBuffer();
      expect((await decodeImage(bytes, "whole")).width).toBe(300);
      for (const length of [Math.floor(bytes.length / 2), 40]) {
        expect(await refusal(bytes.subarray(0, length))).toMatch(/^x\.png is damaged or cut short \(.+\)$/);
      }
    },
  );

  test("a PNG of 30,000 x 30,000 pixels is refused by its header, with its size", async () => {
    const small = await sharp({ create: { width: 1, height: 1, channels: 3, background: "navy" } })
      .png()
      .toBuffer();
    // Width and height are in the first chunk, followed by its checksum.
    const head = Buffer.from(small);
    head.writeUInt32BE(30_000, 16);
    head.writeUInt32BE(30_000, 20);
    head.writeUInt32BE(crc32(head.subarray(12, 29)), 29);
    expect(await refusal(head)).toBe(
      "x.png has 30000 x 30000 pixels; at most 134,217,728 are decoded, make it smaller",
    );
  });

  test("unreadable files are refused by name", async () => {
    await expect(readImageFile(join(FOLDER, "none.png"))).rejects.toThrow(/^there is no file .*none\.png$/);
    mkdirSync(join(FOLDER, "folder.png"));
    await expect(readImageFile(join(FOLDER, "folder.png"))).rejects.toThrow(/folder\.png cannot be read \(EISDIR\)/);
    // Reading from a pipe would block forever.
    expect(spawnSync("mkfifo", [join(FOLDER, "pipe.png")]).status).toBe(0);
    for (const path of [join(FOLDER, "pipe.png"), "/dev/zero"]) {
      await expect(readImageFile(path)).rejects.toThrow(`${path} is a pipe or device; name a file`);
    }
    writeFileSync(join(FOLDER, "ok.png"), await flag().png().toBuffer());
    expect(await readImageFile(join(FOLDER, "ok.png"))).toMatchObject({ width: WIDTH, height: HEIGHT });
  });
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
