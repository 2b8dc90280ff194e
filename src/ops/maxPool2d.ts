import { blockedImages } from "../graph/layout.ts";
import { sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { maxPool2dGradient } from "./maxPool2dGradient.ts";
import { forEachWindow, inferPool, type PoolAttributes } from "./pooling.ts";

/**
 * y[n, c, p, q] = the largest pixel of x's window at (p * size, q * size). x [N, C, H, W], y [N, C, H / size, W / size].
 * The derivative goes to the largest pixel; where several are equally large they share it (PyTorch gives it to the
 * first: with flat backgrounds such ties are common, and sharing favours no direction).
 */
export const maxPool2dOp: Op<PoolAttributes> = {
  name: "maxPool2d",
  infer: ([x], attributes) => ({ shape: inferPool("maxPool2d", x!.shape, attributes) }),
  gradient: (value, dy) => [maxPool2dGradient(value.inputs[0]!, value, dy, value.attributes)],
  lower: {
    standard: (writer, [x], { attributes: { size } }) =>
      writer.node("MaxPool", [x], { kernel_shape: [size, size], strides: [size, size] }),
    blocked: {
      plan: ({ shape }, _known, block) =>
        shape[1]! % block === 0 ? { inputs: [blockedImages(block)], output: blockedImages(block) } : undefined,
      emit: (writer, [x], { attributes: { size } }) =>
        writer.blocked("MaxPool", [x], { kernel_shape: [size, size], strides: [size, size] }),
    },
  },
  reference([x], { shape, attributes }) {
    const y = new Float64Array(sizeOf(shape)).fill(Number.NEGATIVE_INFINITY);
    forEachWindow(x!.shape, attributes.size, (pooled, at) => {
      y[pooled] = Math.max(y[pooled]!, x!.data[at]!);
    });
    return y;
  },
};

export function maxPool2d(x: Value, attributes: PoolAttributes): Value {
  return apply(maxPool2dOp, [x], attributes);
}
