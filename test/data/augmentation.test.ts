import { describe, expect, test } from "vitest";
import type { Augmentation } from "../../src/data/augmentation.ts";
import { alternatingFlip } from "../../src/data/batches.ts";
import { moveImage } from "../../src/data/move-image.ts";
import { augmented } from "./augmented.ts";

const STILL = { mirror: false, upsideDown: false, right: 0, down: 0 };

/** New position of the only bright pixel of a 9x9 image, originally in the middle; undefined when it is outside. */
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
  ])("%s: the exact pixels, with black in uncovered places", (_, movement, expected) => {
    expect(moved(movement)).toEqual(expected);
  });
});

describe("augmentImage", () => {
  const geometry = { channels: 1, height: 1, width: 2 };
  const image = Uint8Array.of(1, 2);
  const mirroredBy = (augmentation: Augmentation, index: number, mirrored = false) =>
    augmented(image, geometry, augmentation, index, mirrored)[0] === 2;

  test("without augmentation the image is copied, guards untouched", () => {
    const photo = Uint8Array.from({ length: 3 * 5 * 7 }, (_, i) => i);
    expect(augmented(photo, { channels: 3, height: 5, width: 7 }, {}, 0, true)).toEqual(photo);
  });

  test("a random flip mirrors about half the images, regardless of the alternation", () => {
    let mirrored = 0;
    for (let i = 0; i < 2000; i++) {
      const flips = mirroredBy({ horizontalFlip: "random" }, i);
      expect(mirroredBy({ horizontalFlip: "random" }, i, true)).toBe(flips);
      mirrored += flips ? 1 : 0;
    }
    expect(Math.abs(mirrored - 1000)).toBeLessThan(5 * 22.4); // 5 standard deviations of Binomial(2000, 1/2)
  });

  test("an alternating flip is deterministic", () => {
    for (let i = 0; i < 50; i++) {
      expect(mirroredBy({ horizontalFlip: "alternating" }, i, true)).toBe(true);
      expect(mirroredBy({ horizontalFlip: "alternating" }, i, false)).toBe(false);
    }
  });

  test("a vertical flip mirrors about half the images, independently of the horizontal one", () => {
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

  test("a shift of 2 reaches each of the 25 positions equally often and no other", () => {
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

  test("enabling or disabling one transformation changes no other draw", () => {
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
