import { expect, test } from "vitest";
import { count, counted, percent, shortNumber, signed } from "../src/text.ts";

test("counts are rounded, with commas between thousands", () => {
  expect([0, 999, 9345, 1e6, 1234.5].map(count)).toEqual(["0", "999", "9,345", "1,000,000", "1,235"]);
});

test("one is one thing, all else are many", () => {
  expect([0, 1, 2, 1000].map((n) => counted(n, "seed"))).toEqual(["0 seeds", "1 seed", "2 seeds", "1,000 seeds"]);
  expect(counted(1.5, "epoch")).toBe("1.5 epochs");
  expect([1, 3].map((n) => counted(n, "seed", "pairs of seeds"))).toEqual(["1 seed", "3 pairs of seeds"]);
});

test("shares are percentages with the given number of digits", () => {
  expect([percent(0.9398), percent(1), percent(0.0004, 1)]).toEqual(["93.98 %", "100.00 %", "0.0 %"]);
});

test("a sign is a true minus, and nothing has none", () => {
  expect([signed(1.035, 1), signed(-0.3, 2), signed(-0.004, 2), signed(0, 0)]).toEqual(["+1.0", "−0.30", "0.00", "0"]);
});

test("ticks are short", () => {
  expect([25, 1000, 300_000, 1.5e6, 2e9].map(shortNumber)).toEqual(["25", "1k", "300k", "1.5M", "2G"]);
});
