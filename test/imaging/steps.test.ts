import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { centre } from "../../src/imaging/centre.ts";
import { distanceFromGround, grayFromGround } from "../../src/imaging/contrast.ts";
import { cutOut } from "../../src/imaging/cut-out.ts";
import { flatten } from "../../src/imaging/flatten.ts";
import { findGround, groundAt, kindOfGround, plainGround } from "../../src/imaging/ground.ts";
import { checkPicture, crop, type OpaquePicture } from "../../src/imaging/picture.ts";
import { fittedSize, resize } from "../../src/imaging/resize.ts";
import { sharpen } from "../../src/imaging/sharpen.ts";
import { enlargeBox, shrink } from "../../src/imaging/shrink.ts";
import { stretch } from "../../src/imaging/stretch.ts";
import { findGarment } from "../../src/imaging/trim.ts";
import { uniform } from "../golden/inputs.ts";

type ColorAt = (x: number, y: number) => readonly number[];

function picture(width: number, height: number, channels: 1 | 3, colorAt: ColorAt): OpaquePicture {
  const data = new Float32Array(width * height * channels);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(colorAt(x, y), (y * width + x) * channels);
  return { data, width, height, channels };
}

const gray = (width: number, height: number, valueAt: (x: number, y: number) => number) =>
  picture(width, height, 1, (x, y) => [valueAt(x, y)]);
const whole = ({ width, height }: { width: number; height: number }) => ({
  box: { left: 0, top: 0, width, height },
  width,
  height,
});
const sizes = fc.record({ width: fc.integer({ min: 1, max: 90 }), height: fc.integer({ min: 1, max: 90 }) });

describe("flatten", () => {
  const layered = (alpha: number, color: number) =>
    ({ data: Uint8Array.of(color, alpha), width: 1, height: 1 }) as const;

  test("mixes colour and white by alpha, and is on black for a very light garment", () => {
    const dark = flatten({ ...layered(51, 100), channels: 2 }, "auto");
    expect(dark.onto).toBe(255);
    expect(dark.picture.data[0]).toBeCloseTo(0.2 * 100 + 0.8 * 255, 4);
    const light = flatten({ ...layered(51, 240), channels: 2 }, "auto");
    expect(light.onto).toBe(0);
    expect(light.picture.data[0]).toBeCloseTo(0.2 * 240, 4);
  });

  test("lays on what is wanted, colour by colour", () => {
    const data = Uint8ClampedArray.of(10, 20, 30, 0, 200, 100, 50, 255);
    const dark = flatten({ data, width: 2, height: 1, channels: 4 }, "dark");
    expect([...dark.picture.data]).toEqual([0, 0, 0, 200, 100, 50]);
    expect(dark).toMatchObject({ onto: 0, isGround: true, picture: { channels: 3 } });
    expect([...flatten({ data, width: 2, height: 1, channels: 4 }, "light").picture.data].slice(0, 3)).toEqual([
      255, 255, 255,
    ]);
  });

  test("soft edges alone are no ground, and a picture without alpha stays as it is", () => {
    const soft = Uint8Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 80 : i === 1 ? 0 : 200));
    expect(flatten({ data: soft, width: 200, height: 1, channels: 2 }, "auto").isGround).toBe(false);
    const opaque = gray(2, 2, (x) => x);
    expect(flatten(opaque, "auto")).toMatchObject({ picture: { data: opaque.data }, isGround: false });
  });
});

describe("findGround", () => {
  /** A dark garment in the middle of a ground. */
  const garmentOn = (ground: ColorAt) =>
    picture(120, 90, 3, (x, y) => (x > 40 && x < 80 && y > 20 && y < 70 ? [20, 25, 30] : ground(x, y)));

  test.each([
    [[255, 255, 255], "light"],
    [[240, 232, 220], "light"],
    [[12, 10, 8], "dark"],
    [[128, 128, 128], "coloured"],
    [[250, 120, 90], "coloured"],
    [[40, 80, 180], "coloured"],
  ] as const)("%j is found exactly, without noise, and is %s", (color, kind) => {
    const ground = findGround(
      garmentOn(() => color),
      "auto",
    );
    for (const [c, value] of color.entries()) expect(groundAt(ground, c, 0.3, -0.7)).toBe(value);
    expect(ground.noise).toBe(0);
    expect(kindOfGround(ground)).toBe(kind);
  });

  test("is the corners' colour where a garment touches all four edges and covers most of the border", () => {
    const cross = gray(60, 60, (x, y) =>
      Math.min(x, 59 - x) < 12 && Math.min(y, 59 - y) < 12 ? 250 : 60 + ((x * 7 + y * 13) % 120),
    );
    expect(groundAt(findGround(cross, "auto"), 0, 0, 0)).toBe(250);
  });

  test("follows light from one side and darker corners, also under noise", () => {
    const lightAt = (x: number, y: number) => {
      const [u, v] = [((x + 0.5) / 120) * 2 - 1, ((y + 0.5) / 90) * 2 - 1];
      return 215 + 22 * u - 9 * v - 14 * (u * u + v * v);
    };
    const noise = (x: number, y: number) => 6 * uniform(5, y * 120 + x);
    const ground = findGround(
      garmentOn((x, y) => [0, 5, -5].map((d) => lightAt(x, y) + d + noise(x, y))),
      "auto",
    );
    for (const [x, y] of [
      [3, 3],
      [116, 86],
      [60, 45],
      [100, 10],
    ] as const) {
      const [u, v] = [((x + 0.5) / 120) * 2 - 1, ((y + 0.5) / 90) * 2 - 1];
      expect(Math.abs(groundAt(ground, 0, u, v) - lightAt(x, y))).toBeLessThan(2);
      expect(Math.abs(groundAt(ground, 2, u, v) - lightAt(x, y) + 5)).toBeLessThan(2);
    }
    expect(ground.noise).toBeGreaterThan(3);
    expect(ground.noise).toBeLessThan(8);
  });

  test("light and dark take such colours only, and white or black where there is none", () => {
    const split = gray(50, 50, (x) => (x < 20 ? 230 : 30));
    expect(groundAt(findGround(split, "auto"), 0, 0, 0)).toBe(30);
    expect(groundAt(findGround(split, "light"), 0, 0, 0)).toBe(230);
    const black = gray(50, 50, () => 30);
    expect(groundAt(findGround(black, "light"), 0, 0, 0)).toBe(255);
    expect(
      groundAt(
        findGround(
          gray(50, 50, () => 200),
          "dark",
        ),
        0,
        0,
        0,
      ),
    ).toBe(0);
  });

  test("takes pictures of any size", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 255 }), (size, value) => {
        expect(
          groundAt(
            findGround(
              gray(size.width, size.height, () => value),
              "auto",
            ),
            0,
            1,
            1,
          ),
        ).toBe(value);
      }),
    );
  });
});

describe("distance from the ground", () => {
  test("of gray: the negative on white, the gray itself on black, either side of another ground", () => {
    const ramp = gray(5, 1, (x) => [0, 60, 128, 200, 255][x]!);
    expect([...grayFromGround(ramp, plainGround(255, 1), whole(ramp))]).toEqual([255, 195, 127, 55, 0]);
    expect([...grayFromGround(ramp, plainGround(0, 1), whole(ramp))]).toEqual([0, 60, 128, 200, 255]);
    expect([...grayFromGround(ramp, plainGround(128, 1), whole(ramp))]).toEqual([128, 68, 0, 72, 127]);
  });

  test("of colours: Rec. 709 luma in gray, the root mean square of the channels otherwise", () => {
    const color = picture(1, 1, 3, () => [100, 50, 200]);
    const [luma] = grayFromGround(color, plainGround(0, 3), whole(color));
    expect(luma).toBeCloseTo(0.2126 * 100 + 0.7152 * 50 + 0.0722 * 200, 4);
    const [distance] = distanceFromGround(color, plainGround(0, 3), whole(color));
    expect(distance).toBeCloseTo(Math.sqrt((100 ** 2 + 50 ** 2 + 200 ** 2) / 3), 4);
  });

  test("knows where in the picture a box is: uneven light is taken away there, at any scale", () => {
    const light = { base: 150, right: 40, down: -20, outward: 10 };
    const valueAt = (x: number, y: number) => {
      const [u, v] = [((x + 0.5) / 100) * 2 - 1, ((y + 0.5) / 80) * 2 - 1];
      return light.base + light.right * u + light.down * v + light.outward * (u * u + v * v);
    };
    const box = { left: 30, top: 50, width: 40, height: 20 };
    const part = crop(gray(100, 80, valueAt), box);
    const origin = { box, width: 100, height: 80 };
    const flat = (values: Float32Array) => Math.max(...values);
    expect(flat(grayFromGround(part, { lights: [light], noise: 0 }, origin))).toBeLessThan(1e-3);
    const half = shrink(part, 2);
    expect(flat(distanceFromGround(half, { lights: [light], noise: 0 }, origin))).toBeLessThan(0.1);
  });
});

describe("cutOut", () => {
  test("gives alpha 0 to the ground and its noise, 255 to what is far from it, and keeps the colours", () => {
    const three = picture(
      3,
      1,
      3,
      (x) =>
        [
          [40, 90, 180],
          [48, 84, 186],
          [200, 30, 30],
        ][x]!,
    );
    const ground = {
      ...plainGround(0, 3),
      lights: [40, 90, 180].map((base) => ({ base, right: 0, down: 0, outward: 0 })),
      noise: 8,
    };
    const { data, channels } = cutOut(three, ground, whole(three));
    expect(channels).toBe(4);
    expect([3, 7, 11].map((i) => data[i])).toEqual([0, 0, 255]);
    expect([...data.slice(8, 11)]).toEqual([200, 30, 30]);
  });
});

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

  test("does not see specks, what is within 5 % of the ground, or noise", () => {
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

describe("resize", () => {
  test("to its own size is the picture itself", () => {
    const ramp = picture(7, 5, 3, (x, y) => [x * 30, y * 40, x + y]);
    expect(resize(ramp, ramp).data).toBeClose(ramp.data, { tolerance: 1e-4 });
  });

  test("keeps one colour, whatever the sizes, and stays within 0 to 255", () => {
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

  test("keeps places: a ramp stays the ramp, smaller and larger, away from the ends", () => {
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

  test("averages what is too fine to be shown", () => {
    const stripes = gray(280, 10, (x) => (x % 2) * 200);
    const { data } = resize(stripes, { width: 28, height: 10 });
    // The whole filter of 40 stripes lies inside the picture from the second pixel on.
    expect(data.slice(2, 26)).toBeClose(new Float32Array(24).fill(100), { tolerance: 1 });
  });

  test("fittedSize: one edge fills the target, neither exceeds it, and the aspect is kept to half a pixel", () => {
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
  test("is the mean of each block, also of the narrower ones at the end", () => {
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

test("stretch: the largest becomes 255, zero stays, and nothing is changed in place", () => {
  const values = Float32Array.of(0, 10, 51);
  expect([...stretch(values)]).toEqual([0, 50, 255]);
  expect([...values]).toEqual([0, 10, 51]);
  expect([...stretch(new Float32Array(3))]).toEqual([0, 0, 0]);
});

test("centre: in the middle, the odd pixel left and above as in the data set, rounded", () => {
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
