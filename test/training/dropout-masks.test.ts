import { describe, expect, test } from "vitest";
import { input } from "../../src/ops/leaves.ts";
import { dropoutMasks } from "../../src/training/step-feeds.ts";

const SIZE = 200_000;

/** Masks of the given sizes and rates, as a model declares them. */
function masksOf(rates: readonly number[], { seed = 1, size = SIZE } = {}) {
  const declarations = rates.map((rate, i) => {
    const name = `dropout${i + 1}.mask`;
    return { name, value: input(name, [1, size], "uint8"), rate };
  });
  const masks = dropoutMasks(declarations, seed);
  /** All masks of a step. */
  return (step: number): Uint8Array[] =>
    masks.map((mask) => {
      const bytes = new Uint8Array(mask.size);
      mask.fill(step, bytes);
      return bytes;
    });
}

/** One mask of one step. */
function maskAt(step: number, { seed = 1, size = SIZE, rate = 0.3 } = {}): Uint8Array {
  return masksOf([rate], { seed, size })(step)[0]!;
}

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** Share of places at which two masks agree. */
const agreement = (a: Uint8Array, b: Uint8Array) => mean(a.map((value, i) => (value === b[i] ? 1 : 0)));

/** Five standard errors of a share among `count` draws: one honest failure in 1.7 million tests. */
const fiveErrors = (share: number, count: number) => 5 * Math.sqrt((share * (1 - share)) / count);

describe("a dropout mask", () => {
  test.each([0.1, 0.3, 0.5, 0.9])("drops each element with probability %d", (rate) => {
    const mask = maskAt(0, { rate });
    expect(mask.every((value) => value === 0 || value === 1)).toBe(true);
    expect(Math.abs(mean(mask) - (1 - rate))).toBeLessThan(fiveErrors(rate, SIZE));
    // Two elements come from one random word: each half has the rate by itself.
    for (const half of [0, 1]) {
      const part = mask.filter((_, i) => i % 2 === half);
      expect(Math.abs(mean(part) - (1 - rate))).toBeLessThan(fiveErrors(rate, SIZE / 2));
    }
  });

  test("of rate 0 keeps everything", () => {
    expect(maskAt(0, { rate: 0 }).every((value) => value === 1)).toBe(true);
  });

  test("has elements that do not depend on their neighbours", () => {
    const mask = maskAt(5, { rate: 0.5 });
    for (const distance of [1, 2, 4, 256]) {
      const same = agreement(mask.subarray(0, -distance), mask.subarray(distance));
      expect(Math.abs(same - 0.5), `distance ${distance}`).toBeLessThan(fiveErrors(0.5, SIZE));
    }
  });

  test("is independent of those of other steps, other masks and other seeds", () => {
    const rate = 0.5;
    const two = masksOf([rate, rate]);
    const [first, second] = two(3) as [Uint8Array, Uint8Array];
    const others = [second, ...two(4), maskAt(3, { rate, seed: 2 }), maskAt(7, { rate })];
    for (const other of others) expect(Math.abs(agreement(first, other) - 0.5)).toBeLessThan(fiveErrors(0.5, SIZE));
  });

  test("of a step is the same whatever was drawn before: a resumed run draws what the first one would have", () => {
    const masks = masksOf([0.3, 0.6]);
    const drawn = masks(8);
    for (const step of [0, 7, 9]) masks(step);
    expect(masks(8)).toEqual(drawn);
    expect(masksOf([0.3, 0.6])(8)).toEqual(drawn);
  });

  test("may have an odd number of elements, the last one drawn like the others", () => {
    const long = maskAt(2, { size: 1001 });
    const last = Array.from({ length: 400 }, (_, step) => maskAt(step, { size: 3, rate: 0.5 })[2]!);
    expect(long).toHaveLength(1001);
    expect(Math.abs(mean(last) - 0.5)).toBeLessThan(fiveErrors(0.5, 400));
  });
});
