import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { defaultSize } from "../../src/data/default-size.ts";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { loadSplit } from "../../src/data/node/picture-folder.ts";
import { bmpBytes } from "../formats/bmp-fixtures.ts";
import { temporaryFolder } from "./fixtures.ts";
import { drawn, put, putClasses } from "./picture-fixtures.ts";

test.each([
  [undefined, 28],
  [1, 28],
  [28, 28],
  [31.5, 28],
  [32, 32],
  [35, 32],
  [63, 60],
  [64, 64],
  [1080, 64],
])("a median of %s pixels gives %i", (median, size) => {
  expect(defaultSize(median)).toBe(size);
});

test("a network may have another maximum", () => {
  expect([50, 90, 1080].map((median) => defaultSize(median, 96))).toEqual([48, 88, 96]);
});

describe("the default size depends on the pictures", () => {
  test.each<[string, { width: number; height: number }, number]>([
    ["MNIST's", { width: 28, height: 28 }, 28],
    ["CIFAR's", { width: 32, height: 32 }, 32],
    ["wide ones", { width: 90, height: 50 }, 48],
    ["high ones", { width: 50, height: 90 }, 48],
    ["photos", { width: 120, height: 80 }, 64],
    ["tiny ones", { width: 9, height: 9 }, 28],
  ])("%s", async (_, pixels, size) => {
    const folder = await temporaryFolder();
    await putClasses(folder, { a: 4, b: 4 }, pixels);
    const lines: string[] = [];
    const { train } = await loadCustomData(folder, {}, (line) => lines.push(line));
    expect(train).toMatchObject({ height: size, width: size });
    const shorter = Math.min(pixels.width, pixels.height);
    expect(lines[0]).toContain(
      `as 3x${size}x${size} images (\`size\` chooses another): half of the pictures have a shorter edge of ${shorter} pixels or more`,
    );
    lines.length = 0;
    expect((await loadCustomData(folder, { size: 20 }, (line) => lines.push(line))).train.height).toBe(20);
    expect(lines[0]).toMatch(/as 3x20x20 images$/);
  });

  test("the median counts, after EXIF orientation; unreadable pictures are ignored", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, { a: 3, b: 3 }, { width: 30, height: 30 });
    await putClasses(folder, { c: 7 }, { width: 44, height: 44 });
    expect((await loadCustomData(folder)).train.height).toBe(44);
    put(folder, { "a/x.png": "", "a/y.png": "text", "b/x.jpg": "" });
    expect((await loadCustomData(folder, { skipUnreadable: true })).train.height).toBe(44);
    const bmp = bmpBytes({ width: 200, height: 31, bits: 24 }, (x, y) => [x, y, 0]);
    const turned = await sharp(await drawn((x, y) => [x, y, 0], { width: 31, height: 300 }))
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    put(folder, { "c/x.bmp": bmp, "c/y.jpg": turned, "c/z.jpg": turned });
    expect((await loadCustomData(folder, { skipUnreadable: true })).train.height).toBe(28);
  });

  test("a run keeps its size, whatever the default would be now", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, { a: 4, b: 4 }, { width: 40, height: 40 });
    const { split, train } = await loadCustomData(folder, { size: 28 });
    await putClasses(folder, { c: 20 }, { width: 90, height: 90 });
    const lines: string[] = [];
    const again = await loadSplit(folder, split!, { name: "the run", report: (line) => lines.push(line) });
    expect(again.train).toEqual(train);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/as 3x28x28 images$/);
  });
});
