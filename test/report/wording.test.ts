import { expect, test } from "vitest";
import {
  accuracyLine,
  intervalText,
  known,
  large,
  listText,
  points,
  pText,
  spreadText,
} from "../../src/report/wording.ts";

test("a difference is given in points, with its sign, except if it rounds to zero", () => {
  expect([0.0103, -0.0042, 0.1, 0, -0, 0.00004, -0.00004, -0.00006].map(points)).toEqual([
    "+1.03",
    "−0.42",
    "+10.00",
    "0.00",
    "0.00",
    "0.00",
    "0.00",
    "−0.01",
  ]);
});

test("an interval keeps the sign of each end", () => {
  expect(intervalText({ low: -0.00312, high: 0.0148 })).toBe("−0.31 to +1.48");
  expect(intervalText({ low: -0.02, high: -0.01 })).toBe("−2.00 to −1.00");
});

test("a p-value is never shown as 0", () => {
  expect([0, 0.00009, 0.0001, 0.00042, 0.0312, 0.416, 1].map(pText)).toEqual([
    "p < 0.0001",
    "p < 0.0001",
    "p = 0.0001",
    "p = 0.0004",
    "p = 0.031",
    "p = 0.42",
    "p = 1.00",
  ]);
});

test("an accuracy has its spread and n; a single value has no spread", () => {
  expect(spreadText({ mean: 0.93467, standardDeviation: 0.000666, n: 3 })).toBe("93.47 % ± 0.07 (n = 3)");
  expect(spreadText({ mean: 0.9, standardDeviation: 0, n: 2 })).toBe("90.00 % ± 0.00 (n = 2)");
  expect(spreadText({ mean: 0.9345, standardDeviation: null, n: 1 })).toBe("93.45 % (n = 1)");
});

test("large numbers have three significant digits", () => {
  expect([4_241_152, 9_994_000, 9_996_000, 31_021_952, 99_960_000, 153e6, 999.6e6, 4_014_199_296].map(large)).toEqual([
    "4.24 M",
    "9.99 M",
    "10.0 M",
    "31.0 M",
    "100 M",
    "153 M",
    "1.00 G",
    "4.01 G",
  ]);
});

test("an unknown value is a dash, 0 is not", () => {
  expect([null, undefined, 0].map((value) => known(value, String))).toEqual(["–", "–", "0"]);
});

test("lists read as in a sentence", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listText)).toEqual(["", "a", "a and b", "a, b and c"]);
});

test("an accuracy is given with its counts", () => {
  const metrics = { accuracy: 0.93214, correct: 9321, total: 10_000, standardError: 0.002515, loss: 0.20414 };
  expect(accuracyLine("test", metrics)).toBe(
    "test accuracy 93.21 % (9,321 of 10,000, standard error 0.25 %), loss 0.2041",
  );
});
