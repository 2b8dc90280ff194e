import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Augmentation } from "../../src/data/augmentation.ts";
import { augmentImage } from "../../src/data/augmentation.ts";
import type { TrainingBatches } from "../../src/data/batches.ts";
import { alternatingFlip, epochChain, evaluationBatches, trainingBatches } from "../../src/data/batches.ts";
import type { ImageSet, LabelledSet } from "../../src/data/image-set.ts";
import { imageBytes } from "../../src/data/image-set.ts";
import { memoryRows } from "../../src/data/rows.ts";
import { UserError } from "../../src/errors.ts";
import { randomStream, shuffle } from "../../src/random.ts";
import { allRows } from "../support/all-rows.ts";
import { numberedSet } from "./fixtures.ts";

const EVERYTHING: Augmentation = {
  horizontalFlip: "alternating",
  verticalFlip: true,
  shift: 1,
  randomErasing: { probability: 0.5, areaFraction: [0.1, 0.5], aspectRatio: [0.5, 2], fill: "random" },
};

function filled(batches: TrainingBatches, set: ImageSet, step: number): { pixels: Uint8Array; labels: Int32Array } {
  const pixels = new Uint8Array(batches.batchSize * imageBytes(set)).fill(170);
  const labels = new Int32Array(batches.batchSize).fill(-1);
  batches.fill(step, pixels, labels);
  return { pixels, labels };
}

/**
 * The first pixel of every row of consecutive steps, which is the image's index in a numbered set without augmentation.
 */
function imagesOf(batches: TrainingBatches, set: ImageSet, steps: number): number[] {
  const size = imageBytes(set);
  return Array.from({ length: steps }, (_, step) => filled(batches, set, step).pixels)
    .flatMap((pixels) => [...pixels])
    .filter((_, i) => i % size === 0);
}

describe("epochChain", () => {
  const range = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);

  test("every image is in every epoch once, and the epochs differ", () => {
    const chain = epochChain(500, 3);
    const epochs = [0, 1, 2, 7].map((number) => [...chain.epoch(number)]);
    for (const epoch of epochs) expect(epoch.toSorted((a, b) => a - b)).toEqual([...range(500)]);
    expect(new Set(epochs.map(String)).size).toBe(4);
  });

  test("epoch e is the shuffle that stream e of the seed draws, in whatever order epochs are read", () => {
    const chain = epochChain(40, 9);
    for (const number of [5, 0, 1, 0, 5, 2, 1, 1, 0]) {
      const expected = range(40);
      shuffle(expected, randomStream(9, "shuffle", number));
      expect(chain.epoch(number)).toEqual(expected);
    }
  });

  test("the two epochs used last are cached and a third reuses the memory of the older one", () => {
    const chain = epochChain(40, 9);
    const [zero, one] = [chain.epoch(0), chain.epoch(1)];
    expect(chain.epoch(0)).toBe(zero);
    expect(chain.epoch(2)).toBe(one);
    expect(chain.epoch(0)).toBe(zero);
    expect(chain.epoch(1)).toBe(one);
  });
});

describe("trainingBatches", () => {
  test("rows follow the chain of epochs across epoch boundaries, labels with their images", () => {
    const set = numberedSet(10);
    const batches = trainingBatches({ set, batchSize: 4, seed: 21 });
    const images = imagesOf(batches, set, 10);
    const chain = epochChain(10, 21);
    const expected = [0, 1, 2, 3].flatMap((epoch) => [...chain.epoch(epoch)]);
    expect(images).toEqual(expected);
    for (let step = 0; step < 10; step++) {
      expect([...filled(batches, set, step).labels]).toEqual(expected.slice(step * 4, step * 4 + 4));
    }
  });

  test("ten batches of a tenth, from the start of an epoch, contain every image once", () => {
    const set = numberedSet(50);
    const images = imagesOf(trainingBatches({ set, batchSize: 5, seed: 1 }), set, 20);
    expect(images.slice(0, 50).toSorted((a, b) => a - b)).toEqual([...Array(50).keys()]);
    expect(images.slice(50).toSorted((a, b) => a - b)).toEqual([...Array(50).keys()]);
  });

  test("a batch as large as the data is one epoch per step; a batch of 1 works", () => {
    const set = numberedSet(7);
    expect(new Set(imagesOf(trainingBatches({ set, batchSize: 7, seed: 1 }), set, 1)).size).toBe(7);
    expect(new Set(imagesOf(trainingBatches({ set, batchSize: 1, seed: 1 }), set, 7)).size).toBe(7);
  });

  test("without augmentation a row is the image, byte for byte, in all its channels", () => {
    const set = numberedSet(6, { channels: 3, height: 4, width: 5, pixel: (image, offset) => image * 40 + offset });
    const { pixels, labels } = filled(trainingBatches({ set, batchSize: 6, seed: 2 }), set, 0);
    for (const [row, label] of labels.entries()) {
      expect(pixels.subarray(row * 60, (row + 1) * 60)).toEqual(set.images.read(label, label + 1));
    }
  });

  test("each row is augmented with the stream of its position in the chain and the flip of its epoch", () => {
    const set = numberedSet(5, { channels: 2, height: 6, width: 7, pixel: (image, offset) => image * 84 + offset });
    const batches = trainingBatches({ set, batchSize: 3, seed: 8, augmentation: EVERYTHING });
    const chain = epochChain(5, 8);
    const isMirrored = alternatingFlip(5, 8);
    for (let step = 0; step < 8; step++) {
      const { pixels } = filled(batches, set, step);
      for (let row = 0; row < 3; row++) {
        const place = step * 3 + row;
        const epoch = Math.floor(place / 5);
        const image = chain.epoch(epoch)[place % 5]!;
        const expected = new Uint8Array(84);
        const draws = { seed: 8, place, mirrored: isMirrored(image, epoch) };
        augmentImage(set.images.read(image, image + 1), 0, expected, 0, set, EVERYTHING, draws);
        expect(pixels.subarray(row * 84, (row + 1) * 84), `step ${step}, row ${row}`).toEqual(expected);
      }
    }
  });

  test("an alternating flip shows every image in both forms in any two epochs in a row", () => {
    const set = numberedSet(60, { height: 1, width: 2, pixel: (image, offset) => (offset === 0 ? image : 200) });
    const batches = trainingBatches({ set, batchSize: 9, seed: 4, augmentation: { horizontalFlip: "alternating" } });
    const rows = Array.from({ length: batches.steps(6) }, (_, step) => filled(batches, set, step).pixels).flatMap(
      (pixels) => Array.from({ length: 9 }, (_, row) => [pixels[row * 2]!, pixels[row * 2 + 1]!] as const),
    );
    const forms = new Map<number, boolean[]>();
    for (const [left, right] of rows) {
      const image = Math.min(left, right);
      forms.set(image, [...(forms.get(image) ?? []), left === 200]);
    }
    for (const mirrored of forms.values()) {
      expect(mirrored).toHaveLength(6);
      for (let epoch = 1; epoch < 6; epoch++) expect(mirrored[epoch]).toBe(!mirrored[epoch - 1]);
    }
    const first = [...forms.values()].filter(([mirrored]) => mirrored).length;
    expect(first).toBeGreaterThan(15);
    expect(first).toBeLessThan(45);
  });

  test("the same seed and step give the same bytes, whatever was read before", () => {
    const set = numberedSet(11, { pixel: (image, offset) => image * 12 + offset });
    const make = () => trainingBatches({ set, batchSize: 4, seed: 6, augmentation: EVERYTHING });
    const inOrder = make();
    const expected = Array.from({ length: 30 }, (_, step) => filled(inOrder, set, step));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 29 }), { minLength: 1, maxLength: 12 }), (steps) => {
        const batches = make();
        for (const step of steps) expect(filled(batches, set, step)).toEqual(expected[step]);
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ["alternating", "d70500937e83befb"],
    ["random", "e33b0322e2d3f604"],
  ] as const)("with a flip that is %s the bytes of a seed are the same for ever", (horizontalFlip, pinned) => {
    const set = numberedSet(30, { height: 8, width: 8, pixel: (image, offset) => image * 8 + offset });
    const augmentation = { ...EVERYTHING, horizontalFlip };
    const batches = trainingBatches({ set, batchSize: 16, seed: 2024, augmentation });
    const hash = createHash("sha256");
    for (let step = 0; step < 6; step++) {
      const { pixels, labels } = filled(batches, set, step);
      hash.update(pixels).update(String(labels));
    }
    expect(hash.digest("hex").slice(0, 16)).toBe(pinned);
  });

  test("another seed gives another order and other augmentations", () => {
    const set = numberedSet(20);
    const order = (seed: number) => imagesOf(trainingBatches({ set, batchSize: 20, seed }), set, 1);
    expect(order(1)).not.toEqual(order(2));
  });

  test("a step in the billions is reached at once", () => {
    const set = numberedSet(10);
    const step = 4_000_000_003;
    const { labels } = filled(trainingBatches({ set, batchSize: 5, seed: 1 }), set, step);
    const order = epochChain(10, 1).epoch(2_000_000_001);
    expect([...labels]).toEqual([...order.subarray(5, 10)]); // 5 x 4,000,000,003 = 10 x 2,000,000,001 + 5
  });

  test("steps is floor(images x epochs / batch), for parts of an epoch too", () => {
    const batches = trainingBatches({ set: numberedSet(100), batchSize: 32, seed: 1 });
    expect([0, 0.1, 1, 2.5, 8, 16].map((epochs) => batches.steps(epochs))).toEqual([0, 0, 3, 7, 25, 50]);
    for (const epochs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => batches.steps(epochs)).toThrow(RangeError);
    }
  });

  test.each([
    [11, "batch size: 11 is more than the 10 training images; allowed is 1 to 10"],
    [0, "batch size: 0 is not a whole number from 1 up"],
    [2.5, "batch size: 2.5 is not a whole number"],
  ])("a batch of %d from 10 images is a usage error", (batchSize, message) => {
    const make = () => trainingBatches({ set: numberedSet(10), batchSize, seed: 1 });
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ name: "UserError", exitCode: 2 }));
  });

  test("an augmentation that is invalid for these images is refused before the first batch", () => {
    const make = (shift: number) =>
      trainingBatches({ set: numberedSet(10), batchSize: 2, seed: 1, augmentation: { shift } });
    expect(() => make(2)).not.toThrow();
    expect(() => make(3)).toThrow(UserError); // the images are 3 high
  });

  test("a buffer of the wrong size or an invalid step is a RangeError", () => {
    const set = numberedSet(10);
    const { fill } = trainingBatches({ set, batchSize: 2, seed: 1 });
    const [pixels, labels] = [new Uint8Array(24), new Int32Array(2)];
    expect(() => fill(0, pixels, labels)).not.toThrow();
    expect(() => fill(0, new Uint8Array(25), labels)).toThrow("pixels: the buffer holds 25 elements, the batch has 24");
    expect(() => fill(0, pixels, new Int32Array(1))).toThrow("labels: the buffer holds 1 elements, the batch has 2");
    for (const step of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => fill(step, pixels, labels)).toThrow(RangeError);
  });
});

describe("evaluationBatches", () => {
  test.each([
    [10, 4, [4, 4, 2]],
    [8, 4, [4, 4]],
    [3, 4, [3]],
    [4, 1, [1, 1, 1, 1]],
    [0, 4, []],
  ])("%i images in batches of %i have %j real rows, in order, and full buffers", (count, batchSize, counts) => {
    const set = numberedSet(count, { channels: 2, pixel: (image, offset) => image * 24 + offset });
    const batches = [...evaluationBatches(set, batchSize)];
    expect(evaluationBatches(set, batchSize).length).toBe(counts.length);
    expect(batches.map((batch) => batch.count)).toEqual(counts);
    expect(batches.map((batch) => batch.start)).toEqual(counts.map((_, i) => i * batchSize));
    for (const { pixels, labels } of batches) {
      expect(pixels.length).toBe(batchSize * 24);
      expect(labels.length).toBe(batchSize);
    }
    const real = batches.flatMap(({ pixels, count: rows }) => [...pixels.subarray(0, rows * 24)]);
    expect(real).toEqual([...allRows(set.images)]);
    expect(batches.flatMap(({ labels, count: rows }) => [...labels.subarray(0, rows)])).toEqual([...set.labels]);
  });

  test("the padding repeats the set's first image and its label", () => {
    const labels = Uint8Array.of(7, 1, 2, 3, 4, 5);
    const set = { ...numberedSet(6, { pixel: (image, offset) => image * 12 + offset + 3 }), labels };
    const last = [...evaluationBatches(set, 4)][1]!;
    for (const row of [2, 3]) {
      expect(last.pixels.subarray(row * 12, (row + 1) * 12)).toEqual(set.images.read(0, 1));
    }
    expect([...last.labels]).toEqual([4, 5, 7, 7]);
  });

  test("it can be iterated again, and earlier batches stay unchanged", () => {
    const batches = evaluationBatches(numberedSet(10), 4);
    const once = [...batches];
    const copies = structuredClone(once);
    expect([...batches]).toEqual(copies);
    expect(once).toEqual(copies);
  });

  test("a batch size of 0 is a usage error", () => {
    expect(() => evaluationBatches(numberedSet(3), 0)).toThrow(
      expect.objectContaining({ name: "UserError", exitCode: 2 }),
    );
  });
});

test("of features of several views, each epoch has one of each image, and epochs in a row have all of them", () => {
  const [count, views] = [5, 3];
  const set: LabelledSet = {
    ...numberedSet(count, { channels: 1, height: 1, width: 1 }),
    images: memoryRows(
      Float32Array.from({ length: views * count }, (_, place) => place),
      1,
    ),
    views,
  };
  const batches = trainingBatches({ set, batchSize: count, seed: 4 });
  const epochs = Array.from({ length: 2 * views }, (_, step) => {
    const [values, labels] = [new Float32Array(count), new Int32Array(count)];
    batches.fill(step, values, labels);
    return [...values];
  });
  for (const places of epochs) {
    expect(places.map((place) => place % count).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  }
  for (let first = 0; first <= views; first++) {
    expect(new Set(epochs.slice(first, first + views).flat()).size).toBe(views * count);
  }
  // Not all images show the same view at once.
  expect(new Set(epochs[0]!.map((place) => Math.floor(place / count))).size).toBeGreaterThan(1);
});
