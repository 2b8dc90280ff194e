import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { centre } from "../../src/imaging/centre.ts";
import { stretch } from "../../src/imaging/contrast.ts";
import { checkPicture } from "../../src/imaging/picture.ts";
import { fittedSize, resize } from "../../src/imaging/resize.ts";
import { sharpen } from "../../src/imaging/sharpen.ts";
import { shrink } from "../../src/imaging/shrink.ts";
import { gray, picture, sizes } from "./support/pictures.ts";

describe("resize", () => {
  test("to its own size returns the picture itself", () => {
    const ramp = picture(7, 5, 3, (x, y) => [x * 30, y * 40, x + y]);
    expect(resize(ramp, ramp).data).toBeClose(ramp.data, { tolerance: 1e-4 });
  });

  test("preserves a uniform colour at any sizes, and stays within 0 to 255", () => {
    fc.assert(
      fc.property(sizes, sizes, fc.integer({ min: 0, max: 255 }), (from, to, value) => {
        const flat = resize(
          gray(from.width, from.height, () => value),
          to,
        );
        expect(flat).toMatchObject(to);
        expect(flat.data).toBeClose(new Float32Array(to.width * to.height).fill(value), { tolerance: 1e-3 });
        const sharpEdges = resize(
          gray(from.width, from.height, (x, y) => ((x + y) % 2) * 255),
          to,
        );
        expect(sharpEdges.data.every((sample) => sample >= 0 && sample <= 255)).toBe(true);
      }),
    );
  });

  test("preserves positions: a ramp stays a ramp, smaller and larger, away from the ends", () => {
    const ramp = gray(60, 40, (x, y) => 20 + 2 * x + 3 * y);
    for (const [width, height] of [
      [20, 10],
      [120, 80],
      [33, 27],
    ] as const) {
      const { data } = resize(ramp, { width, height });
      for (const [column, row] of [
        [Math.floor(width / 2), Math.floor(height / 2)],
        [Math.floor(width / 3), Math.floor(height / 2)],
      ] as const) {
        const x = ((column + 0.5) * 60) / width - 0.5;
        const y = ((row + 0.5) * 40) / height - 0.5;
        expect(data[row * width + column]).toBeCloseTo(20 + 2 * x + 3 * y, 1);
      }
    }
  });

  test("averages details that are too fine for the result", () => {
    const stripes = gray(280, 10, (x) => (x % 2) * 200);
    const { data } = resize(stripes, { width: 28, height: 10 });
    // The whole filter of 40 stripes lies inside the picture from the second pixel on.
    expect(data.slice(2, 26)).toBeClose(new Float32Array(24).fill(100), { tolerance: 1 });
  });

  test("fittedSize: one edge fills the target, neither exceeds it, and the aspect ratio is preserved to half a pixel", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }), (width, height) => {
        const fitted = fittedSize({ width, height }, { width: 28, height: 28 });
        expect(Math.max(fitted.width, fitted.height)).toBe(28);
        expect(Math.min(fitted.width, fitted.height)).toBeGreaterThanOrEqual(1);
        const exact = (28 * Math.min(width, height)) / Math.max(width, height);
        expect(Math.abs(Math.min(fitted.width, fitted.height) - Math.max(1, exact))).toBeLessThanOrEqual(0.5);
      }),
    );
    expect(fittedSize({ width: 10, height: 10 }, { width: 64, height: 32 })).toEqual({ width: 32, height: 32 });
  });
});

describe("shrink", () => {
  test("gives the mean of each block, also of the narrower ones at the end", () => {
    const small = shrink(
      gray(5, 3, (x, y) => 10 * x + y),
      2,
    );
    expect(small).toMatchObject({ width: 3, height: 2 });
    expect([...small.data]).toEqual([5.5, 25.5, 40.5, 7, 27, 42]);
  });
});

describe("sharpen", () => {
  test("adds half the difference from a Gaussian blur of standard deviation 1 over 3x3", () => {
    const dot = new Float32Array(25);
    dot[12] = 100;
    const side = Math.exp(-0.5) / (1 + 2 * Math.exp(-0.5));
    const middle = 1 - 2 * side;
    const sharp = sharpen(dot, { width: 5, height: 5 });
    expect(sharp[12]).toBeCloseTo(100 + 50 * (1 - middle ** 2), 3);
    expect(sharp[7]).toBe(0);
    const step = Float32Array.from({ length: 15 }, (_, i) => (i % 5 < 3 ? 100 : 200));
    const edge = sharpen(step, { width: 5, height: 3 });
    expect([edge[6], edge[7], edge[8]]).toEqual([
      expect.closeTo(100, 3),
      expect.closeTo(100 - 50 * side, 3),
      expect.closeTo(200 + 50 * side, 3),
    ]);
  });
});

test("stretch: the maximum becomes 255, zero stays zero, and the input is not modified", () => {
  const values = Float32Array.of(0, 10, 51);
  expect([...stretch(values)]).toEqual([0, 50, 255]);
  expect([...values]).toEqual([0, 10, 51]);
  expect([...stretch(new Float32Array(3))]).toEqual([0, 0, 0]);
});

test("centre: an odd remaining pixel goes to the left and top as in the data set; values are rounded", () => {
  expect([...centre([9.6], { width: 1, height: 1 }, { width: 4, height: 2 })]).toEqual([0, 0, 0, 0, 0, 0, 10, 0]);
  expect([...centre([1, 2], { width: 2, height: 1 }, { width: 4, height: 1 }, 7)]).toEqual([7, 1, 2, 7]);
});

test.each([
  [{ width: 0, height: 4, channels: 1, data: new Uint8Array(0) }, /a picture of 0 x 4 pixels has no content/],
  [
    { width: 2, height: 2, channels: 3, data: new Uint8Array(11) },
    /2 x 2 pixels and 3 channels needs 12 values, got 11/,
  ],
  [{ width: 1.5, height: 2, channels: 1, data: new Uint8Array(3) }, /a picture of 1.5 x 2 pixels/],
] as const)("checkPicture refuses %j", (wrong, message) => {
  expect(() => checkPicture(wrong)).toThrow(message);
});
