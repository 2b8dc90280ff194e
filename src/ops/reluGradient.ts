import { requireSameShape } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { elementwise } from "./elementwise.ts";

/** So steep that any normal float32 above 0 becomes 1: the largest float32 times the smallest normal one is 4. */
const STEEP = 3.4028234663852886e38;

/**
 * dx = dy where y > 0, else 0; y is ReLU's result (or anything else that is positive where the gradient passes).
 *
 * The mask is `HardSigmoid(y) = max(0, min(1, STEEP * y))`, one vectorised pass; a comparison, a cast and a select cost
 * three in ONNX Runtime. It is exact for every float32 but the subnormal ones.
 */
export const reluGradientOp: Op<Record<string, never>> = {
  name: "reluGradient",
  infer([y, dy]) {
    requireSameShape("reluGradient", "y and dy", y!.shape, dy!.shape);
    return { shape: dy!.shape };
  },
  lower: elementwise((writer, [y, dy]) => {
    const positive = writer.node("HardSigmoid", [y], { alpha: { float: STEEP }, beta: { float: 0 } });
    return writer.node("Mul", [positive, dy]);
  }),
  reference: ([y, dy]) => dy!.data.map((element, i) => (y!.data[i]! > 0 ? element : 0)),
};

/** @param y and @param dy of equal shape */
export function reluGradient(y: Value, dy: Value): Value {
  return apply(reluGradientOp, [y, dy], {});
}
