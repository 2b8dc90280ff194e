import { apply, type Op, type Value } from "../graph/value.ts";
import { constant } from "./constant.ts";
import { divide } from "./divide.ts";
import { elementwise } from "./elementwise.ts";
import { multiply } from "./multiply.ts";

/** y = sqrt(x), x >= 0. The derivative is dy / (2 y). */
export const squareRootOp: Op<Record<string, never>> = {
  name: "squareRoot",
  infer: ([x]) => ({ shape: x!.shape }),
  gradient: (value, dy) => [divide(multiply(dy, constant(0.5)), value)],
  lower: elementwise((writer, inputs) => writer.node("Sqrt", inputs)),
  reference: ([x]) => x!.data.map(Math.sqrt),
};

export function squareRoot(x: Value): Value {
  return apply(squareRootOp, [x], {});
}
