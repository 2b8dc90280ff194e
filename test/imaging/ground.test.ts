import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { distanceFromGround, grayFromGround } from "../../src/imaging/contrast.ts";
import { cutOut } from "../../src/imaging/cut-out.ts";
import { flatten } from "../../src/imaging/flatten.ts";
import { findGround, groundAt, kindOfGround, plainGround } from "../../src/imaging/ground.ts";
import { crop } from "../../src/imaging/picture.ts";
import { shrink } from "../../src/imaging/shrink.ts";
import { uniform } from "../golden/inputs.ts";
import { type ColorAt, gray, picture, sizes } from "./support/pictures.ts";

const whole = ({ width, height }: { width: number; height: number }) => ({
  box: { left: 0, top: 0, width, height },
  width,
  height,
});

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

  test("composites on the wanted background, channel by channel", () => {
    const data = Uint8ClampedArray.of(10, 20, 30, 0, 200, 100, 50, 255);
    const dark = flatten({ data, width: 2, height: 1, channels: 4 }, "dark");
    expect([...dark.picture.data]).toEqual([0, 0, 0, 200, 100, 50]);
    expect(dark).toMatchObject({ onto: 0, isGround: true, picture: { channels: 3 } });
    expect([...flatten({ data, width: 2, height: 1, channels: 4 }, "light").picture.data].slice(0, 3)).toEqual([
      255, 255, 255,
    ]);
  });

  test("soft edges alone are not a background, and a picture without alpha is unchanged", () => {
    const soft = Uint8Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 80 : i === 1 ? 0 : 200));
    expect(flatten({ data: soft, width: 200, height: 1, channels: 2 }, "auto").isGround).toBe(false);
    const opaque = gray(2, 2, (x) => x);
    expect(flatten(opaque, "auto")).toMatchObject({ picture: { data: opaque.data }, isGround: false });
  });
});

describe("findGround", () => {
  /** A dark garment centred on a background. */
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

  test("light and dark consider only such colours, and use white or black where there is none", () => {
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

  test("accepts pictures of any size", () => {
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

describe("distance from the background", () => {
  test("of gray: the negative on white, the gray value itself on black, the absolute difference on others", () => {
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

  test("accounts for the position of a box: uneven light is removed there, at any scale", () => {
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
  test("gives alpha 0 to the background and its noise, 255 to distant colours, and keeps the colours", () => {
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
