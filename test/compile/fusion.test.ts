import { describe, expect, test } from "vitest";
import { expandRule, fusionRules, reluBeforePoolRule } from "../../src/compile/fusion-rules.ts";
import { rewrite } from "../../src/compile/rewrite.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { topologicalOrder } from "../../src/graph/value.ts";
import { countComputed } from "../support/count-operations.ts";
import { FLOAT32_EPSILON } from "../support/op-case.ts";
import { CASE_BLOCK, lowerings, runValues } from "../support/run-program.ts";
import { feedsOf } from "../support/tensors.ts";
import { fusionCases } from "./fusion-cases.ts";

/** Tolerance: fused and unfused forms sum the same float64 values, some in different order. */
const FLOAT64_TOLERANCE = 1e-12;

test("every rule has a case", () => {
  expect(fusionCases.map(({ rule }) => rule.name).toSorted()).toEqual(
    [
      ...new Set((["standard", "gpu"] as const).flatMap((kind) => fusionRules({ kind }).map(({ name }) => name))),
    ].toSorted(),
  );
});

describe.each(fusionCases)("$rule.name", ({ rule, before, after, found, refused }) => {
  test("matches its pattern and leaves nothing of the old form", () => {
    const { outputs } = found("integers", 2);
    expect(countComputed(outputs)).toEqual(before);
    expect(countComputed(rewrite(outputs, [rule]))).toEqual(after);
  });

  test("preserves results on integers with zeros, ties and negatives exactly", () => {
    const { outputs, inputs } = found("integers", 3);
    const feeds = feedsOf(inputs);
    const [unfused] = evaluateReference(outputs, feeds);
    const [fused] = evaluateReference(rewrite(outputs, [rule]), feeds);
    expect(unfused!.some((element) => element !== 0)).toBe(true);
    // Roots and quotients of integers are fractions.
    expect(fused).toBeClose(unfused!, { tolerance: rule === expandRule ? FLOAT64_TOLERANCE : 0 });
  });

  test("preserves results on fractions to 1e-12", () => {
    const { outputs, inputs } = found("uniform", 3);
    const feeds = feedsOf(inputs);
    const [fused] = evaluateReference(rewrite(outputs, [rule]), feeds);
    expect(fused).toBeClose(evaluateReference(outputs, feeds)[0]!, { tolerance: FLOAT64_TOLERANCE });
  });

  test.each(Object.entries(refused))("does not change the graph where %s", (_reason, make) => {
    const { outputs } = make();
    expect(countComputed(rewrite(outputs, [rule]))).toEqual(countComputed(rewrite(outputs, [])));
    expect(rewrite(outputs, [rule])).toEqual(rewrite(outputs, []));
  });
});

// Batch norm only runs in expanded form.
describe.each(fusionCases.filter(({ rule }) => rule !== expandRule))(
  "compiled with and without $rule.name",
  (fusion) => {
    test.each(lowerings())("results on integers are the same: $kind", async (lowering) => {
      const { outputs, inputs } = fusion.found("integers", CASE_BLOCK);
      const feeds = feedsOf(inputs);
      const [expected] = evaluateReference(outputs, feeds);
      const [unfused] = await runValues(outputs, feeds, { lowering, rules: [] });
      const [fused] = await runValues(outputs, feeds, { lowering, rules: [fusion.rule] });
      // Where it runs blocked, a sum per channel is made of means: as many roundings as numbers, and three more.
      const { data } = inputs.at(-1)!;
      const total = data.reduce((sum, element) => sum + Math.abs(element), 0) / CASE_BLOCK;
      const roundings = data.length / CASE_BLOCK + 3;
      const tolerance = fusion.rule.name === "sumOfPoolGradient" ? roundings * FLOAT32_EPSILON * total : 0;
      expect(unfused).toBeClose(expected!, { tolerance });
      expect(fused).toBeClose(expected!, { tolerance });
    });
  },
);

test("reluBeforePool masks at the pooled size", () => {
  const { outputs } = fusionCases.find(({ rule }) => rule === reluBeforePoolRule)!.found("integers", 2);
  const sizeOfMask = (values: typeof outputs) =>
    sizeOf(topologicalOrder(values).find(({ op }) => op.name === "reluGradient")!.shape);
  expect(sizeOfMask(outputs)).toBe(3 * 2 * 5 * 6);
  expect(sizeOfMask(rewrite(outputs, [reluBeforePoolRule]))).toBe(3 * 2 * 2 * 3);
});
