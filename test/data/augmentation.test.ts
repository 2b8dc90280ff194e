import { describe, expect, test } from "vitest";
import { alternatingFlip } from "../../src/data/alternating-flip.ts";
import type { Augmentation } from "../../src/data/augmentation.ts";
import { augmentImage } from "../../src/data/augmentation.ts";
import { checkAugmentation } from "../../src/data/check-augmentation.ts";
import { moveImage } from "../../src/data/move-image.ts";
import type { RandomErasing } from "../../src/data/random-erasing.ts";
import { drawRectangle } from "../../src/data/random-erasing.ts";
import { UserError } from "../../src/errors.ts";
import { randomStream } from "../../src/random.ts";

const STILL = { mirror: false, upsideDown: false, right: 0, down: 0 };

/** One image varied, with guard bytes around source and destination that must neither be read nor written. */
function augmented(
  image: Uint8Array,
  geometry: { channels: number; height: number; width: number },
  augmentation: Augmentation,
  index: number,
  mirrored = false,
): Uint8Array {
  const source = new Uint8Array(image.length + 20).fill(201);
  source.set(image, 7);
  const destination = new Uint8Array(image.length + 20).fill(202);
  const draws = { stream: randomStream(5, "augment", index), mirrored };
  augmentImage(source, 7, destination, 13, geometry, augmentation, draws);
  expect(destination.subarray(0, 13).every((byte) => byte === 202)).toBe(true);
  expect(destination.subarray(13 + image.length).every((byte) => byte === 202)).toBe(true);
  return destination.slice(13, 13 + image.length);
}

/** Where the only bright pixel of a 9x9 image that was in the middle went, or undefined when it is gone. */
function movedMiddle(augmentation: Augmentation, index: number): [right: number, down: number] | undefined {
  const image = new Uint8Array(81);
  image[4 * 9 + 4] = 255;
  const at = augmented(image, { channels: 1, height: 9, width: 9 }, augmentation, index).indexOf(255);
  return at < 0 ? undefined : [(at % 9) - 4, Math.floor(at / 9) - 4];
}

describe("moveImage", () => {
  // Two channels of two rows and three columns.
  const geometry = { channels: 2, height: 2, width: 3 };
  const image = Uint8Array.of(1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16);
  const moved = (movement: Partial<typeof STILL>) => {
    const out = new Uint8Array(12).fill(99);
    moveImage(image, 0, out, 0, geometry, { ...STILL, ...movement });
    return [...out];
  };

  test.each([
    ["still", {}, [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]],
    ["mirrored", { mirror: true }, [3, 2, 1, 6, 5, 4, 13, 12, 11, 16, 15, 14]],
    ["upside down", { upsideDown: true }, [4, 5, 6, 1, 2, 3, 14, 15, 16, 11, 12, 13]],
    ["both", { mirror: true, upsideDown: true }, [6, 5, 4, 3, 2, 1, 16, 15, 14, 13, 12, 11]],
    ["one right", { right: 1 }, [0, 1, 2, 0, 4, 5, 0, 11, 12, 0, 14, 15]],
    ["two left", { right: -2 }, [3, 0, 0, 6, 0, 0, 13, 0, 0, 16, 0, 0]],
    ["one down", { down: 1 }, [0, 0, 0, 1, 2, 3, 0, 0, 0, 11, 12, 13]],
    ["one up", { down: -1 }, [4, 5, 6, 0, 0, 0, 14, 15, 16, 0, 0, 0]],
    ["mirrored, then one right", { mirror: true, right: 1 }, [0, 3, 2, 0, 6, 5, 0, 13, 12, 0, 16, 15]],
    ["upside down, then one down", { upsideDown: true, down: 1 }, [0, 0, 0, 4, 5, 6, 0, 0, 0, 14, 15, 16]],
    ["mirrored, one left and one up", { mirror: true, right: -1, down: -1 }, [5, 4, 0, 0, 0, 0, 15, 14, 0, 0, 0, 0]],
    ["out of sight", { right: 5, down: -4 }, new Array(12).fill(0)],
  ])("%s: the exact pixels, black moving in", (_, movement, expected) => {
    expect(moved(movement)).toEqual(expected);
  });
});

describe("augmentImage", () => {
  const geometry = { channels: 1, height: 1, width: 2 };
  const image = Uint8Array.of(1, 2);
  const mirroredBy = (augmentation: Augmentation, index: number, mirrored = false) =>
    augmented(image, geometry, augmentation, index, mirrored)[0] === 2;

  test("nothing asked for copies the image, guards untouched", () => {
    const photo = Uint8Array.from({ length: 3 * 5 * 7 }, (_, i) => i);
    expect(augmented(photo, { channels: 3, height: 5, width: 7 }, {}, 0, true)).toEqual(photo);
  });

  test("a random flip mirrors about half the images and does not look at the alternation", () => {
    let mirrored = 0;
    for (let i = 0; i < 2000; i++) {
      const flips = mirroredBy({ horizontalFlip: "random" }, i);
      expect(mirroredBy({ horizontalFlip: "random" }, i, true)).toBe(flips);
      mirrored += flips ? 1 : 0;
    }
    expect(Math.abs(mirrored - 1000)).toBeLessThan(5 * 22.4); // 5 standard deviations of Binomial(2000, 1/2)
  });

  test("an alternating flip does what it is told, without chance", () => {
    for (let i = 0; i < 50; i++) {
      expect(mirroredBy({ horizontalFlip: "alternating" }, i, true)).toBe(true);
      expect(mirroredBy({ horizontalFlip: "alternating" }, i, false)).toBe(false);
    }
  });

  test("a vertical flip turns about half the images, independently of the horizontal one", () => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const [first] = augmented(
        Uint8Array.of(0, 1, 2, 3),
        { channels: 1, height: 2, width: 2 },
        { horizontalFlip: "random", verticalFlip: true },
        i,
      );
      counts[first!]!++;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(5 * 27.4);
    expect(
      augmented(Uint8Array.of(0, 1, 2, 3), { channels: 1, height: 2, width: 2 }, { verticalFlip: false }, 1)[0],
    ).toBe(0);
  });

  test("a shift of 2 reaches each of the 25 places equally often and no other", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 5000; i++) {
      const place = String(movedMiddle({ shift: 2 }, i));
      counts.set(place, (counts.get(place) ?? 0) + 1);
    }
    const expected = [-2, -1, 0, 1, 2].flatMap((right) => [-2, -1, 0, 1, 2].map((down) => `${right},${down}`));
    expect([...counts.keys()].sort()).toEqual(expected.sort());
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    expect(chiSquare).toBeLessThan(51.2); // 0.1 % point, 24 degrees of freedom
  });

  test("switching one thing on or off changes no other draw", () => {
    const erasing = { probability: 0.5, areaFraction: [0.1, 0.3], aspectRatio: [0.5, 2], fill: "zero" } as const;
    const geometry = { channels: 1, height: 9, width: 9 };
    const black = (augmentation: Augmentation, index: number) => {
      const image = augmented(new Uint8Array(81).fill(255), geometry, augmentation, index);
      return [...image.keys()].filter((at) => image[at] === 0);
    };
    for (let i = 0; i < 40; i++) {
      const alone = movedMiddle({ shift: 3 }, i)!;
      const flipped = movedMiddle({ shift: 3, verticalFlip: true, horizontalFlip: "random" }, i)!;
      expect(flipped).toEqual(alone); // the middle pixel of 9 stays where it is when mirrored
      const erased = black({ randomErasing: erasing }, i);
      expect(black({ randomErasing: erasing, horizontalFlip: "random" }, i)).toEqual(erased);
      const both = new Set(black({ randomErasing: erasing, shift: 1 }, i));
      expect(erased.every((at) => both.has(at))).toBe(true);
    }
  });
});

describe("random erasing", () => {
  const geometry = { channels: 2, height: 28, width: 20 };
  const white = new Uint8Array(2 * 28 * 20).fill(255);
  const erasing: RandomErasing = { probability: 1, areaFraction: [0.05, 0.3], aspectRatio: [0.4, 2.5], fill: "zero" };

  /** The erased box of one channel, found in the picture. */
  function box(image: Uint8Array, channel: number): { top: number; left: number; height: number; width: number } {
    const erased = [...image.subarray(channel * 560, (channel + 1) * 560).entries()].filter(([, byte]) => byte === 0);
    const rows = erased.map(([at]) => Math.floor(at / 20));
    const columns = erased.map(([at]) => at % 20);
    const [top, left] = [Math.min(...rows), Math.min(...columns)];
    const [height, width] = [Math.max(...rows) - top + 1, Math.max(...columns) - left + 1];
    expect(erased.length, "the box is filled").toBe(height * width);
    return { top, left, height, width };
  }

  test("a box is blackened, the same one in each channel, with area and height / width in range", () => {
    const tops = new Set<number>();
    const areas: number[] = [];
    for (let i = 0; i < 1500; i++) {
      const image = augmented(white, geometry, { randomErasing: erasing }, i);
      const { top, left, height, width } = box(image, 0);
      expect(box(image, 1)).toEqual({ top, left, height, width });
      // Both sides were rounded to whole pixels, by at most one half.
      expect((height - 0.5) * (width - 0.5)).toBeLessThanOrEqual(0.3 * 560);
      expect((height + 0.5) * (width + 0.5)).toBeGreaterThanOrEqual(0.05 * 560);
      expect((height - 0.5) / (width + 0.5)).toBeLessThanOrEqual(2.5);
      expect((height + 0.5) / (width - 0.5)).toBeGreaterThanOrEqual(0.4);
      tops.add(top).add(top + height);
      areas.push((height * width) / 560);
    }
    expect(tops.has(0) && tops.has(28)).toBe(true); // the edges are reached
    expect(Math.min(...areas)).toBeLessThan(0.07);
    expect(Math.max(...areas)).toBeGreaterThan(0.26);
  });

  test("area and height / width are uniform in their ranges, as in the paper's algorithm", () => {
    const image = { channels: 1, height: 4000, width: 4000 };
    const small: RandomErasing = { ...erasing, areaFraction: [0.01, 0.05], aspectRatio: [0.3, 3.3] };
    let area = 0;
    let aspect = 0;
    const draws = 4000;
    for (let i = 0; i < draws; i++) {
      const { height, width } = drawRectangle(image, small, randomStream(1, "augment", i))!;
      area += (height * width) / 16e6 / draws;
      aspect += height / width / draws;
    }
    // Standard deviations of the means: 0.04 / sqrt(12 x 4000) and 3 / sqrt(12 x 4000). Log-uniform ratios average 1.25.
    expect(Math.abs(area - 0.03)).toBeLessThan(5 * 0.00018);
    expect(Math.abs(aspect - 1.8)).toBeLessThan(5 * 0.0137);
  });

  test("an image is erased as often as the probability says: never, one time in four, always", () => {
    const erased = (probability: number) => {
      let count = 0;
      for (let i = 0; i < 2000; i++) {
        const image = augmented(white, geometry, { randomErasing: { ...erasing, probability } }, i);
        if (image.includes(0)) count++;
      }
      return count;
    };
    expect(erased(0)).toBe(0);
    expect(Math.abs(erased(0.25) - 500)).toBeLessThan(5 * 19.4);
    expect(erased(1)).toBe(2000);
  });

  test("random bytes fill the box that black would, all 256 equally often and different in each channel", () => {
    const counts = new Array<number>(256).fill(0);
    let equalChannels = 0;
    for (let i = 0; i < 400; i++) {
      const { top, left, height, width } = box(augmented(white, geometry, { randomErasing: erasing }, i), 0);
      const image = augmented(white, geometry, { randomErasing: { ...erasing, fill: "random" } }, i);
      for (let at = 0; at < 560; at++) {
        const [row, column] = [Math.floor(at / 20) - top, (at % 20) - left];
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        if (!inside) expect(image[at]! & image[at + 560]!).toBe(255);
        else {
          counts[image[at]!]!++;
          equalChannels += image[at] === image[at + 560] ? 1 : 0;
        }
      }
    }
    const total = counts.reduce((sum, count) => sum + count, 0);
    const chiSquare = counts.reduce((sum, count) => sum + (count - total / 256) ** 2 / (total / 256), 0);
    expect(chiSquare).toBeLessThan(330.5); // 0.1 % point, 255 degrees of freedom
    expect(equalChannels / total).toBeLessThan(0.01); // 1/256 by chance
  });

  test("the box is drawn in the finished picture: a shift does not move it", () => {
    for (let i = 0; i < 50; i++) {
      const erasedOnly = box(augmented(white, geometry, { randomErasing: erasing }, i), 0);
      const image = augmented(white, geometry, { shift: 4, randomErasing: erasing }, i);
      const { top, left, height, width } = erasedOnly;
      for (let row = top; row < top + height; row++) {
        for (let column = left; column < left + width; column++) expect(image[row * 20 + column]).toBe(0);
      }
    }
  });

  test("a size that does not fit is drawn again: the box is always inside the image", () => {
    const large: RandomErasing = { ...erasing, areaFraction: [0.4, 1], aspectRatio: [0.2, 5] };
    for (let i = 0; i < 1000; i++) {
      const { top, left, height, width } = drawRectangle(geometry, large, randomStream(2, "augment", i))!;
      expect(Math.min(top, left), `draw ${i}`).toBeGreaterThanOrEqual(0);
      expect(top + height, `draw ${i}`).toBeLessThanOrEqual(28);
      expect(left + width, `draw ${i}`).toBeLessThanOrEqual(20);
    }
  });

  test("where no size fits the image stays whole", () => {
    const tall: RandomErasing = { ...erasing, areaFraction: [0.9, 0.9], aspectRatio: [30, 30] };
    expect(drawRectangle(geometry, tall, randomStream(1, "augment"))).toBeUndefined();
  });
});

describe("alternatingFlip", () => {
  test("every image is mirrored in every other epoch, about half of them in the first", () => {
    const isMirrored = alternatingFlip(3000, 11);
    let first = 0;
    for (let image = 0; image < 3000; image++) {
      const epochs = Array.from({ length: 6 }, (_, epoch) => isMirrored(image, epoch));
      for (let epoch = 1; epoch < 6; epoch++) expect(epochs[epoch]).toBe(!epochs[epoch - 1]);
      first += epochs[0] ? 1 : 0;
    }
    expect(Math.abs(first - 1500)).toBeLessThan(5 * 27.4);
  });

  test("the seed decides which half is first", () => {
    const table = (seed: number) => Array.from({ length: 64 }, (_, image) => alternatingFlip(64, seed)(image, 0));
    expect(table(1)).toEqual(table(1));
    expect(table(1)).not.toEqual(table(2));
  });
});

describe("checkAugmentation", () => {
  const geometry = { channels: 1, height: 28, width: 28 };
  const erasing = { probability: 0.5, areaFraction: [0.02, 0.4], aspectRatio: [0.3, 1 / 0.3], fill: "random" };
  // As from a recipe file: the types know nothing of it.
  const check = (json: object) => checkAugmentation(JSON.parse(JSON.stringify(json)), geometry);

  test.each([
    [{}],
    [{ horizontalFlip: "random", verticalFlip: true, shift: 2, randomErasing: erasing }],
    [{ horizontalFlip: "alternating", verticalFlip: false, shift: 0 }],
    [{ shift: 27 }],
    [{ randomErasing: { ...erasing, probability: 0, areaFraction: [0.5, 0.5], aspectRatio: [1, 1] } }],
    [{ randomErasing: { ...erasing, probability: 1, areaFraction: [0.01, 1], fill: "zero" } }],
  ])("%j is accepted", (augmentation) => {
    expect(() => check(augmentation)).not.toThrow();
  });

  test.each([
    [{ horizontalFlip: true }, `horizontalFlip is true; allowed is "random" or "alternating"`],
    [{ verticalFlip: "random" }, `verticalFlip is "random"; allowed is true or false`],
    [{ shift: -1 }, "shift is -1; allowed is a whole number of pixels from 0 to 27"],
    [{ shift: 1.5 }, "shift is 1.5"],
    [{ shift: 28 }, "shift is 28"],
    [{ shift: "2" }, `shift is "2"`],
    [{ cutout: 8 }, `there is no setting "cutout"; allowed are horizontalFlip, verticalFlip, shift, randomErasing`],
    [{ randomErasing: 0.5 }, "randomErasing is 0.5; allowed is an object"],
    [{ randomErasing: { ...erasing, value: 3 } }, `randomErasing: there is no setting "value"`],
    [
      { randomErasing: { ...erasing, probability: 1.1 } },
      "randomErasing.probability is 1.1; allowed is a number from 0 to 1",
    ],
    [{ randomErasing: { ...erasing, probability: "0.5" } }, "randomErasing.probability"],
    [{ randomErasing: { ...erasing, areaFraction: [0.4, 0.02] } }, "randomErasing.areaFraction is [0.4,0.02]"],
    [{ randomErasing: { ...erasing, areaFraction: [0, 0.4] } }, "0 < least <= largest <= 1"],
    [{ randomErasing: { ...erasing, areaFraction: [0.02, 1.2] } }, "randomErasing.areaFraction"],
    [{ randomErasing: { ...erasing, areaFraction: 0.3 } }, "randomErasing.areaFraction is 0.3"],
    [{ randomErasing: { ...erasing, aspectRatio: [0, 1] } }, "randomErasing.aspectRatio is [0,1]"],
    [{ randomErasing: { ...erasing, aspectRatio: [1, 2, 3] } }, "randomErasing.aspectRatio"],
    [{ randomErasing: { ...erasing, areaFraction: [0.5, 0.6], aspectRatio: [3, 4] } }, "something of 0.50 to 2.00"],
    [{ randomErasing: { ...erasing, areaFraction: [0.5, 0.6], aspectRatio: [0.1, 0.4] } }, "no rectangle of 0.5"],
    [{ randomErasing: { ...erasing, fill: "mean" } }, `randomErasing.fill is "mean"; allowed is "zero" or "random"`],
    [{ randomErasing: { probability: 0.5 } }, "randomErasing.areaFraction is undefined"],
  ])("%j is a wrong use", (augmentation, message) => {
    expect(() => check(augmentation)).toThrow(UserError);
    expect(() => check(augmentation)).toThrow(message);
    try {
      check(augmentation);
    } catch (error) {
      expect(error).toMatchObject({ exitCode: 2 });
    }
  });
});
