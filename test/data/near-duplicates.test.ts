import { describe, expect, test } from "vitest";
import { countPairs, duplicatePairs, pairingOf } from "../../src/data/duplicates.ts";
import { createImageSet, type ImageSet } from "../../src/data/image-set.ts";
import { nearPairs } from "../../src/data/near-duplicates.ts";
import { randomStream } from "../../src/random.ts";
import { userErrorOf } from "../runs/support/helpers.ts";
import { fashionMnist } from "../support/fashion-mnist.ts";
import { firstImages } from "../training/support/small-data.ts";

function setOf(images: readonly (readonly number[])[], [height, width]: readonly [number, number], labels?: number[]) {
  const pixels = Uint8Array.from(images.flat());
  const given = Uint8Array.from(labels ?? images.map(() => 0));
  return createImageSet({ images: pixels, labels: given, channels: 1, height, width, classNames: ["a", "b"] }, "test");
}

/** Images with two black rows above and below and two black pixels after each row, so that shifts need no special case. */
function framedImages({ images, count, channels, height, width }: ImageSet): {
  pixels: Float64Array[];
  stride: number;
} {
  const stride = width + 2;
  const pixels = Array.from({ length: count }, (_, i) => {
    const image = images.read(i, i + 1);
    const framed = new Float64Array(channels * (height + 4) * stride);
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          framed[(c * (height + 4) + y + 2) * stride + x] = image[(c * height + y) * width + x]!;
    return framed;
  });
  return { pixels, stride };
}

/** The distance by its definition, in the simplest possible loop: shifts by one pixel to all sides of framed images. */
function plainDistance(one: Float64Array, other: Float64Array, stride: number): number {
  let least = 1;
  for (let down = -1; down <= 1; down++)
    for (let right = -1; right <= 1; right++) {
      const shift = down * stride + right;
      let [apart, brightest] = [0, 0];
      for (let i = stride + 1; i < one.length - stride - 1; i++) {
        const [p, q] = [one[i]!, other[i - shift]!];
        apart += Math.abs(p - q);
        brightest += Math.max(p, q);
      }
      least = Math.min(least, brightest === 0 ? 0 : apart / brightest);
    }
  return least;
}

/** All pairs by the definition. */
function plainPairs(set: ImageSet, distance: number) {
  const { pixels, stride } = framedImages(set);
  const pairs: { a: number; b: number; distance: number }[] = [];
  for (let b = 1; b < set.count; b++)
    for (let a = 0; a < b; a++) {
      const apart = plainDistance(pixels[a]!, pixels[b]!, stride);
      if (apart <= distance) pairs.push({ a, b, distance: apart });
    }
  return pairs;
}

/** Images around a few others, at all distances from them. */
function noisyImages(count: number, [channels, height, width]: readonly [number, number, number]): ImageSet {
  const stream = randomStream(7, "check");
  const size = channels * height * width;
  const patterns = Array.from({ length: 4 }, () => Array.from({ length: size }, () => stream.below(200)));
  const images = Array.from({ length: count }, (_, i) => {
    const noise = stream.below(60);
    const away = stream.below(3) - 1;
    const pattern = patterns[i % 4]!;
    return pattern.map((_, p) => Math.max(0, (pattern[p + away] ?? 0) + stream.below(noise + 1) - noise / 2));
  });
  const pixels = Uint8Array.from(images.flat());
  return createImageSet(
    { images: pixels, labels: new Uint8Array(count), channels, height, width, classNames: ["a"] },
    "noise",
  );
}

const asKeys = (pairs: readonly { a: number; b: number; distance: number }[]) =>
  pairs.map(({ a, b, distance }) => `${a} ${b} ${distance.toFixed(9)}`).toSorted();

describe("near pairs", () => {
  test.each([
    [[1, 9, 8], 0.15],
    [[1, 9, 8], 0.4],
    [[3, 5, 7], 0.3],
    [[1, 1, 6], 0.4],
  ] as const)("of %j images within %d are those of the definition: none is passed over", (geometry, distance) => {
    const set = noisyImages(60, geometry);
    const expected = plainPairs(set, distance);
    expect(expected.length).toBeGreaterThan(10);
    expect(expected.length).toBeLessThan((60 * 59) / 2);
    expect(asKeys(nearPairs([set], { distance }))).toEqual(asKeys(expected));
  });

  test("are found among real images too", async () => {
    const set = firstImages((await fashionMnist()).train, 150);
    const expected = plainPairs(set, 0.2);
    expect(expected.length).toBeGreaterThan(5);
    expect(asKeys(nearPairs([set], { distance: 0.2 }))).toEqual(asKeys(expected));
  });

  test("are nearest first, and identical images have distance 0, black ones too", () => {
    const set = setOf(
      [
        [9, 9, 9, 0],
        [0, 0, 0, 0],
        [9, 9, 9, 0],
        [9, 9, 8, 0],
        [0, 0, 0, 0],
      ],
      [2, 2],
    );
    expect(nearPairs([set], { distance: 0.1 })).toEqual([
      { a: 0, b: 2, distance: 0 },
      { a: 1, b: 4, distance: 0 },
      { a: 0, b: 3, distance: 1 / 27 },
      { a: 2, b: 3, distance: 1 / 27 },
    ]);
    expect(nearPairs([set], { distance: 0 })).toHaveLength(2);
  });

  test("an image moved by one pixel is found, one moved by two is not", () => {
    const row = (...bright: number[]) => Array.from({ length: 25 }, (_, i) => (bright.includes(i) ? 200 : 0));
    const moved = (by: number) => setOf([row(11, 12), row(11 + by, 12 + by)], [5, 5]);
    for (const by of [1, 5, 6, -4])
      expect(nearPairs([moved(by)], { distance: 0.1 })).toEqual([{ a: 0, b: 1, distance: 0 }]);
    expect(nearPairs([moved(2 * 5)], { distance: 0.1 })).toEqual([]);
  });

  test("bright pixels that a shift moves over the edge still count", () => {
    expect(
      nearPairs(
        [
          setOf(
            [
              [0, 0, 0, 9],
              [0, 0, 0, 0],
            ],
            [2, 2],
          ),
        ],
        { distance: 0.9 },
      ),
    ).toEqual([]);
  });

  test("within a distance out of range are refused", () => {
    for (const distance of [-0.1, 1, Number.NaN]) {
      expect(userErrorOf(() => nearPairs([setOf([[1]], [1, 1])], { distance })).message).toMatch(
        /^distance must be at least 0 and below 1, got /,
      );
    }
  });
});

test("duplicates are listed with set, index and labels, and counted by pairing", () => {
  const bright = [200, 100, 50, 25];
  const other = [10, 0, 0, 90];
  const train = setOf([bright, other, [201, 100, 50, 25]], [2, 2], [0, 1, 1]);
  const test = setOf([[0, 99, 0, 0], other], [2, 2], [1, 0]);
  const pairs = duplicatePairs(train, test, { distance: 0.01 });
  expect(pairs).toEqual([
    { a: { set: "train", index: 1 }, b: { set: "test", index: 1 }, labels: [1, 0], distance: 0 },
    { a: { set: "train", index: 0 }, b: { set: "train", index: 2 }, labels: [0, 1], distance: 1 / 376 },
  ]);
  expect(pairs.map(pairingOf)).toEqual(["train and test", "train"]);
  expect(countPairs(pairs)).toEqual([
    { pairing: "train and test", exact: 1, near: 0, otherLabel: 1 },
    { pairing: "train", exact: 0, near: 1, otherLabel: 1 },
    { pairing: "test", exact: 0, near: 0, otherLabel: 0 },
  ]);
});
