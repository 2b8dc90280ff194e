import { apply, type Op, type Value } from "../graph/value.ts";
import { elementwise, inferBinary, operandGradient, referenceBinary } from "./elementwise.ts";

/** a * b: equal shapes, or one a scalar. The derivative is dy * b for a and dy * a for b. */
export const multiplyOp: Op<Record<string, never>> = {
  name: "multiply",
  infer: (inputs) => inferBinary("multiply", inputs),
  gradient: ({ inputs: [a, b] }, dy) => [operandGradient(a!, multiply(dy, b!)), operandGradient(b!, multiply(dy, a!))],
  lower: elementwise((writer, inputs) => writer.node("Mul", inputs)),
  reference: (inputs) => referenceBinary(inputs, (a, b) => a * b),
};

export function multiply(a: Value, b: Value): Value {
  return apply(multiplyOp, [a, b], {});
}
