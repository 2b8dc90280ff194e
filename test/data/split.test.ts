import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldSplit, limitTraining, stratifiedSplit } from "../../src/data/split.ts";
import { UserError } from "../../src/errors.ts";

/** 60,000 labels with 6,000 of each class, as in Fashion-MNIST, in a fixed mixed order. */
const LABELS = Uint8Array.from({ length: 60_000 }, (_, i) => (i * 7 + Math.floor(i / 10)) % 10);

function histogram(labels: Uint8Array, indices: Iterable<number>, classes = 10): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const index of indices) counts[labels[index]!]!++;
  return counts;
}

function isAscending(indices: Uint32Array): boolean {
  return indices.every((index, i) => i === 0 || index > indices[i - 1]!);
}

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

const labelled = fc.integer({ min: 1, max: 6 }).chain((classes) =>
  fc.array(fc.integer({ min: 0, max: classes - 1 }), { minLength: 1, maxLength: 80 }).chain((labels) =>
    fc.record({
      classes: fc.constant(classes),
      labels: fc.constant(Uint8Array.from(labels)),
      part: fc.integer({ min: 0, max: labels.length - 1 }),
    }),
  ),
);

describe("stratifiedSplit", () => {
  test("55,000 / 5,000 of balanced classes has exactly 500 of each class set aside", () => {
    const { train, validation } = stratifiedSplit(LABELS, { classes: 10, validation: 5000 });
    expect(train.length).toBe(55_000);
    expect(histogram(LABELS, validation)).toEqual(new Array(10).fill(500));
    expect(histogram(LABELS, train)).toEqual(new Array(10).fill(5500));
  });

  test("the parts are ascending and contain every index once; shares deviate by less than one image", () => {
    fc.assert(
      fc.property(labelled, ({ classes, labels, part }) => {
        const { train, validation } = stratifiedSplit(labels, { classes, validation: part });
        expect(validation.length).toBe(part);
        expect(isAscending(train) && isAscending(validation)).toBe(true);
        expect([...train, ...validation].sort((a, b) => a - b)).toEqual([...labels.keys()]);
        const all = histogram(labels, labels.keys(), classes);
        for (const [label, count] of histogram(labels, validation, classes).entries()) {
          expect(Math.abs(count - (all[label]! * part) / labels.length)).toBeLessThan(1);
        }
      }),
    );
  });

  test("remaining images go to the largest remainders", () => {
    // 7, 2 and 1 images; 4 of 10 set aside are 2.8, 0.8 and 0.4.
    const labels = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 1, 2);
    const { validation } = stratifiedSplit(labels, { classes: 3, validation: 4 });
    expect(histogram(labels, validation, 3)).toEqual([3, 1, 0]);
  });

  test("a class without images gets none", () => {
    const labels = Uint8Array.of(0, 0, 2, 2);
    expect(histogram(labels, stratifiedSplit(labels, { classes: 3, validation: 2 }).validation, 3)).toEqual([1, 0, 1]);
  });

  test("it draws at random, not the first or every twelfth image of a class", () => {
    const { validation } = stratifiedSplit(LABELS, { classes: 10, validation: 5000 });
    const tenths = new Array<number>(10).fill(0);
    for (const index of validation) tenths[Math.floor(index / 6000)]!++;
    // Binomial(5000, 0.1): standard deviation 21; five of them either way.
    for (const count of tenths) expect(Math.abs(count - 500)).toBeLessThan(106);
    const gaps = new Set([...validation].slice(1).map((index, i) => index - validation[i]!));
    expect(gaps.size).toBeGreaterThan(30);
  });

  test("the split never changes", () => {
    const { train, validation } = stratifiedSplit(LABELS, { classes: 10, validation: 5000 });
    const hash = (indices: Uint32Array) =>
      createHash("sha256")
        .update([...indices].join())
        .digest("hex")
        .slice(0, 16);
    expect([hash(train), hash(validation)]).toEqual(["e1fa8e990434f52f", "f8f351fe44234b15"]);
  });

  test.each([-1, 0.5, 10, 11, Number.NaN])("%d of 10 images for validation is a usage error", (validation) => {
    const error = thrownBy(() => stratifiedSplit(new Uint8Array(10), { classes: 1, validation }));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining("allowed is 0 to 9") });
  });

  test("a label beyond the classes is a RangeError", () => {
    expect(() => stratifiedSplit(Uint8Array.of(0, 3), { classes: 3, validation: 1 })).toThrow(RangeError);
  });
});

describe("limitTraining", () => {
  const { train } = stratifiedSplit(LABELS, { classes: 10, validation: 5000 });

  test("1,000 images of 10 balanced classes are 100 of each, ascending, all from those offered", () => {
    const kept = limitTraining(train, 1000, LABELS);
    expect(histogram(LABELS, kept)).toEqual(new Array(10).fill(100));
    expect(isAscending(kept)).toBe(true);
    const offered = new Set(train);
    expect(kept.every((index) => offered.has(index))).toBe(true);
  });

  test("1,003 images are 100 or 101 of each", () => {
    const counts = histogram(LABELS, limitTraining(train, 1003, LABELS));
    expect(counts.toSorted((a, b) => a - b)).toEqual([...new Array(7).fill(100), ...new Array(3).fill(101)]);
  });

  test("the quota of a class that runs out goes to the others", () => {
    const labels = Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 2, 2, 2); // 6, 1 and 3 images
    const kept = limitTraining(Uint32Array.from(labels.keys()), 7, labels);
    expect(histogram(labels, kept, 3)).toEqual([3, 1, 3]);
  });

  test("it is deterministic and random, and a smaller limit keeps a subset of a larger one", () => {
    const larger = new Set(limitTraining(train, 700, LABELS));
    const smaller = limitTraining(train, 255, LABELS);
    expect(smaller).toEqual(limitTraining(train, 255, LABELS));
    expect(smaller.every((index) => larger.has(index))).toBe(true);
    expect(smaller[smaller.length - 1]).toBeGreaterThan(50_000);
  });

  test("all of them is allowed and changes nothing", () => {
    expect(limitTraining(train, train.length, LABELS)).toEqual(train);
  });

  test.each([0, -5, 2.5, 55_001, Number.NaN])("a limit of %d of 55,000 is a usage error", (limit) => {
    const error = thrownBy(() => limitTraining(train, limit, LABELS));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining("allowed is 1 to 55000") });
  });
});

describe("foldSplit", () => {
  const { cases } = JSON.parse(readFileSync(new URL("../golden/folds.json", import.meta.url), "utf8")) as {
    cases: { folds: number; counts: number[]; perFold: number[][] }[];
  };
  const labelsOf = (counts: readonly number[]) =>
    Uint8Array.from(counts.flatMap((count, label) => Array<number>(count).fill(label)));

  test.each(cases)(
    "$folds folds of $counts have scikit-learn's numbers of each class",
    ({ folds, counts, perFold }) => {
      const names = counts.map(String);
      const labels = labelsOf(counts);
      const parts = perFold.map((_, i) => foldSplit(labels, names, { number: i + 1, of: folds }));
      expect(parts.map(({ validation }) => histogram(labels, validation, counts.length))).toEqual(perFold);
      // Each image validates once, and trains in all other folds.
      expect(parts.flatMap(({ validation }) => [...validation]).sort((a, b) => a - b)).toEqual([...labels.keys()]);
      for (const { train, validation } of parts) {
        expect(isAscending(train) && isAscending(validation)).toBe(true);
        expect([...train, ...validation].sort((a, b) => a - b)).toEqual([...labels.keys()]);
      }
    },
  );

  test("mixes the images of a class", () => {
    const { validation } = foldSplit(labelsOf([100]), ["a"], { number: 1, of: 4 });
    expect([...validation]).not.toEqual(Array.from({ length: 25 }, (_, i) => 4 * i));
  });

  test("a class with fewer images than folds is refused", () => {
    expect(() => foldSplit(labelsOf([9, 3]), ["cat", "owl"], { number: 1, of: 5 })).toThrow(
      /5 folds need 5 images of each class, and "owl" has 3/,
    );
  });
});
