import { apply, type Op, type Value } from "../graph/value.ts";
import { elementwise } from "./elementwise.ts";
import { reluGradient } from "./reluGradient.ts";

/** y = max(x, 0). Its derivative passes where y > 0; at x = 0 it is 0, as in PyTorch. */
export const reluOp: Op<Record<string, never>> = {
  name: "relu",
  infer: ([x]) => ({ shape: x!.shape }),
  gradient: (value, dy) => [reluGradient(value, dy)],
  lower: elementwise((writer, inputs) => writer.node("Relu", inputs)),
  reference: ([x]) => x!.data.map((element) => Math.max(element, 0)),
};

export function relu(x: Value): Value {
  return apply(reluOp, [x], {});
}
