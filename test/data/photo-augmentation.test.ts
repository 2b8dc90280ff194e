import { describe, expect, test } from "vitest";
import type { Augmentation } from "../../src/data/augmentation.ts";
import { blurImage } from "../../src/data/blur-image.ts";
import { type ColorChange, changeColors, drawColorChange } from "../../src/data/color-jitter.ts";
import { moveImage } from "../../src/data/move-image.ts";
import { drawCrop, drawWarp, warpImage } from "../../src/data/warp-image.ts";
import { randomStream } from "../../src/random.ts";
import { augmented } from "./augmented.ts";

const PHOTO = { channels: 3, height: 18, width: 26 };
const GRAY = { channels: 1, height: 21, width: 12 };

/** An image of random bytes, between `least` and `largest`. */
function noise(
  { channels, height, width }: typeof PHOTO,
  { least = 0, largest = 255, index = 0 }: { least?: number; largest?: number; index?: number } = {},
): Uint8Array {
  const stream = randomStream(3, "check", index);
  return Uint8Array.from({ length: channels * height * width }, () => least + stream.below(largest - least + 1));
}

/** numpy's `pad(line, mode="symmetric")`, written out: the line and its mirror image in turn. */
function symmetric(line: readonly number[], index: number): number {
  const pair = [...line, ...line.toReversed()];
  return pair.at(index % pair.length)!;
}

/** Rows of one channel. */
const rowsOf = (image: Uint8Array, { height, width }: typeof PHOTO, channel: number): number[][] =>
  Array.from({ length: height }, (_, row) => [
    ...image.subarray((channel * height + row) * width, (channel * height + row + 1) * width),
  ]);

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0);

/** The maximum difference of corresponding elements. */
const difference = (found: ArrayLike<number>, expected: ArrayLike<number>) =>
  Math.max(...Array.from(found, (value, i) => Math.abs(value - expected[i]!)));

describe("drawCrop", () => {
  const image = { channels: 1, height: 100, width: 120 };
  const crop = { scale: [0.2, 0.6], ratio: [0.5, 2] } as const;
  const boxes = Array.from({ length: 4000 }, (_, i) => drawCrop(image, crop, randomStream(1, "warp", i)));

  test("area is uniform and the logarithm of width / height is, as by torchvision's RandomResizedCrop", () => {
    const areas = boxes.map(({ width, height }) => (width * height) / 12_000);
    const aspects = boxes.map(({ width, height }) => Math.log2(width / height));
    // All of these parts fit but the highest and widest, which are few. Uniform: deviation of the mean is the range over
    // sqrt(12 x 4000).
    expect(Math.abs(mean(areas) - 0.4)).toBeLessThan(0.015);
    expect(Math.abs(mean(aspects))).toBeLessThan(0.1);
    expect(mean(aspects.map((aspect) => aspect ** 2))).toBeCloseTo(1 / 3, 1);
    expect(Math.min(...areas)).toBeGreaterThanOrEqual(0.2 - 1e-9);
    expect(Math.max(...areas)).toBeLessThanOrEqual(0.6 + 1e-9);
    expect(Math.max(...aspects.map(Math.abs))).toBeLessThanOrEqual(1 + 1e-9);
  });

  test("it is inside the image, and reaches every edge", () => {
    const sides = boxes.map(({ width, height, right, down }) => [
      60 + right - width / 2,
      60 - right - width / 2,
      50 + down - height / 2,
      50 - down - height / 2,
    ]);
    for (const side of [0, 1, 2, 3]) {
      const distance = Math.min(...sides.map((distances) => distances[side]!));
      expect(distance).toBeGreaterThan(-1e-9);
      expect(distance).toBeLessThan(0.5);
    }
  });

  test.each([
    [
      { channels: 1, height: 10, width: 40 },
      { width: 15, height: 10 },
    ],
    [
      { channels: 1, height: 40, width: 10 },
      { width: 10, height: 20 },
    ],
  ])("where nothing fits, it is the largest part in the middle with an allowed ratio", (image, expected) => {
    const drawn = drawCrop(image, { scale: [0.9, 1], ratio: [0.5, 1.5] }, randomStream(1, "warp"));
    expect(drawn).toEqual({ ...expected, right: 0, down: 0 });
  });
});

describe("drawWarp", () => {
  const crop = { scale: [0.3, 0.9], ratio: [0.7, 1.4] } as const;
  const options = { randomResizedCrop: crop, rotation: 40, zoom: [0.8, 1.5] } as const;
  const still = { mirror: false, upsideDown: false, right: 0, down: 0 };

  test("is a flip, a crop resized to the whole, a rotation, a magnification and a shift, one after the other", () => {
    for (let i = 0; i < 60; i++) {
      const movement = { mirror: i % 2 === 1, upsideDown: i % 3 === 1, right: (i % 5) - 2, down: (i % 7) - 3 };
      const warp = drawWarp(PHOTO, options, randomStream(2, "warp", i), movement);
      // The same draws, and each step forwards, in coordinates from the image's upper left corner.
      const stream = randomStream(2, "warp", i);
      const angle = ((2 * stream.uniform() - 1) * 40 * Math.PI) / 180;
      const zoom = 0.8 * (1.5 / 0.8) ** stream.uniform();
      const box = drawCrop(PHOTO, crop, stream);
      const column = i % 26;
      const row = i % 18;
      let x = warp.xx * column + warp.xy * row + warp.x0 + 0.5;
      let y = warp.yx * column + warp.yy * row + warp.y0 + 0.5;
      if (movement.mirror) x = 26 - x;
      if (movement.upsideDown) y = 18 - y;
      x = (x - (13 + box.right - box.width / 2)) * (26 / box.width);
      y = (y - (9 + box.down - box.height / 2)) * (18 / box.height);
      // Counterclockwise, with y downwards.
      [x, y] = [
        13 + Math.cos(angle) * (x - 13) + Math.sin(angle) * (y - 9),
        9 - Math.sin(angle) * (x - 13) + Math.cos(angle) * (y - 9),
      ];
      x = 13 + zoom * (x - 13) + movement.right;
      y = 9 + zoom * (y - 9) + movement.down;
      expect(x).toBeCloseTo(column + 0.5, 9);
      expect(y).toBeCloseTo(row + 0.5, 9);
    }
  });

  test("angles are uniform to both sides, and logarithms of magnifications uniform", () => {
    const warps = Array.from({ length: 4000 }, (_, i) =>
      drawWarp(PHOTO, { rotation: 30, zoom: [0.5, 2] }, randomStream(4, "warp", i), still),
    );
    const angles = warps.map(({ xx, yx }) => (Math.atan2(yx, xx) * 180) / Math.PI);
    const zooms = warps.map(({ xx, yx }) => -Math.log2(Math.hypot(xx, yx)));
    expect(Math.max(...angles.map(Math.abs))).toBeLessThanOrEqual(30);
    expect(Math.abs(mean(angles))).toBeLessThan((5 * 60) / Math.sqrt(12 * 4000));
    expect(mean(angles.map((angle) => angle ** 2)) / 300).toBeCloseTo(1, 1);
    expect(Math.abs(mean(zooms))).toBeLessThan((5 * 2) / Math.sqrt(12 * 4000));
    expect(mean(zooms.map((zoom) => zoom ** 2))).toBeCloseTo(1 / 3, 1);
  });

  test("neither the angle nor the magnification depends on what else is set", () => {
    const alone = drawWarp(GRAY, { rotation: 40 }, randomStream(9, "warp"), still);
    const both = drawWarp(GRAY, { ...options, zoom: [2, 2] }, randomStream(9, "warp"), still);
    const box = drawCrop(GRAY, crop, skipped(randomStream(9, "warp"), 2));
    expect(both.xx).toBeCloseTo((alone.xx * box.width) / 12 / 2, 9);
    expect(both.yx).toBeCloseTo((alone.yx * box.height) / 21 / 2, 9);
  });
});

/** A stream after some draws. */
function skipped(stream: ReturnType<typeof randomStream>, draws: number) {
  for (let i = 0; i < draws; i++) stream.uint32();
  return stream;
}

describe("warpImage", () => {
  test.each([PHOTO, GRAY])("interpolates bilinearly, in float64, the image mirrored at its edges: %j", (geometry) => {
    const image = noise(geometry);
    const { channels, height, width } = geometry;
    for (let i = 0; i < 12; i++) {
      const options = { rotation: 180, zoom: [0.4, 3] } as const;
      const movement = { mirror: false, upsideDown: false, right: i, down: -i };
      const warp = drawWarp(geometry, options, randomStream(6, "warp", i), movement);
      const found = new Uint8Array(image.length);
      warpImage(image, 0, found, 0, geometry, warp);
      const expected = Array.from({ length: channels }, (_, channel) => rowsOf(image, geometry, channel)).flatMap(
        (rows) =>
          Array.from({ length: height * width }, (_, at) => {
            const [row, column] = [Math.floor(at / width), at % width];
            const x = warp.xx * column + warp.xy * row + warp.x0;
            const y = warp.yx * column + warp.yy * row + warp.y0;
            // The tent function around each of the neighbours, as torchvision's and PIL's bilinear filter.
            const tent = (distance: number) => Math.max(0, 1 - Math.abs(distance));
            let sum = 0;
            for (const v of [Math.floor(y), Math.floor(y) + 1]) {
              for (const u of [Math.floor(x), Math.floor(x) + 1]) {
                const line = Array.from({ length: height }, (_, r) => symmetric(rows[r]!, u));
                sum += tent(x - u) * tent(y - v) * symmetric(line, v);
              }
            }
            return sum;
          }),
      );
      expect(difference(found, expected)).toBeLessThanOrEqual(0.5 + 1e-9);
    }
  });

  test("without any change it copies, and flips exactly as whole pixels are", () => {
    for (const geometry of [PHOTO, GRAY]) {
      const image = noise(geometry);
      for (const [mirror, upsideDown] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ] as const) {
        const movement = { mirror, upsideDown, right: 0, down: 0 };
        const [warped, moved] = [new Uint8Array(image.length), new Uint8Array(image.length)];
        warpImage(image, 0, warped, 0, geometry, drawWarp(geometry, {}, randomStream(1, "warp"), movement));
        moveImage(image, 0, moved, 0, geometry, movement);
        expect(warped).toEqual(moved);
      }
    }
  });
});

describe("changeColors", () => {
  const NONE: ColorChange = { brightness: 1, contrast: 1, saturation: 1, hue: 0 };
  const changed = (image: Uint8Array, geometry: typeof PHOTO, change: Partial<ColorChange>) => {
    const bytes = image.slice();
    changeColors(bytes, 0, geometry, { ...NONE, ...change });
    return bytes;
  };
  const luma = ([red, green, blue]: readonly number[]) => 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  const colorsOf = (image: Uint8Array): number[][] =>
    Array.from({ length: image.length / 3 }, (_, i) => [0, 1, 2].map((c) => image[(c * image.length) / 3 + i]!));
  const planes = (colors: readonly number[][]) => [0, 1, 2].flatMap((c) => colors.map((color) => color[c]!));

  test("brightness, contrast and saturation are torchvision's blends, clipped at the end", () => {
    const image = noise(PHOTO, { least: 20, largest: 230 });
    for (const [brightness, contrast, saturation] of [
      [1.3, 1, 1],
      [0.4, 1, 1],
      [1, 0.3, 1],
      [1, 1.8, 1],
      [1, 1, 0],
      [1, 1, 1.7],
      [1.2, 0.7, 1.3],
    ] as const) {
      // torchvision's _blend(a, b, ratio) = ratio a + (1 - ratio) b: with black, with the mean luma, with each luma.
      const blend = (a: number, b: number, ratio: number) => ratio * a + (1 - ratio) * b;
      const brighter = colorsOf(image).map((color) => color.map((value) => blend(value, 0, brightness)));
      const level = mean(brighter.map(luma));
      const contrasted = brighter.map((color) => color.map((value) => blend(value, level, contrast)));
      const saturated = contrasted.map((color) => color.map((value) => blend(value, luma(color), saturation)));
      const expected = planes(saturated).map((value) => Math.min(255, Math.max(0, value)));
      const found = changed(image, PHOTO, { brightness, contrast, saturation });
      expect(difference(found, expected)).toBeLessThanOrEqual(0.5 + 1e-6);
    }
  });

  test.each([0.1, 0.25, 0.5, -0.3])("a turn of the hue by %f is the W3C's hueRotate", (hue) => {
    const image = noise(PHOTO, { least: 100, largest: 150 });
    const [cos, sin] = [Math.cos(2 * Math.PI * hue), Math.sin(2 * Math.PI * hue)];
    // Filter Effects Module Level 1, "feColorMatrix", with its three digits.
    const matrix = [
      [0.213 + cos * 0.787 - sin * 0.213, 0.715 - cos * 0.715 - sin * 0.715, 0.072 - cos * 0.072 + sin * 0.928],
      [0.213 - cos * 0.213 + sin * 0.143, 0.715 + cos * 0.285 + sin * 0.14, 0.072 - cos * 0.072 - sin * 0.283],
      [0.213 - cos * 0.213 - sin * 0.787, 0.715 - cos * 0.715 + sin * 0.715, 0.072 + cos * 0.928 + sin * 0.072],
    ];
    const turned = colorsOf(image).map((color) =>
      matrix.map((row) => row.reduce((sum, m, i) => sum + m * color[i]!, 0)),
    );
    expect(difference(changed(image, PHOTO, { hue }), planes(turned))).toBeLessThan(0.7);
  });

  test("hue and saturation change neither luma nor gray", () => {
    const image = noise(PHOTO, { least: 90, largest: 160 });
    const found = changed(image, PHOTO, { hue: 0.2, saturation: 1.4 });
    const lumas = (bytes: Uint8Array) => colorsOf(bytes).map(luma);
    expect(difference(lumas(found), lumas(image))).toBeLessThan(0.51);
    const gray = noise(GRAY);
    expect(changed(gray, GRAY, { hue: 0.3, saturation: 0.2 })).toEqual(gray);
    const three = Uint8Array.of(...gray, ...gray, ...gray);
    expect(changed(three, { ...GRAY, channels: 3 }, { hue: 0.3, saturation: 0.2 })).toEqual(three);
  });

  test("a gray image's brightness and contrast change as those of the same image in three channels", () => {
    const gray = noise(GRAY);
    const three = Uint8Array.of(...gray, ...gray, ...gray);
    const change = { brightness: 0.8, contrast: 1.4 };
    const found = changed(three, { ...GRAY, channels: 3 }, change);
    expect(difference(found.subarray(0, gray.length), changed(gray, GRAY, change))).toBeLessThanOrEqual(1);
  });

  test("factors are uniform around 1, at least 0, and the hue's turn to both sides", () => {
    const jitter = { brightness: 0.4, contrast: 1, saturation: 0.2, hue: 0.1 };
    const draws = Array.from({ length: 4000 }, (_, i) => drawColorChange(jitter, randomStream(1, "color", i)));
    for (const [name, range, middle] of [
      ["brightness", 0.4, 1],
      ["contrast", 1, 1],
      ["saturation", 0.2, 1],
      ["hue", 0.1, 0],
    ] as const) {
      const values = draws.map((draw) => draw[name] - middle);
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(range);
      expect(Math.abs(mean(values))).toBeLessThan((5 * 2 * range) / Math.sqrt(12 * 4000));
      expect(mean(values.map((value) => value ** 2)) / (range ** 2 / 3)).toBeCloseTo(1, 1);
    }
    expect(drawColorChange({ hue: 0.1 }, randomStream(1, "color", 7))).toEqual({ ...NONE, hue: draws[7]!.hue });
  });
});

describe("blurImage", () => {
  test.each([
    [PHOTO, 0.4],
    [PHOTO, 2.5],
    [GRAY, 1],
    [{ channels: 1, height: 3, width: 2 }, 1.5],
  ])("of %j by %f is the two-dimensional sum, in float64, of the image mirrored at its edges", (geometry, sigma) => {
    const image = noise(geometry);
    const blurred = image.slice();
    blurImage(blurred, 0, geometry, sigma);
    const radius = Math.ceil(3 * sigma);
    const offsets = Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius);
    const weight = (down: number, right: number) => Math.exp(-(down ** 2 + right ** 2) / (2 * sigma ** 2));
    const total = offsets.flatMap((down) => offsets.map((right) => weight(down, right))).reduce((a, b) => a + b);
    const expected = Array.from({ length: geometry.channels }, (_, c) => rowsOf(image, geometry, c)).flatMap((rows) =>
      rows.flatMap((line, row) =>
        line.map((_, column) => {
          let sum = 0;
          for (const right of offsets) {
            const vertical = rows.map((other) => symmetric(other, column + right));
            for (const down of offsets) sum += weight(down, right) * symmetric(vertical, row + down);
          }
          return sum / total;
        }),
      ),
    );
    expect(difference(blurred, expected)).toBeLessThanOrEqual(0.5 + 1e-3); // sums are in float32
  });
});

describe("augmentImage with the transformations for photos", () => {
  const EVERYTHING: Augmentation = {
    horizontalFlip: "random",
    randomResizedCrop: { scale: [0.4, 1], ratio: [0.75, 1.33] },
    rotation: 15,
    zoom: [0.9, 1.1],
    colorJitter: { brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.05 },
    blur: { probability: 0.5, sigma: [0.3, 1.5] },
  };

  test("blurs as many images as the probability says", () => {
    const image = noise(GRAY);
    let blurred = 0;
    for (let i = 0; i < 1000; i++) {
      const found = augmented(image, GRAY, { blur: { probability: 0.25, sigma: [1, 1] } }, i);
      if (difference(found, image) > 0) blurred++;
    }
    expect(Math.abs(blurred - 250)).toBeLessThan(5 * 13.7);
  });

  test("the same place gives the same bytes, another place or seed others", () => {
    const image = noise(PHOTO);
    expect(augmented(image, PHOTO, EVERYTHING, 4)).toEqual(augmented(image, PHOTO, EVERYTHING, 4));
    expect(augmented(image, PHOTO, EVERYTHING, 4)).not.toEqual(augmented(image, PHOTO, EVERYTHING, 5));
  });

  test("they change neither the flip nor the erased rectangle", () => {
    const randomErasing = { probability: 0.7, areaFraction: [0.1, 0.3], aspectRatio: [0.5, 2], fill: "zero" } as const;
    const image = new Uint8Array(21 * 12).fill(200);
    const erased = (augmentation: Augmentation, i: number) =>
      [...augmented(image, GRAY, { randomErasing, ...augmentation }, i).entries()].flatMap(([at, byte]) =>
        byte === 0 ? [at] : [],
      );
    for (let i = 0; i < 30; i++) expect(erased(EVERYTHING, i)).toEqual(erased({}, i));
    const gradient = Uint8Array.from({ length: 21 * 12 }, (_, at) => 20 * (at % 12));
    const isMirrored = (augmentation: Augmentation, i: number) => {
      const row = augmented(gradient, GRAY, augmentation, i).subarray(120, 132);
      return row[3]! > row[8]!;
    };
    for (let i = 0; i < 30; i++) expect(isMirrored(EVERYTHING, i)).toBe(isMirrored({ horizontalFlip: "random" }, i));
  });
});
