import { describe, expect, test } from "vitest";
import { gradients } from "../../src/compile/gradients.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { type GoldenCase, goldenCases, goldenOutputs, type Listed, withWholeBlocks } from "../support/golden-ops.ts";
import { FLOAT32_EPSILON } from "../support/op-case.ts";
import {
  blockedOperations,
  CASE_BLOCK,
  lowerings,
  PROBED_BLOCK,
  programOf,
  runValues,
} from "../support/run-program.ts";
import { feedsOf } from "../support/tensors.ts";
import { weightedSum } from "../support/weighted-sum.ts";

/** Tolerance: both compute in float64, in different order. */
const FLOAT64_TOLERANCE = 1e-12;

/** Maximum number of roundings of a value in these cases: the longest sums have 24 products. */
const ROUNDINGS = 32;
/** Bound of the sums of absolute products in these cases. */
const MAGNITUDE = 16;
const FLOAT32_TOLERANCE = ROUNDINGS * FLOAT32_EPSILON * MAGNITUDE;

const cases = goldenCases();

/** The case as a graph: PyTorch's outputs and then its gradients, in the file's order. */
function graphOf(golden: GoldenCase) {
  const byName = goldenOutputs(golden);
  const outputs = golden.outputs.map(({ name }) => byName.get(name)!);
  const loss = weightedSum(outputs[0]!, golden.upstream.value);
  const sources = golden.gradients.map(
    ({ name }) => golden.inputs.find(({ value }) => value.attributes.name === name)!,
  );
  const values = [
    ...outputs,
    ...gradients(
      loss,
      sources.map(({ value }) => value),
    ),
  ];
  return { values, feeds: feedsOf([...golden.inputs, golden.upstream]) };
}

function expectAll(received: readonly ArrayLike<number>[], golden: GoldenCase, tolerance: number): void {
  const expected = [...golden.outputs, ...golden.gradients];
  expect(received.length).toBe(expected.length);
  for (const [i, { values }] of expected.entries()) expect(received[i]).toBeClose(values, { tolerance });
}

test("every kind of golden case is here", () => {
  expect(new Set(cases.map(({ op }) => op)).size).toBe(9);
});

describe("the float64 references equal PyTorch's outputs and gradients", () => {
  test.each(cases.map((golden) => [golden.name, golden] as const))("%s", (_name, golden) => {
    const { values, feeds } = graphOf(golden);
    expectAll(evaluateReference(values, feeds), golden, FLOAT64_TOLERANCE);
  });
});

describe.each(lowerings())("the $kind lowering equals PyTorch's outputs and gradients", (lowering) => {
  test.each(cases.map((golden) => [golden.name, golden] as const))("%s", async (_name, golden) => {
    const { values, feeds } = graphOf(golden);
    expectAll(await runValues(values, feeds, { lowering }), golden, FLOAT32_TOLERANCE);
  });
});

describe.runIf(PROBED_BLOCK)("the blocked lowering equals PyTorch's, with zero channels added to fill blocks", () => {
  const block = CASE_BLOCK;
  const whole = cases.flatMap((golden) => withWholeBlocks(golden, block) ?? []);
  test.each(whole.map((golden) => [golden.name, golden] as const))("%s", async (_name, golden) => {
    const { values, feeds } = graphOf(golden);
    expect(blockedOperations(programOf(values, feeds), block).size).toBeGreaterThan(0);
    const lowering = { kind: "blocked", block } as const;
    expectAll(await runValues(values, feeds, { lowering }), golden, FLOAT32_TOLERANCE);
  });
});

describe("tied maxima share the gradient, where PyTorch gives it to the first", () => {
  const tied = cases.filter(({ firstGradients }) => firstGradients);
  test("there are ties", () => expect(tied.length).toBeGreaterThan(1));
  test.each(tied.map((golden) => [golden.name, golden] as const))("%s", (_name, golden) => {
    const { values, feeds } = graphOf(golden);
    const [, dx] = evaluateReference(values, feeds);
    const first: Listed = golden.firstGradients![0]!;
    expect(dx).toBeClose(golden.gradients[0]!.values, { tolerance: FLOAT64_TOLERANCE });
    expect(dx).not.toBeClose(first.values, { tolerance: 0.01 });
    // Whichever pixel receives it, the sum over a window is the same.
    const total = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((sum, element) => sum + element, 0);
    expect(total(dx!)).toBeCloseTo(total(first.values), 12);
  });
});
