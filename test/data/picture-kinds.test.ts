import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { imageFilesOf } from "../../src/cli/images.ts";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { bmpBytes } from "../formats/bmp-fixtures.ts";
import { temporaryFolder } from "./fixtures.ts";
import { drawn, put, putClasses } from "./picture-fixtures.ts";

const FORMATS = ["png", "jpeg", "webp", "gif", "tiff", "avif"] as const;
const bmp = (value = 9) => bmpBytes({ width: 12, height: 12, bits: 24 }, (x, y) => [value, x, y]);
const encoded = async (format: (typeof FORMATS)[number]) =>
  sharp(await drawn((x, y) => [9, x, y]))
    .toFormat(format)
    .toBuffer();

describe("a picture is detected", () => {
  test("by its extension, in any case", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, { a: 3, b: 3 });
    const jpeg = await encoded("jpeg");
    put(folder, {
      "a/1.jfif": jpeg,
      "a/2.jpe": jpeg,
      "a/3.JPG": jpeg,
      "a/4.bmp": bmp(),
      "a/5.DIB": bmp(8),
      "a/6.TIF": await encoded("tiff"),
      "a/7.png.txt": jpeg,
      "a/8.1": jpeg,
    });
    const { classes, pictures } = await inspectData(folder);
    expect(classes[0]!.train + classes[0]!.validation + classes[0]!.test).toBe(9);
    expect(pictures!.others).toEqual(["a/7.png.txt", "a/8.1"]);
    expect(imageFilesOf(folder)).toHaveLength(12);
  });

  test("without an extension, by its content", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, { a: 3, b: 3 });
    for (const format of FORMATS) put(folder, { [`a/${format} without`]: await encoded(format) });
    put(folder, {
      "a/bmp": bmp(),
      "a/LICENSE": "BM, or not",
      "a/empty": "",
      "a/drawing": "<svg/>",
      "a/.hidden": bmp(),
    });
    const { pictures, classes } = await inspectData(folder);
    expect(classes[0]!.train + classes[0]!.validation + classes[0]!.test).toBe(10);
    expect(pictures!.others).toEqual(["a/LICENSE", "a/drawing", "a/empty"]);
    expect(imageFilesOf(join(folder, "a"))).toHaveLength(10);
  });

  test("a folder without pictures is refused, listing the formats", async () => {
    const folder = await temporaryFolder();
    put(folder, { "notes.txt": "", README: "text" });
    expect(() => imageFilesOf(folder)).toThrow(
      /holds no images: no file in it ends in \.png, .*\.bmp, \.dib, \.heic, .*, and none without an ending is one$/,
    );
  });
});

test("a class of BMP files gives the same images as one of PNG files with the same pixels", async () => {
  const [bmps, pngs] = [await temporaryFolder(), await temporaryFolder()];
  for (let i = 0; i < 5; i++) {
    for (const [name, base] of [
      ["a", 20],
      ["b", 120],
    ] as const) {
      const draw = (x: number, y: number) => [base + i, 7 * x, 3 * y] as const;
      const size = { width: 90, height: 70 };
      put(bmps, { [`${name}/${i}.bmp`]: bmpBytes({ ...size, bits: 24 }, draw) });
      put(pngs, { [`${name}/${i}.png`]: await drawn(draw, size) });
    }
  }
  const [found, expected] = [await loadCustomData(bmps), await loadCustomData(pngs)];
  expect(found.train.images).toEqual(expected.train.images);
  expect(found.test.images).toEqual(expected.test.images);
});
