import { apply, type Op, type Value } from "../graph/value.ts";
import { elementwise, inferBinary, operandGradient, referenceBinary } from "./elementwise.ts";

/** a + b: equal shapes, or one a scalar. The derivative passes to both unchanged. */
export const addOp: Op<Record<string, never>> = {
  name: "add",
  infer: (inputs) => inferBinary("add", inputs),
  gradient: ({ inputs: [a, b] }, dy) => [operandGradient(a!, dy), operandGradient(b!, dy)],
  lower: elementwise((writer, inputs) => writer.node("Add", inputs)),
  reference: (inputs) => referenceBinary(inputs, (a, b) => a + b),
};

export function add(a: Value, b: Value): Value {
  return apply(addOp, [a, b], {});
}
