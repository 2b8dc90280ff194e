import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { selectImages } from "../../src/data/image-set.ts";
import type { Picture } from "../../src/imaging/picture.ts";
import { type PreparationStep, prepareImage } from "../../src/imaging/prepare-image.ts";
import { fashionMnist } from "../support/fashion-mnist.ts";

const GRAY = { channels: 1, height: 28, width: 28 };
const { test: testSet } = await fashionMnist();
const SOME = selectImages(
  testSet,
  Uint32Array.from({ length: 100 }, (_, i) => i),
);

/** A dark T of any size on a light background, its stem `stem` wide: a garment with an empty corner. */
function letterT({ width, height, margin }: { width: number; height: number; margin: number }): Picture {
  const data = new Uint8Array((width + 2 * margin) * (height + 2 * margin)).fill(250);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isStem = Math.abs(x + 0.5 - width / 2) < width / 5;
      if (y < height / 4 || isStem) data[(y + margin) * (width + 2 * margin) + x + margin] = 30;
    }
  }
  return { data, width: width + 2 * margin, height: height + 2 * margin, channels: 1 };
}

/** First and last row and column that are not entirely background. */
function extentOf(pixels: Uint8Array, threshold = 40) {
  const isUsed = (i: number, along: "row" | "column") =>
    Array.from({ length: 28 }, (_, k) => pixels[along === "row" ? i * 28 + k : k * 28 + i]!).some((v) => v > threshold);
  const used = (along: "row" | "column") => Array.from({ length: 28 }, (_, i) => i).filter((i) => isUsed(i, along));
  const [rows, columns] = [used("row"), used("column")];
  return { top: rows[0]!, bottom: rows.at(-1)!, left: columns[0]!, right: columns.at(-1)! };
}

describe("an image of the data set", () => {
  test("is unchanged byte for byte, and so is its negative", () => {
    for (let i = 0; i < SOME.count; i++) {
      const image = SOME.images.read(i, i + 1);
      expect(prepareImage({ data: image, ...GRAY, channels: 1 }, GRAY)).toEqual(image);
      const negative = image.map((value) => 255 - value);
      expect(prepareImage({ data: negative, ...GRAY, channels: 1 }, GRAY)).toEqual(image);
    }
  });
});

describe("any picture", () => {
  test("fills 28 pixels with its longest edge, is centred within half a pixel, and reaches from 0 to 255", () => {
    const garments = fc.record({
      width: fc.integer({ min: 12, max: 160 }),
      height: fc.integer({ min: 12, max: 160 }),
      margin: fc.integer({ min: 2, max: 60 }),
    });
    // A gray picture of the model's size is treated as prepared: see below.
    const isPrepared = ({ width, height, margin }: { width: number; height: number; margin: number }) =>
      width + 2 * margin === 28 && height + 2 * margin === 28;
    fc.assert(
      fc.property(garments, (garment) => {
        fc.pre(!isPrepared(garment));
        const pixels = prepareImage(letterT(garment), GRAY);
        expect(pixels).toHaveLength(784);
        expect(Math.max(...pixels)).toBe(255);
        const { top, bottom, left, right } = extentOf(pixels);
        // The box is found in blocks of up to two pixels, so an edge may be off by one of 28.
        expect(Math.max(bottom - top, right - left)).toBeGreaterThanOrEqual(26);
        expect(Math.abs(27 - top - bottom)).toBeLessThanOrEqual(2);
        expect(Math.abs(27 - left - right)).toBeLessThanOrEqual(2);
        const aspect = (right - left + 1) / (bottom - top + 1);
        const expected = garment.width / garment.height;
        expect(Math.abs(Math.log(aspect / expected))).toBeLessThan(0.5);
      }),
      { numRuns: 60 },
    );
  });

  test("of the model's size, and gray, is unchanged except for its background: neither trimmed nor stretched", () => {
    const picture = letterT({ width: 16, height: 16, margin: 6 });
    expect([...prepareImage(picture, GRAY)]).toEqual([...picture.data].map((value) => (value === 30 ? 220 : 0)));
    // One column more, and it is prepared as any other.
    const wider = prepareImage(letterT({ width: 17, height: 16, margin: 6 }), GRAY);
    expect(Math.max(...wider)).toBe(255);
  });

  test("gives nearly the same result in other sizes, margins, colours and on other backgrounds", () => {
    const expected = prepareImage(letterT({ width: 84, height: 84, margin: 20 }), GRAY);
    const meanDifference = (picture: Picture) =>
      prepareImage(picture, GRAY).reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / 784;
    const coloured = (garment: readonly number[], ground: readonly number[]): Picture => {
      const { data, width, height } = letterT({ width: 84, height: 84, margin: 20 });
      return {
        data: Uint8Array.from([...data].flatMap((v) => (v === 30 ? garment : ground))),
        width,
        height,
        channels: 3,
      };
    };
    const cases: Record<string, Picture> = {
      larger: letterT({ width: 168, height: 168, margin: 7 }),
      "small in its picture": letterT({ width: 42, height: 42, margin: 90 }),
      "light on dark": coloured([230, 228, 225], [8, 8, 8]),
      "red on blue of the same gray": coloured([180, 40, 40], [40, 80, 60]),
      "white on green": coloured([250, 250, 250], [60, 150, 80]),
      "black on middle gray": coloured([5, 5, 5], [120, 120, 120]),
      "white on light gray": coloured([255, 255, 255], [205, 205, 205]),
    };
    for (const [name, picture] of Object.entries(cases)) {
      expect({ name, far: meanDifference(picture) > 12 }).toEqual({ name, far: false });
    }
  });

  test("is not rotated or mirrored", () => {
    const { data, width, height } = letterT({ width: 60, height: 60, margin: 12 });
    // Removes the right arm of the T.
    const half = data.map((value, i) => (i % width > 55 ? 250 : value));
    const pixels = prepareImage({ data: half, width, height, channels: 1 }, GRAY);
    const sum = (isPart: (row: number, column: number) => boolean) =>
      pixels.reduce((total, value, i) => total + (isPart(Math.floor(i / 28), i % 28) ? value : 0), 0);
    expect(sum((row) => row < 7)).toBeGreaterThan(1.5 * sum((row) => row >= 21));
    // The stem now stands right of the middle.
    const stem = { left: sum((row, x) => row >= 14 && x < 14), right: sum((row, x) => row >= 14 && x >= 14) };
    expect(stem.right).toBeGreaterThan(1.5 * stem.left);
  });

  test("on a medium background looks as on white: dark parts become lighter than pale ones", () => {
    const halves = (ground: readonly number[], dark: readonly number[], pale: readonly number[]): Picture => ({
      data: Uint8Array.from(
        Array.from({ length: 3600 }, (_, i) => {
          const [x, y] = [i % 60, Math.floor(i / 60)];
          if (x < 10 || x >= 50 || y < 10 || y >= 50) return ground;
          return x < 30 ? dark : pale;
        }).flat(),
      ),
      width: 60,
      height: 60,
      channels: 3,
    });
    for (const ground of [
      [128, 128, 128],
      [60, 110, 190],
      [150, 90, 60],
    ]) {
      const pixels = prepareImage(halves(ground, [30, 30, 30], [190, 190, 190]), GRAY);
      expect(pixels[14 * 28 + 6]).toBeGreaterThan(200);
      // (255 - 190) / (255 - 30) of the largest value.
      expect(Math.abs(pixels[14 * 28 + 21]! - (255 * 65) / 225)).toBeLessThan(25);
    }
  });

  test("background light and dark determine which half of a picture is the garment", () => {
    const halves = {
      data: Uint8Array.from({ length: 3600 }, (_, i) => (i % 60 < 30 ? 240 : 15)),
      width: 60,
      height: 60,
    };
    const garmentOn = (background: "light" | "dark") => {
      let trimmed: Picture | undefined;
      const onStep = (step: PreparationStep, picture: Picture) => {
        if (step === "trim") trimmed = picture;
      };
      prepareImage({ ...halves, channels: 1 }, GRAY, { background, onStep });
      return { width: trimmed?.width, value: trimmed?.data[0] };
    };
    expect(garmentOn("light")).toEqual({ width: 30, value: 15 });
    expect(garmentOn("dark")).toEqual({ width: 30, value: 240 });
  });

  test("reports its steps in order", () => {
    const seen: string[] = [];
    const onStep = (step: PreparationStep, { width, height, channels }: Picture) =>
      seen.push(`${step} ${width}x${height}x${channels}`);
    prepareImage(letterT({ width: 40, height: 80, margin: 10 }), GRAY, { onStep });
    expect(seen).toEqual([
      "flatten 60x100x1",
      "trim 40x80x1",
      "cut 40x80x1",
      "resize 14x28x1",
      "negate 14x28x1",
      "sharpen 14x28x1",
      "stretch 14x28x1",
      "centre 28x28x1",
    ]);
  });
});

describe("a picture that cannot be prepared", () => {
  const plain = (value: number, alpha: number): Picture => ({
    data: Uint8Array.from({ length: 800 }, (_, i) => (i % 2 === 0 ? value : alpha)),
    width: 20,
    height: 20,
    channels: 2,
  });

  test.each([
    ["one colour", plain(90, 255)],
    ["nothing but transparency", plain(90, 0)],
    ["one pixel", { data: Uint8Array.of(9), width: 1, height: 1, channels: 1 } as const],
  ])("%s is refused", (_, picture) => {
    expect(() => prepareImage(picture, GRAY)).toThrow(/one plain colour: there is nothing to classify/);
  });

  test("neither is a picture for a model of two channels", () => {
    expect(() => prepareImage(letterT({ width: 9, height: 9, margin: 2 }), { ...GRAY, channels: 2 })).toThrow(
      /images of 2 channels; pictures can be prepared for 1 and 3/,
    );
  });
});

describe("a model of colour pictures", () => {
  const target = { channels: 3, height: 8, width: 12 };

  test("gets the whole picture in colour, centred on its background's colour", () => {
    const red = { data: Uint8Array.from({ length: 300 }, (_, i) => [200, 30, 60][i % 3]!), width: 10, height: 10 };
    const pixels = prepareImage({ ...red, channels: 3 }, target);
    expect([...pixels]).toEqual([200, 30, 60].flatMap((value) => Array.from({ length: 96 }, () => value)));
  });

  test("gets gray three times, with the aspect ratio preserved", () => {
    const bar = { data: new Uint8Array(16 * 16).fill(255), width: 16, height: 16, channels: 1 } as const;
    for (let y = 4; y < 12; y++) bar.data.fill(0, y * 16 + 4, y * 16 + 12);
    const pixels = prepareImage(bar, target);
    expect(pixels.slice(0, 96)).toEqual(pixels.slice(96, 192));
    expect(pixels.slice(0, 96)).toEqual(pixels.slice(192));
    expect([pixels[4 * 12 + 1], pixels[4 * 12 + 5], pixels[4 * 12 + 11]]).toEqual([255, 0, 255]);
  });
});
