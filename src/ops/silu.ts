import { apply, type Op, type Value } from "../graph/value.ts";
import { elementwise } from "./elementwise.ts";
import { siluGradient } from "./siluGradient.ts";

/** y = x / (1 + exp(-x)), the sigmoid linear unit, also called swish (Ramachandran et al. 2017; PyTorch's SiLU). */
export const siluOp: Op<Record<string, never>> = {
  name: "silu",
  infer: ([x]) => ({ shape: x!.shape }),
  gradient: (value, dy) => [siluGradient(value.inputs[0]!, value, dy)],
  lower: elementwise((writer, [x]) => writer.node("Mul", [x, writer.node("Sigmoid", [x])])),
  reference: ([x]) => x!.data.map((element) => element / (1 + Math.exp(-element))),
};

export function silu(x: Value): Value {
  return apply(siluOp, [x], {});
}
