/** Values known beforehand, of operations whose reference is composed like their lowering. */
import { expect, test } from "vitest";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import type { Value } from "../../src/graph/value.ts";
import { erf, gelu, hardSigmoid, hardSwish, relu6 } from "../../src/ops/activations.ts";
import { scaledDotProductAttention } from "../../src/ops/attention.ts";
import { normalize } from "../../src/ops/normalize.ts";
import { adaptiveAveragePool2d } from "../../src/ops/window-pooling.ts";
import { feedsOf, literal } from "../support/tensors.ts";

const TOLERANCE = 1e-12;

/** The result for one input. */
function valuesOf(build: (x: Value) => Value, shape: readonly number[], numbers: readonly number[]): Float64Array {
  const x = literal("x", shape, numbers);
  return evaluateReference([build(x.value)], feedsOf([x]))[0]!;
}

test.each<[string, (x: Value) => Value, readonly number[], readonly number[]]>([
  // Abramowitz and Stegun, table 7.1.
  ["erf", erf, [0, 0.5, -1, 2, 7], [0, 0.5204998778130465, -0.8427007929497149, 0.9953222650189527, 1]],
  // PyTorch 1.13, float64.
  ["GELU", (x) => gelu(x), [1, -0.5, 3], [0.841344746068543, -0.15426876936299344, 2.99595030590511]],
  ["GELU, tanh", (x) => gelu(x, "tanh"), [1, -0.5, 3], [0.8411919906082768, -0.15428599017485606, 2.996362607918227]],
  ["hard sigmoid", hardSigmoid, [-4, -3, 0, 1.5, 4], [0, 0, 0.5, 0.75, 1]],
  ["hard swish", hardSwish, [-4, -1.5, 0, 1.5, 4], [0, -0.375, 0, 1.125, 4]],
  ["ReLU6", relu6, [-1, 0, 5.5, 6, 7], [0, 0, 5.5, 6, 6]],
])("%s", (_name, build, numbers, expected) => {
  expect(valuesOf(build, [numbers.length], numbers)).toBeClose(expected, { tolerance: TOLERANCE });
});

test("adaptive average pooling of seven columns to three: windows overlap, as PyTorch's do", () => {
  const pooled = valuesOf((x) => adaptiveAveragePool2d(x, [1, 3]), [1, 1, 1, 7], [0, 1, 2, 3, 4, 5, 6]);
  expect(pooled).toBeClose([1, 3, 5], { tolerance: TOLERANCE });
});

test("normalize: mean 0 and deviation 1 over the axes", () => {
  const normalized = valuesOf((x) => normalize(x, [1], 3), [2, 2], [0, 2, 5, 5]);
  expect(normalized).toBeClose([-0.5, 0.5, 0, 0], { tolerance: TOLERANCE });
});

test("attention: a query that matches one key three times as well gets three quarters of its value", () => {
  const logit = Math.log(3) * Math.sqrt(2);
  const attend = (x: Value) => scaledDotProductAttention(x, x, x);
  // Token 0 is [logit, 1], token 1 is [0, 1]: their products are logit^2 + 1 and 1.
  const [first] = valuesOf(attend, [1, 2, 2], [logit, 1, 0, 1]);
  const weight = 1 / (1 + Math.exp(-(Math.fround(logit) ** 2) / Math.sqrt(2)));
  expect(first).toBeCloseTo(weight * Math.fround(logit), 12);
});
