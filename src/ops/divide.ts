import { apply, type Op, type Value } from "../graph/value.ts";
import { constant } from "./constant.ts";
import { elementwise, inferBinary, operandGradient, referenceBinary } from "./elementwise.ts";
import { multiply } from "./multiply.ts";

/** a / b: equal shapes, or one a scalar. With q = a / b the derivative is dy / b for a and -dy * q / b for b. */
export const divideOp: Op<Record<string, never>> = {
  name: "divide",
  infer: (inputs) => inferBinary("divide", inputs),
  gradient(value, dy) {
    const [a, b] = value.inputs;
    const byDivisor = divide(dy, b!);
    return [operandGradient(a!, byDivisor), operandGradient(b!, multiply(multiply(byDivisor, value), constant(-1)))];
  },
  lower: elementwise((writer, inputs) => writer.node("Div", inputs)),
  reference: (inputs) => referenceBinary(inputs, (a, b) => a / b),
};

export function divide(a: Value, b: Value): Value {
  return apply(divideOp, [a, b], {});
}
