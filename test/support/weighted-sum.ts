import { requireSameShape } from "../../src/graph/shape.ts";
import { apply, type Op, type Value } from "../../src/graph/value.ts";
import { multiply } from "../../src/ops/elementwise.ts";

/**
 * A scalar of any values, so that `gradients` can start from them: the sum of x * weight over all elements, x and weight
 * of equal shape. Its derivative with respect to x is the weight: what reaches x from above is what a test says it is.
 */
const weightedSumOp: Op<Record<string, never>> = {
  name: "weightedSum",
  infer([x, weight]) {
    requireSameShape("weightedSum", "x and weight", x!.shape, weight!.shape);
    return { shape: [] };
  },
  gradient: ({ inputs: [, weight] }, dy) => [multiply(weight!, dy), undefined],
  lower: {
    standard(writer, inputs, { inputs: [x] }) {
      return writer.reduceSum(
        writer.node("Mul", inputs),
        x!.shape.map((_, axis) => axis),
      );
    },
  },
  reference: ([x, weight]) => Float64Array.of(x!.data.reduce((sum, element, i) => sum + element * weight!.data[i]!, 0)),
};

export function weightedSum(x: Value, weight: Value): Value {
  return apply(weightedSumOp, [x, weight], {});
}
