import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainGround } from "../../src/imaging/ground.ts";
import { enlargeBox, shrink } from "../../src/imaging/shrink.ts";
import { findGarment } from "../../src/imaging/trim.ts";
import { uniform } from "../golden/inputs.ts";
import { gray } from "./support/pictures.ts";

describe("findGarment", () => {
  const rectangle = fc
    .record({ width: fc.integer({ min: 8, max: 200 }), height: fc.integer({ min: 8, max: 200 }) })
    .chain(({ width, height }) =>
      fc.record({
        width: fc.constant(width),
        height: fc.constant(height),
        left: fc.integer({ min: 0, max: width - 4 }),
        top: fc.integer({ min: 0, max: height - 4 }),
        right: fc.integer({ min: 3, max: width }),
        bottom: fc.integer({ min: 3, max: height }),
      }),
    )
    .filter(({ left, top, right, bottom }) => right - left >= 3 && bottom - top >= 3);

  test("finds the box of a rectangle exactly", () => {
    fc.assert(
      fc.property(rectangle, ({ width, height, left, top, right, bottom }) => {
        const garment = gray(width, height, (x, y) => (x >= left && x < right && y >= top && y < bottom ? 90 : 255));
        const found = findGarment(garment, plainGround(255, 1));
        expect(found).toEqual({ left, top, width: right - left, height: bottom - top });
      }),
    );
  });

  test("in blocks it may be wider by less than a block, never narrower, never beyond the picture", () => {
    fc.assert(
      fc.property(rectangle, fc.integer({ min: 2, max: 4 }), ({ width, height, left, top, right, bottom }, factor) => {
        const garment = gray(width, height, (x, y) => (x >= left && x < right && y >= top && y < bottom ? 0 : 255));
        const found = enlargeBox(findGarment(shrink(garment, factor), plainGround(255, 1))!, factor, garment);
        for (const [start, end, at, length, size] of [
          [left, right, found.left, found.width, width],
          [top, bottom, found.top, found.height, height],
        ] as const) {
          expect(at).toBeLessThanOrEqual(start);
          expect(at + length).toBeGreaterThanOrEqual(end);
          expect(at).toBeGreaterThan(start - factor);
          expect(at + length).toBeLessThanOrEqual(Math.min(size, end + factor - 1));
        }
      }),
    );
  });

  test("ignores specks, differences within 5 % of the background, and noise", () => {
    const noise = (x: number, y: number) => 10 * uniform(3, y * 300 + x);
    const isGarment = (x: number, y: number) => x >= 100 && x < 200 && y >= 60 && y < 180;
    const scene = gray(300, 240, (x, y) => {
      if (isGarment(x, y)) return 40;
      if (x === 20 && y === 30) return 0; // One dead pixel.
      return x < 60 ? 229 : 235 + noise(x, y);
    });
    expect(findGarment(scene, { ...plainGround(235, 1), noise: 9.5 })).toEqual({
      left: 100,
      top: 60,
      width: 100,
      height: 120,
    });
    expect(
      findGarment(
        gray(40, 40, () => 254),
        plainGround(255, 1),
      ),
    ).toBeUndefined();
  });
});
