import { blockedImages } from "../graph/layout.ts";
import { imageSizes, requireSameShape, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { forEachWindow, inferPool, type PoolAttributes } from "./pooling.ts";

/** So steep that any difference of normal float32 numbers, times this, is below -1. */
const STEEP = 3.4028234663852886e38;

/**
 * dx = dy / (number of pixels in the window that equal y) at those pixels, 0 elsewhere and in rows or columns that no
 * window covers. x [N, C, H, W]; y and dy [N, C, P, Q].
 *
 * Both lowerings spread y over its window, compare it with x, count the hits and spread dy / count over them. Standard:
 * products with matrices of zeros and ones spread (exact, as one term of each sum is not zero) and count. Blocked: the
 * provider's nearest-neighbour Upsample spreads, and a depthwise convolution with weight -1 whose sum input is the spread
 * y gives y - x, which HardSigmoid turns into the mask in the same pass.
 */
export const maxPool2dGradientOp: Op<PoolAttributes> = {
  name: "maxPool2dGradient",
  infer([x, y, dy], attributes) {
    requireSameShape("maxPool2dGradient", "y and dy", y!.shape, dy!.shape);
    const pooled = inferPool("maxPool2dGradient", x!.shape, attributes);
    requireSameShape("maxPool2dGradient", "y and the pooled x", y!.shape, pooled);
    return { shape: x!.shape };
  },
  lower: {
    standard(writer, [x, y, dy], { shape, inputs, attributes: { size } }) {
      const { batch, channels, height, width } = imageSizes(shape);
      const { height: pooledHeight, width: pooledWidth } = imageSizes(inputs[1]!.shape);
      // Rows of a window lie one after the other: one product spreads over all of its pixels, and one sums over them.
      const windowWidth = size * width;
      const spread = new Float32Array(pooledWidth * windowWidth);
      const gather = new Float32Array(windowWidth * pooledWidth);
      for (let row = 0; row < size; row++)
        for (let column = 0; column < pooledWidth * size; column++) {
          const [at, pooled] = [row * width + column, Math.floor(column / size)];
          spread[pooled * windowWidth + at] = 1;
          gather[at * pooledWidth + pooled] = 1;
        }
      const spreadMatrix = writer.floats(spread, [pooledWidth, windowWidth]);
      const gatherMatrix = writer.floats(gather, [windowWidth, pooledWidth]);
      const rows = batch * channels * pooledHeight;
      const leftOver = height - pooledHeight * size;
      const toRows = (pooled: string) => writer.reshape(pooled, [rows, pooledWidth]);
      const overWindows = (pooled: string) => writer.node("MatMul", [pooled, spreadMatrix]);

      const covered =
        leftOver === 0
          ? x!
          : writer.node("Slice", [
              x,
              writer.integers([0]),
              writer.integers([pooledHeight * size]),
              writer.integers([2]),
            ]);
      const windows = writer.reshape(covered, [rows, windowWidth]);
      const mask = writer.cast(writer.node("Equal", [windows, overWindows(toRows(y!))]), "float32");
      const hits = writer.node("MatMul", [mask, gatherMatrix]);
      const share = writer.node("Div", [toRows(dy!), hits]);
      const dx = writer.node("Mul", [mask, overWindows(share)]);
      const images = writer.reshape(dx, [batch, channels, pooledHeight * size, width]);
      return leftOver === 0 ? images : writer.node("Pad", [images, writer.integers([0, 0, 0, 0, 0, 0, leftOver, 0])]);
    },
    blocked: {
      plan({ shape }, _known, block) {
        if (shape[1]! % block !== 0) return undefined;
        const images = blockedImages(block);
        return { inputs: [images, images, images], output: images };
      },
      emit(writer, [x, y, dy], { shape, attributes: { size } }, _plan, block) {
        const { batch, channels, height, width } = imageSizes(shape);
        const leftOver = [height % size, width % size] as const;
        const covered = [height - leftOver[0], width - leftOver[1]] as const;
        const spread = (pooled: string) => writer.blocked("Upsample", [pooled], { scales: [1, 1, size, size] });
        // The kernel's first place holds -1; further places only cut the left-over rows and columns off.
        const kernel = [leftOver[0] + 1, leftOver[1] + 1] as const;
        const negative = new Float32Array(channels * kernel[0] * kernel[1]);
        for (let channel = 0; channel < channels; channel++) {
          const first = Math.floor(channel / block) * block * kernel[0] * kernel[1] + (channel % block);
          negative[first] = -1;
        }
        const depthwise = { group: channels };
        const mask = writer.blocked(
          "Conv",
          [x, writer.floats(negative, [channels, 1, ...kernel]), undefined, spread(y!)],
          {
            ...depthwise,
            kernel_shape: kernel,
            activation: "HardSigmoid",
            activation_params: { floats: [-STEEP, 1] },
          },
        );
        const ones = (places: number) => new Float32Array(channels * places).fill(1);
        const hits = writer.blocked("Conv", [mask, writer.floats(ones(size * size), [channels, 1, size, size])], {
          ...depthwise,
          kernel_shape: [size, size],
          strides: [size, size],
        });
        // Upsample runs on one thread: here it spreads columns only, and rows are spread by broadcasting.
        const share = writer.blocked("Upsample", [writer.node("Div", [dy, hits])], { scales: [1, 1, 1, size] });
        const rows = [(batch * channels * covered[0]) / (block * size), size, covered[1] * block] as const;
        const product = writer.node("Mul", [writer.reshape(mask, rows), writer.reshape(share, [rows[0], 1, rows[2]])]);
        const dx = writer.reshape(product, [batch, channels, ...covered]);
        if (leftOver[0] + leftOver[1] === 0) return dx;
        return writer.blocked("Conv", [dx, writer.floats(ones(1), [channels, 1, 1, 1])], {
          ...depthwise,
          kernel_shape: [1, 1],
          pads: [0, 0, ...leftOver],
        });
      },
    },
  },
  reference([x, y, dy], { shape, attributes: { size } }) {
    const hits = new Float64Array(y!.data.length);
    forEachWindow(shape, size, (pooled, at) => {
      if (x!.data[at] === y!.data[pooled]) hits[pooled] = hits[pooled]! + 1;
    });
    const dx = new Float64Array(sizeOf(shape));
    forEachWindow(shape, size, (pooled, at) => {
      if (x!.data[at] === y!.data[pooled]) dx[at] = dy!.data[pooled]! / hits[pooled]!;
    });
    return dx;
  },
};

/** @param x [N, C, H, W] @param y its pooled maxima @param dy of y's shape @returns x's shape */
export function maxPool2dGradient(x: Value, y: Value, dy: Value, attributes: PoolAttributes): Value {
  return apply(maxPool2dGradientOp, [x, y, dy], attributes);
}
