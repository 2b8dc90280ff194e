import { describe, expect, test } from "vitest";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { input } from "../../src/ops/leaves.ts";
import { averagingShareAt, movingAverage } from "../../src/optim/averaging.ts";

const DECAY = 0.9;

/** The average after each of the values, by definition: decay * average + (1 - decay) * value. */
function averagesOf(values: readonly number[], decay: number): number[] {
  const averages: number[] = [];
  values.forEach((value, i) => {
    const stays = i === 0 ? 0 : Math.min(decay, (1 + i) / (10 + i));
    averages.push(stays * (averages.at(-1) ?? 0) + (1 - stays) * value);
  });
  return averages;
}

describe("an exponential average", () => {
  test("starts with the first value, then moves by the share of each step", () => {
    const values = Array.from({ length: 120 }, (_, i) => Math.cos(i) + i / 50);
    const [average, value, share] = [input("average", [1]), input("value", [1]), input("share", [])];
    const next = movingAverage(average, value, share);
    let sofar = 0;
    const received = values.map((number, i) => {
      const step = averagingShareAt({ kind: "exponential", decay: DECAY }, i + 1);
      const numbers = new Map([
        [average, [sofar]],
        [value, [number]],
        [share, [step]],
      ]);
      sofar = evaluateReference([next], numbers)[0]![0]!;
      return sofar;
    });
    expect(received).toBeClose(averagesOf(values, DECAY), { tolerance: 1e-12 });
  });

  test("warms up until its decay is reached, and keeps it", () => {
    const shares = [1, 2, 80, 81, 82, 1_000_000].map((step) =>
      averagingShareAt({ kind: "exponential", decay: DECAY }, step),
    );
    expect(shares).toEqual([1, 1 - 2 / 11, 1 - 80 / 89, 1 - DECAY, 1 - DECAY, 1 - DECAY]);
  });

  test("without a decay is the last value", () => {
    expect(averagingShareAt({ kind: "exponential", decay: 0 }, 7)).toBe(1);
  });
});
