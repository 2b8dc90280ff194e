import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Predictions } from "../../src/evaluation/predictions.ts";
import { comparePaired, mcNemar, seedSpread, welchInterval } from "../../src/evaluation/significance.ts";

/** Predictions that are correct where `right` is true; the label is always 0. */
const answers = (right: readonly boolean[]): Predictions => ({
  labels: right.map(() => 0),
  predicted: right.map((isRight) => (isRight ? 0 : 1)),
  confidence: right.map(() => 1),
});

/** Two classifiers that differ on some of `total` images; on half of the rest both are correct. */
function pair(onlyFirst: number, onlySecond: number, total: number): [Predictions, Predictions] {
  const kinds = Array.from({ length: total }, (_, i) =>
    i < onlyFirst ? "first" : i < onlyFirst + onlySecond ? "second" : i % 2 === 0 ? "both" : "none",
  );
  return [
    answers(kinds.map((kind) => kind === "first" || kind === "both")),
    answers(kinds.map((kind) => kind === "second" || kind === "both")),
  ];
}

describe("McNemar's exact test", () => {
  // scipy 1.17.1: binomtest(min(b, c), b + c, 0.5).pvalue
  test.each([
    [0, 0, 1],
    [3, 8, 0.2265625],
    [121, 59, 4.4344492637551645e-6],
    [300, 412, 3.074054513649635e-5],
    [1, 20, 2.09808349609375e-5],
  ])("of %i against %i gives scipy's p", (onlyFirst, onlySecond, p) => {
    expect(mcNemar(onlyFirst, onlySecond) / p).toBeCloseTo(1, 9);
    expect(mcNemar(onlySecond, onlyFirst)).toBe(mcNemar(onlyFirst, onlySecond));
  });

  test("is never above 1, though both tails overlap for equal counts", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), (first, second) => {
        const p = mcNemar(first, second);
        expect(p).toBeGreaterThan(0);
        expect(p).toBeLessThanOrEqual(1);
      }),
    );
    expect(mcNemar(7, 7)).toBe(1);
  });
});

describe("two classifiers on the same images", () => {
  test("are compared by the images on which they differ, the second minus the first", () => {
    const compared = comparePaired(...pair(3, 8, 100));
    expect(compared).toMatchObject({ onlyFirst: 3, onlySecond: 8, difference: 0.05, p: expect.closeTo(0.2265625, 12) });
    // Agresti and Min 2005, computed apart: half an image added to each of the four counts.
    expect(compared.interval.low).toBeCloseTo(-0.01686097382047138, 14);
    expect(compared.interval.high).toBeCloseTo(0.11490018950674588, 14);
  });

  test("change sign when swapped", () => {
    const there = comparePaired(...pair(3, 8, 100));
    const [first, second] = pair(3, 8, 100);
    const back = comparePaired(second, first);
    expect(back.difference).toBe(-there.difference);
    expect(back.interval).toEqual({ low: -there.interval.high, high: -there.interval.low });
    expect(back.p).toBe(there.p);
  });

  test("that never differ still have an interval of positive width", () => {
    expect(comparePaired(...pair(0, 0, 50))).toMatchObject({
      difference: 0,
      p: 1,
      interval: { low: expect.closeTo(-0.037691615087308734, 14), high: expect.closeTo(0.037691615087308734, 14) },
    });
  });

  test("must be for the same images", () => {
    const [first] = pair(1, 2, 10);
    const [other] = pair(1, 2, 11);
    const relabelled = { ...first, labels: first.labels.map((_, i) => (i === 4 ? 1 : 0)) };
    for (const second of [other, relabelled]) {
      expect(() => comparePaired(first, second)).toThrow(/not asked about the same images/);
    }
  });
});

describe("the spread over seeds", () => {
  test("is the sample standard deviation, with n - 1", () => {
    expect(seedSpread([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, standardDeviation: Math.sqrt(32 / 7), n: 8 });
  });

  test("of one value is null, and of none refused", () => {
    expect(seedSpread([0.93])).toEqual({ mean: 0.93, standardDeviation: null, n: 1 });
    expect(() => seedSpread([])).toThrow(new RangeError("the spread of no values"));
  });
});

describe("Welch's interval", () => {
  // scipy 1.17.1: ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
  test.each([
    [[0.9165, 0.9172, 0.915], [0.9268, 0.9281, 0.9275, 0.929], 0.00937647471400328, 0.01385685861933016],
    [[0.93, 0.931], [0.944, 0.9442], 0.008150678525933357, 0.01904932147406631],
  ])("of %j and %j is scipy's", (first, second, low, high) => {
    const interval = welchInterval(seedSpread(first), seedSpread(second));
    expect(interval?.low).toBeCloseTo(low, 9);
    expect(interval?.high).toBeCloseTo(high, 9);
  });

  test("needs two seeds of each, and has zero width if nothing varies", () => {
    expect(welchInterval(seedSpread([0.9]), seedSpread([0.91, 0.92]))).toBeNull();
    expect(welchInterval(seedSpread([0.9, 0.91]), seedSpread([0.92]))).toBeNull();
    const flat = welchInterval(seedSpread([0.5, 0.5]), seedSpread([0.75, 0.75]));
    expect(flat).toEqual({ low: 0.25, high: 0.25 });
  });
});
