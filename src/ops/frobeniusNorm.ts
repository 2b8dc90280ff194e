import { apply, type Op, type Value } from "../graph/value.ts";

/** y = the square root of the sum of all elements' squares, a scalar. */
export const frobeniusNormOp: Op<Record<string, never>> = {
  name: "frobeniusNorm",
  infer: () => ({ shape: [] }),
  lower: { standard: (writer, [x]) => writer.node("ReduceL2", [x], { keepdims: 0 }) },
  reference: ([x]) => Float64Array.of(Math.sqrt(x!.data.reduce((sum, element) => sum + element * element, 0))),
};

export function frobeniusNorm(x: Value): Value {
  return apply(frobeniusNormOp, [x], {});
}
