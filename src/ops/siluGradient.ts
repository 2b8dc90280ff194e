import { requireSameShape } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { elementwise } from "./elementwise.ts";

/**
 * dx = dy * s * (1 + x - y), where s = 1 / (1 + exp(-x)) and y = x * s is SiLU's result: the product rule gives
 * s + x * s * (1 - s), and x * s is there already.
 */
export const siluGradientOp: Op<Record<string, never>> = {
  name: "siluGradient",
  infer([x, y, dy]) {
    requireSameShape("siluGradient", "x and y", x!.shape, y!.shape);
    requireSameShape("siluGradient", "x and dy", x!.shape, dy!.shape);
    return { shape: dy!.shape };
  },
  lower: elementwise((writer, [x, y, dy]) => {
    const rest = writer.node("Add", [writer.node("Sub", [x, y]), writer.scalar(1)]);
    const slope = writer.node("Mul", [writer.node("Sigmoid", [x]), rest]);
    return writer.node("Mul", [slope, dy]);
  }),
  reference: ([x, y, dy]) =>
    dy!.data.map((element, i) => (element * (1 + x!.data[i]! - y!.data[i]!)) / (1 + Math.exp(-x!.data[i]!))),
};

/** @param x, @param y and @param dy of equal shape */
export function siluGradient(x: Value, y: Value, dy: Value): Value {
  return apply(siluGradientOp, [x, y, dy], {});
}
