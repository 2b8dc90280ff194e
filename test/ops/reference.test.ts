import { describe, expect, test } from "vitest";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { channelSum, channelVariance } from "../../src/ops/channels.ts";
import { add, multiply } from "../../src/ops/elementwise.ts";
import { constant, input } from "../../src/ops/leaves.ts";
import { CASE_BLOCK, lowerings, runValues } from "../support/run-program.ts";
import { feedsOf, literal } from "../support/tensors.ts";

describe("evaluateReference", () => {
  const [a, b] = [input("a", [2]), input("b", [2])];

  test("computes in float64, from float64 inputs", () => {
    const [sum] = evaluateReference(
      [add(a, b)],
      new Map([
        [a, [1, 2]],
        [b, [2 ** -40, 2 ** -50]],
      ]),
    );
    expect(sum).toEqual(Float64Array.of(1 + 2 ** -40, 2 + 2 ** -50));
    expect(evaluateReference([a], new Map([[a, [0.1, 1 + 2 ** -40]]]))[0]).toEqual(Float64Array.of(0.1, 1 + 2 ** -40));
  });

  test("does not modify its feeds", () => {
    const numbers = Float64Array.of(1, 2);
    evaluateReference([add(a, a)], new Map([[a, numbers]]))[0]!.fill(0);
    evaluateReference([a], new Map([[a, numbers]]))[0]!.fill(0);
    expect(numbers).toEqual(Float64Array.of(1, 2));
  });

  test("refuses an input without contents, naming it", () => {
    expect(() => evaluateReference([add(a, b)], new Map([[a, [1, 2]]]))).toThrow(/"b" was given no numbers/);
  });

  test("refuses an input with too many elements, naming its shape", () => {
    expect(() => evaluateReference([a], new Map([[a, [1, 2, 3]]]))).toThrow(/3 numbers for shape \[2\]/);
  });
});

describe.each(lowerings())("the variance of constant channels in the $kind lowering", (lowering) => {
  test("is 0 to rounding and never below, so that its root exists", async () => {
    const [channels, plane] = [4 * CASE_BLOCK, 35];
    const numbers = Array.from({ length: channels * plane }, (_, i) => 0.1 + 0.37 * Math.floor(i / plane));
    const x = literal("x", [1, channels, 5, 7], numbers);
    const mean = multiply(channelSum(x.value), constant(1 / plane));
    const [variance] = await runValues([channelVariance(x.value, mean)], feedsOf([x]), { lowering });
    const largest = numbers.at(-1)!;
    expect(variance).toBeClose(new Float32Array(channels), { tolerance: plane * 2 ** -23 * (2 * largest) ** 2 });
    expect(Math.min(...variance!)).toBeGreaterThanOrEqual(0);
  });
});
