import { describe, expect, test } from "vitest";
import { FITS, fitPicture } from "../../src/imaging/fit-picture.ts";
import type { Picture } from "../../src/imaging/picture.ts";

const gray = (width: number, height: number, value: (x: number, y: number) => number): Picture => ({
  data: Uint8Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width))),
  width,
  height,
  channels: 1,
});
const target = { channels: 1, height: 4, width: 4 };

describe("a picture that already has the size", () => {
  test.each(FITS)("is unchanged by %s: gray, colour, and gray as colour", (fit) => {
    const picture = gray(4, 4, (x, y) => 10 * x + 60 * y);
    expect(fitPicture(picture, target, fit)).toEqual(picture.data);
    const color = Uint8Array.from({ length: 48 }, (_, i) => (i * 37) % 256);
    const planes = [0, 1, 2].flatMap((c) => Array.from({ length: 16 }, (_, i) => color[3 * i + c]!));
    const colored = { data: color, width: 4, height: 4, channels: 3 } as const;
    expect([...fitPicture(colored, { ...target, channels: 3 }, fit)]).toEqual(planes);
    const tripled = fitPicture(picture, { ...target, channels: 3 }, fit);
    expect([...tripled]).toEqual([...picture.data, ...picture.data, ...picture.data]);
  });
});

describe("another aspect ratio", () => {
  // Black to the left and right of a white square in the middle.
  const wide = gray(16, 8, (x) => (x >= 4 && x < 12 ? 255 : 0));

  test("crop takes the centre", () => {
    expect([...fitPicture(wide, target, "crop")]).toEqual(new Array(16).fill(255));
    const tall = gray(8, 16, (_, y) => (y >= 4 && y < 12 ? 255 : 0));
    expect([...fitPicture(tall, target, "crop")]).toEqual(new Array(16).fill(255));
  });

  test("pad keeps the whole picture, padded with black", () => {
    const padded = fitPicture(
      gray(16, 8, () => 200),
      target,
      "pad",
    );
    const rows = [0, 1, 2, 3].map((row) => [...padded.subarray(4 * row, 4 * row + 4)]);
    expect(rows).toEqual([
      [0, 0, 0, 0],
      [200, 200, 200, 200],
      [200, 200, 200, 200],
      [0, 0, 0, 0],
    ]);
  });

  test("stretch keeps the whole picture and fills the image", () => {
    const row = [...fitPicture(wide, target, "stretch")].slice(0, 4);
    expect(row[0]).toBeLessThan(40);
    expect(row[1]).toBeGreaterThan(215);
    expect(row[2]).toBeGreaterThan(215);
    expect(row[3]).toBeLessThan(40);
  });

  test("a picture one pixel high or wide still gives an image", () => {
    for (const fit of FITS) {
      expect(
        fitPicture(
          gray(900, 1, () => 70),
          target,
          fit,
        ),
      ).toContain(70);
      expect(
        fitPicture(
          gray(1, 900, () => 70),
          target,
          fit,
        ),
      ).toContain(70);
    }
  });
});

test("colour is converted to gray by Rec. 709 luma", () => {
  const red = { data: Uint8Array.of(255, 0, 0), width: 1, height: 1, channels: 3 } as const;
  const green = { ...red, data: Uint8Array.of(0, 255, 0) };
  const one = { channels: 1, height: 1, width: 1 };
  expect(fitPicture(red, one, "crop")[0]).toBe(54);
  expect(fitPicture(green, one, "crop")[0]).toBe(182);
});

test("transparency is composited on white, however light the picture", () => {
  const clear = { data: Uint8Array.of(250, 0), width: 1, height: 1, channels: 2 } as const;
  const half = { data: Uint8Array.of(0, 0, 0, 102), width: 1, height: 1, channels: 4 } as const;
  const one = { channels: 1, height: 1, width: 1 };
  expect(fitPicture(clear, one, "crop")[0]).toBe(255);
  expect(fitPicture(half, one, "crop")[0]).toBe(153);
});

test("a malformed picture is refused", () => {
  expect(() => fitPicture({ ...gray(2, 2, () => 0), width: 3 }, target, "crop")).toThrow(/needs 6 values, got 4/);
});
