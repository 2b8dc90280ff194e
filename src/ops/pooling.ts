import { blockedImages, CANONICAL } from "../graph/layout.ts";
import {
  formatShape,
  IMAGE_AXES,
  imageSizes,
  requireAxes,
  requireSameShape,
  type Shape,
  ShapeError,
  sizeOf,
} from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import { LARGEST_FLOAT32 } from "./elementwise.ts";
import { padOp } from "./reshape.ts";

export type PoolAttributes = {
  /** Height and width of the window, and its stride. */
  readonly size: number;
};

/** Shape [N, C, H / size, W / size], rounded down: rows and columns left over at the end are ignored, as in PyTorch. */
export function inferPool(op: string, x: Shape, { size }: PoolAttributes): Shape {
  requireAxes(op, "x", x, IMAGE_AXES);
  if (!Number.isInteger(size) || size < 1)
    throw new ShapeError(op, `size must be a whole number from 1 up, got ${size}`);
  const { batch, channels, height, width } = imageSizes(x);
  if (height < size || width < size)
    throw new ShapeError(op, `window ${size}x${size} is larger than the image ${height}x${width}`);
  return [batch, channels, Math.floor(height / size), Math.floor(width / size)];
}

/**
 * A pool's input, behind a maximum with itself where it is padded: ONNX Runtime would join Pad and pool
 * (onnxruntime/core/optimizer/pad_fusion.cc), although zeros that count as pixels are not a pool's own padding, and refuse
 * the sum of both paddings where it is not less than the window.
 */
export function apartFromPad(writer: GraphWriter, x: string, { inputs }: Value): string {
  return inputs[0]!.op.name === padOp.name ? writer.node("Max", [x, x]) : x;
}

/** Calls `visit` with each pooled position and the position of each pixel of its window. */
export function forEachWindow(xShape: Shape, size: number, visit: (pooled: number, x: number) => void): void {
  const { batch, channels, height, width } = imageSizes(xShape);
  const [rows, columns] = [Math.floor(height / size), Math.floor(width / size)];
  for (let plane = 0; plane < batch * channels; plane++)
    for (let p = 0; p < rows * size; p++)
      for (let q = 0; q < columns * size; q++) {
        const pooled = (plane * rows + Math.floor(p / size)) * columns + Math.floor(q / size);
        visit(pooled, (plane * height + p) * width + q);
      }
}

/**
 * y[n, c, p, q] = the largest pixel of x's window at (p * size, q * size). x [N, C, H, W], y [N, C, H / size, W /
 * size]. The largest pixel receives the derivative; where several are equally large they share it (PyTorch gives it to
 * the first; with flat backgrounds such ties are common, and sharing favours no direction).
 */
export const maxPool2dOp: Op<PoolAttributes> = {
  name: "maxPool2d",
  infer: ([x], attributes) => ({ shape: inferPool("maxPool2d", x!.shape, attributes) }),
  gradient: (value, dy) => [maxPool2dGradient(value.inputs[0]!, value, dy, value.attributes)],
  lower: {
    standard: (writer, [x], value) => {
      const { size } = value.attributes;
      const apart = apartFromPad(writer, x!, value);
      return writer.node("MaxPool", [apart], { kernel_shape: [size, size], strides: [size, size] });
    },
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

/** The largest value of each window; windows do not overlap. */
export function maxPool2d(x: Value, attributes: PoolAttributes): Value {
  return apply(maxPool2dOp, [x], attributes);
}

/**
 * dx = dy / (number of pixels in the window that equal y) at those pixels, 0 elsewhere and in rows or columns that no
 * window covers. x [N, C, H, W]; y and dy [N, C, P, Q].
 *
 * Both lowerings repeat y over its window, compare it with x, count the equal pixels and distribute dy / count over
 * them. Standard: products with matrices of zeros and ones repeat (exact, as only one term of each sum is not zero) and
 * count. Blocked: the provider's nearest-neighbour Upsample repeats, and a depthwise convolution with weight -1 whose
 * sum input is the repeated y gives y - x, which HardSigmoid turns into the mask in the same pass. GPU: broadcasting
 * repeats.
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
      // The rows of a window are contiguous: one product repeats over all of its pixels, and one sums over them.
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
    gpu(writer, [x, y, dy], { shape, inputs, attributes: { size } }) {
      const { batch, channels, height, width } = imageSizes(shape);
      const { height: pooledHeight, width: pooledWidth } = imageSizes(inputs[1]!.shape);
      const [coveredHeight, coveredWidth] = [pooledHeight * size, pooledWidth * size];
      const isCovered = coveredHeight === height && coveredWidth === width;
      const rows = batch * channels * pooledHeight;
      const covered = isCovered
        ? x!
        : writer.node("Slice", [
            x,
            writer.integers([0, 0]),
            writer.integers([coveredHeight, coveredWidth]),
            writer.integers([2, 3]),
          ]);
      const toWindows = (pooled: string) => writer.reshape(pooled, [rows, 1, pooledWidth, 1]);
      const windows = writer.reshape(covered, [rows, size, pooledWidth, size]);
      const mask = writer.cast(writer.node("Equal", [windows, toWindows(y!)]), "float32");
      const hits = writer.node("ReduceSum", [mask, writer.integers([1, 3])], { keepdims: 1 });
      const dx = writer.node("Mul", [mask, writer.node("Div", [toWindows(dy!), hits])]);
      const images = writer.reshape(dx, [batch, channels, coveredHeight, coveredWidth]);
      const leftOver = [0, 0, height - coveredHeight, width - coveredWidth];
      return isCovered ? images : writer.node("Pad", [images, writer.integers([0, 0, 0, 0, ...leftOver])]);
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
        // The kernel's first position holds -1; the others only crop the left-over rows and columns.
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
            activation_params: { floats: [-LARGEST_FLOAT32, 1] },
          },
        );
        const ones = (places: number) => new Float32Array(channels * places).fill(1);
        const hits = writer.blocked("Conv", [mask, writer.floats(ones(size * size), [channels, 1, size, size])], {
          ...depthwise,
          kernel_shape: [size, size],
          strides: [size, size],
        });
        // Upsample runs on one thread: here it repeats columns only, and rows are repeated by broadcasting.
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

/** y[n, c, 0, 0] = the mean of x[n, c]. x [N, C, H, W], y [N, C, 1, 1]. Each pixel's derivative is dy / (H * W). */
export const globalAveragePoolOp: Op<Record<string, never>> = {
  name: "globalAveragePool",
  infer([x]) {
    requireAxes("globalAveragePool", "x", x!.shape, IMAGE_AXES);
    return { shape: [x!.shape[0]!, x!.shape[1]!, 1, 1] };
  },
  gradient: ({ inputs: [x] }, dy) => [globalAveragePoolGradient(dy, { height: x!.shape[2]!, width: x!.shape[3]! })],
  lower: {
    standard: (writer, [x]) => writer.node("GlobalAveragePool", [x]),
    blocked: {
      // With one pixel per channel, blocked and canonical order are the same.
      plan: ({ shape }, [known], block) =>
        shape[1]! % block === 0 && known?.name === blockedImages(block).name
          ? { inputs: [known], output: CANONICAL }
          : undefined,
      emit: (writer, [x]) => writer.blocked("GlobalAveragePool", [x]),
    },
  },
  reference([x], { shape }) {
    const { height, width } = imageSizes(x!.shape);
    const y = new Float64Array(sizeOf(shape));
    x!.data.forEach((pixel, i) => {
      const plane = Math.floor(i / (height * width));
      y[plane] = y[plane]! + pixel / (height * width);
    });
    return y;
  },
};

/** Mean over height and width. @param x [N, C, H, W] @returns [N, C, 1, 1] */
export function globalAveragePool(x: Value): Value {
  return apply(globalAveragePoolOp, [x], {});
}

type SpreadAttributes = { readonly height: number; readonly width: number };

/** dx[n, c, h, w] = dy[n, c, 0, 0] / (H * W): each pixel contributes equally. dy [N, C, 1, 1], dx [N, C, H, W]. */
export const globalAveragePoolGradientOp: Op<SpreadAttributes> = {
  name: "globalAveragePoolGradient",
  infer([dy], { height, width }) {
    requireAxes("globalAveragePoolGradient", "dy", dy!.shape, IMAGE_AXES);
    if (dy!.shape[2] !== 1 || dy!.shape[3] !== 1) {
      throw new ShapeError(
        "globalAveragePoolGradient",
        `dy must have one pixel a channel, got ${formatShape(dy!.shape)}`,
      );
    }
    return { shape: [dy!.shape[0]!, dy!.shape[1]!, height, width] };
  },
  lower: {
    standard(writer, [dy], { attributes: { height, width } }) {
      const plane = new Float32Array(height * width).fill(1 / (height * width));
      return writer.node("Mul", [dy, writer.floats(plane, [1, 1, height, width])]);
    },
    blocked: {
      plan: ({ shape }, _known, block) =>
        shape[1]! % block === 0 ? { inputs: [CANONICAL], output: blockedImages(block) } : undefined,
      emit(writer, [dy], { attributes: { height, width } }) {
        const share = writer.node("Mul", [dy, writer.scalar(1 / (height * width))]);
        return writer.blocked("Upsample", [share], { scales: [1, 1, height, width] });
      },
    },
  },
  reference([dy], { shape, attributes: { height, width } }) {
    const positions = height * width;
    return Float64Array.from({ length: sizeOf(shape) }, (_, i) => dy!.data[Math.floor(i / positions)]! / positions);
  },
};

export function globalAveragePoolGradient(dy: Value, attributes: SpreadAttributes): Value {
  return apply(globalAveragePoolGradientOp, [dy], attributes);
}
