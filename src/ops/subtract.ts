import { apply, type Op, type Value } from "../graph/value.ts";
import { constant } from "./constant.ts";
import { elementwise, inferBinary, operandGradient, referenceBinary } from "./elementwise.ts";
import { multiply } from "./multiply.ts";

/** a - b: equal shapes, or one a scalar. The derivative is dy for a and -dy for b. */
export const subtractOp: Op<Record<string, never>> = {
  name: "subtract",
  infer: (inputs) => inferBinary("subtract", inputs),
  gradient: ({ inputs: [a, b] }, dy) => [operandGradient(a!, dy), operandGradient(b!, multiply(dy, constant(-1)))],
  lower: elementwise((writer, inputs) => writer.node("Sub", inputs)),
  reference: (inputs) => referenceBinary(inputs, (a, b) => a - b),
};

export function subtract(a: Value, b: Value): Value {
  return apply(subtractOp, [a, b], {});
}
