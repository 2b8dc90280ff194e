import { blockedImages } from "../graph/layout.ts";
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
import { coveredImage, requireWindow, type Window, windowedImage } from "./convolution/window.ts";
import { LARGEST_FLOAT32 } from "./elementwise.ts";
import { apartFromPad } from "./pooling.ts";

/**
 * Pooling with windows of any size, stride and padding. `maxPool2d` (pooling.ts) covers windows side by side, with lowerings
 * of its own.
 */
export type WindowPoolAttributes = Omit<Window, "dilations"> & {
  /** Height and width of the window. */
  readonly kernel: readonly [number, number];
};

/** A pooling window has no gaps. */
const wholeWindow = ({ strides, pads }: Omit<Window, "dilations">): Window => ({ strides, pads, dilations: [1, 1] });

/** Shape [N, C, P, Q]. @throws ShapeError naming the rule that is broken */
function inferWindows(op: string, x: Shape, { kernel, ...window }: WindowPoolAttributes): Shape {
  requireAxes(op, "x", x, IMAGE_AXES);
  const whole = wholeWindow(window);
  requireWindow(op, whole);
  if (!kernel.every((size) => Number.isInteger(size) && size >= 1)) {
    throw new ShapeError(op, `the window must be whole and at least 1, got ${kernel.join(", ")}`);
  }
  // Otherwise a window could lie in the padding alone.
  if (!window.pads.every((size, side) => size < kernel[side % 2]!)) {
    throw new ShapeError(op, `pads must be less than the window ${kernel.join("x")}, got ${window.pads.join(", ")}`);
  }
  const { batch, channels, height, width } = imageSizes(x);
  const [rows, columns] = windowedImage(op, [height, width], kernel, whole);
  return [batch, channels, rows, columns];
}

/** Calls `visit` for each window with the pooled position and the position of each pixel inside the image. */
function forEachWindowPixel(
  xShape: Shape,
  yShape: Shape,
  { kernel, strides, pads }: WindowPoolAttributes,
  visit: (pooled: number, x: number) => void,
): void {
  const { batch, channels, height, width } = imageSizes(xShape);
  const { height: rows, width: columns } = imageSizes(yShape);
  for (let plane = 0; plane < batch * channels; plane++)
    for (let p = 0; p < rows; p++)
      for (let q = 0; q < columns; q++)
        for (let i = 0; i < kernel[0]; i++)
          for (let j = 0; j < kernel[1]; j++) {
            const [row, column] = [p * strides[0] + i - pads[0], q * strides[1] + j - pads[1]];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            visit((plane * rows + p) * columns + q, (plane * height + row) * width + column);
          }
}

const poolAttributes = ({ kernel, strides, pads }: WindowPoolAttributes) => ({ kernel_shape: kernel, strides, pads });

/** Writes dx [N, C, H, W] of shares [N * C, taps, P, Q]: each is added to the pixel that its window has at its tap. */
function writeScattered(
  writer: GraphWriter,
  shares: string,
  taps: string,
  { x, y, attributes }: { readonly x: Shape; readonly y: Shape; readonly attributes: WindowPoolAttributes },
): string {
  const covered = coveredImage(y.slice(2), attributes.kernel, wholeWindow(attributes));
  const left = covered.map((size, axis) => x[2 + axis]! - size);
  const dx = writer.node("ConvTranspose", [shares, taps], { ...poolAttributes(attributes), output_padding: left });
  return writer.reshape(dx, x);
}

/**
 * y[n, c, p, q] = the largest pixel of x's window at (p * stride - pad, q * stride - pad); padding is never the largest.
 * x [N, C, H, W], y [N, C, P, Q]. The derivative goes to the largest pixel; several equally large ones share it, as in
 * `maxPool2d`.
 */
export const maxPoolWindowsOp: Op<WindowPoolAttributes> = {
  name: "maxPoolWindows",
  infer: ([x], attributes) => ({ shape: inferWindows("maxPool2d", x!.shape, attributes) }),
  gradient: (value, dy) => [apply(maxPoolWindowsGradientOp, [value.inputs[0]!, value, dy], value.attributes)],
  lower: {
    standard: (writer, [x], value) =>
      writer.node("MaxPool", [apartFromPad(writer, x!, value)], poolAttributes(value.attributes)),
    blocked: {
      plan: ({ shape }, _known, block) =>
        shape[1]! % block === 0 ? { inputs: [blockedImages(block)], output: blockedImages(block) } : undefined,
      emit: (writer, inputs, { attributes }) => writer.blocked("MaxPool", inputs, poolAttributes(attributes)),
    },
  },
  reference([x], { shape, attributes }) {
    const y = new Float64Array(sizeOf(shape));
    y.fill(Number.NEGATIVE_INFINITY);
    forEachWindowPixel(x!.shape, shape, attributes, (pooled, at) => {
      y[pooled] = Math.max(y[pooled]!, x!.data[at]!);
    });
    return y;
  },
};

/** The largest value of each window. */
export function maxPoolWindows(x: Value, attributes: WindowPoolAttributes): Value {
  return apply(maxPoolWindowsOp, [x], attributes);
}

/**
 * dx = the sum, over the windows that a pixel is in and is the largest of, of dy / (number of pixels equal to the largest).
 * x [N, C, H, W]; y and dy [N, C, P, Q].
 *
 * Every plane is an image of one channel, and a convolution with one kernel of zeros and a one for each place of the window
 * lays the windows out, [N * C, taps, P, Q]: exact, as only one term of each sum is not zero. The transposed convolution with
 * the same kernels adds up the shares.
 */
export const maxPoolWindowsGradientOp: Op<WindowPoolAttributes> = {
  name: "maxPoolWindowsGradient",
  infer([x, y, dy], attributes) {
    requireSameShape("maxPoolWindowsGradient", "y and dy", y!.shape, dy!.shape);
    const pooled = inferWindows("maxPoolWindowsGradient", x!.shape, attributes);
    requireSameShape("maxPoolWindowsGradient", "y and the pooled x", y!.shape, pooled);
    return { shape: x!.shape };
  },
  lower: {
    standard(writer, [x, y, dy], { inputs, shape, attributes }) {
      const { batch, channels, height, width } = imageSizes(shape);
      const yShape = inputs[1]!.shape;
      const { kernel, strides, pads } = attributes;
      const count = kernel[0] * kernel[1];
      const oneHot = new Float32Array(count * count);
      for (let tap = 0; tap < count; tap++) oneHot[tap * count + tap] = 1;
      const taps = writer.floats(oneHot, [count, 1, ...kernel]);
      const planes = batch * channels;
      const [top, left, bottom, right] = pads;
      const padded = writer.node("Pad", [
        writer.reshape(x!, [planes, 1, height, width]),
        writer.integers([0, 0, top, left, 0, 0, bottom, right]),
        // Less than every pixel that is not itself the lowest float32.
        writer.scalar(-LARGEST_FLOAT32),
      ]);
      const toPlanes = (pooled: string) => writer.reshape(pooled, [planes, 1, ...yShape.slice(2)]);
      const windows = writer.node("Conv", [padded, taps], { kernel_shape: kernel, strides });
      const mask = writer.cast(writer.node("Equal", [windows, toPlanes(y!)]), "float32");
      const hits = writer.node("ReduceSum", [mask, writer.integers([1])], { keepdims: 1 });
      const shares = writer.node("Mul", [mask, writer.node("Div", [toPlanes(dy!), hits])]);
      return writeScattered(writer, shares, taps, { x: shape, y: yShape, attributes });
    },
  },
  reference([x, y, dy], { shape, inputs, attributes }) {
    const hits = new Float64Array(y!.data.length);
    const dx = new Float64Array(sizeOf(shape));
    const isLargest = (pooled: number, at: number) => x!.data[at] === y!.data[pooled];
    forEachWindowPixel(shape, inputs[1]!.shape, attributes, (pooled, at) => {
      if (isLargest(pooled, at)) hits[pooled] = 1 + hits[pooled]!;
    });
    forEachWindowPixel(shape, inputs[1]!.shape, attributes, (pooled, at) => {
      if (isLargest(pooled, at)) dx[at] = dx[at]! + dy!.data[pooled]! / hits[pooled]!;
    });
    return dx;
  },
};

/** Attributes of average pooling. */
export type AveragePoolAttributes = WindowPoolAttributes & {
  /** Whether the zeros of the padding count as pixels (PyTorch's default), or only pixels of the image are averaged. */
  readonly countPadding: boolean;
};

/** The number of pixels that each window's mean divides by, [P, Q]. */
function windowCounts(x: Shape, y: Shape, attributes: AveragePoolAttributes): Float64Array {
  const counts = new Float64Array(y[2]! * y[3]!);
  const planeOf = (shape: Shape): Shape => [1, 1, ...shape.slice(2)];
  if (attributes.countPadding) return counts.fill(attributes.kernel[0] * attributes.kernel[1]);
  forEachWindowPixel(planeOf(x), planeOf(y), attributes, (pooled) => {
    counts[pooled] = counts[pooled]! + 1;
  });
  return counts;
}

/** The share that each pixel of a window has in its mean, [P, Q]. */
function windowShares(x: Shape, y: Shape, attributes: AveragePoolAttributes): Float32Array {
  return Float32Array.from(windowCounts(x, y, attributes), (count) => 1 / count);
}

/** y[n, c, p, q] = the mean of x's window at (p * stride - pad, q * stride - pad). x [N, C, H, W], y [N, C, P, Q]. */
export const averagePool2dOp: Op<AveragePoolAttributes> = {
  name: "averagePool2d",
  infer: ([x], { countPadding: _, ...window }) => ({ shape: inferWindows("averagePool2d", x!.shape, window) }),
  gradient: ({ inputs: [x], attributes }, dy) => [
    apply(averagePool2dGradientOp, [dy], { ...attributes, shape: x!.shape }),
  ],
  lower: {
    standard: (writer, [x], value) =>
      writer.node("AveragePool", [apartFromPad(writer, x!, value)], {
        ...poolAttributes(value.attributes),
        count_include_pad: Number(value.attributes.countPadding),
      }),
  },
  reference([x], { shape, attributes }) {
    const counts = windowCounts(x!.shape, shape, attributes);
    const y = new Float64Array(sizeOf(shape));
    forEachWindowPixel(x!.shape, shape, attributes, (pooled, at) => {
      y[pooled] = y[pooled]! + x!.data[at]! / counts[pooled % counts.length]!;
    });
    return y;
  },
};

/** The mean of each window. */
export function averagePool2d(x: Value, attributes: AveragePoolAttributes): Value {
  return apply(averagePool2dOp, [x], attributes);
}

type AverageGradientAttributes = AveragePoolAttributes & {
  /** Shape [N, C, H, W] of the pool's input. */
  readonly shape: Shape;
};

/** dx = the sum of dy / (number of pixels) over the windows that a pixel is in. dy [N, C, P, Q], dx [N, C, H, W]. */
export const averagePool2dGradientOp: Op<AverageGradientAttributes> = {
  name: "averagePool2dGradient",
  infer([dy], { shape, countPadding: _, ...window }) {
    const y = inferWindows("averagePool2dGradient", shape, window);
    requireSameShape("averagePool2dGradient", "dy and the pooled x", dy!.shape, y);
    return { shape };
  },
  lower: {
    standard(writer, [dy], { inputs, shape, attributes }) {
      const yShape = inputs[0]!.shape;
      const [rows, columns] = [yShape[2]!, yShape[3]!];
      const parts = windowShares(shape, yShape, attributes);
      const planes = writer.reshape(dy!, [shape[0]! * shape[1]!, 1, rows, columns]);
      const shares = writer.node("Mul", [planes, writer.floats(parts, [1, 1, rows, columns])]);
      const ones = new Float32Array(sizeOf(attributes.kernel)).fill(1);
      const taps = writer.floats(ones, [1, 1, ...attributes.kernel]);
      return writeScattered(writer, shares, taps, { x: shape, y: yShape, attributes });
    },
  },
  reference([dy], { shape, inputs, attributes }) {
    const yShape = inputs[0]!.shape;
    const counts = windowCounts(shape, yShape, attributes);
    const dx = new Float64Array(sizeOf(shape));
    forEachWindowPixel(shape, yShape, attributes, (pooled, at) => {
      dx[at] = dx[at]! + dy!.data[pooled]! / counts[pooled % counts.length]!;
    });
    return dx;
  },
};

type AdaptiveAttributes = { readonly size: readonly [number, number] };

/** First and last (exclusive) of the `inputs` places whose mean is place `i` of `outputs`: PyTorch's rule; they may overlap. */
const adaptiveWindow = (i: number, inputs: number, outputs: number): [number, number] => [
  Math.floor((i * inputs) / outputs),
  Math.ceil(((i + 1) * inputs) / outputs),
];

/** The matrix [outputs, inputs] of the means along one axis. */
function adaptiveMatrix(inputs: number, outputs: number): Float64Array {
  const matrix = new Float64Array(outputs * inputs);
  for (let i = 0; i < outputs; i++) {
    const [first, end] = adaptiveWindow(i, inputs, outputs);
    matrix.fill(1 / (end - first), i * inputs + first, i * inputs + end);
  }
  return matrix;
}

/** y = R x Cᵀ for each plane of images: x [N, C, H, W], R [P, H], C [Q, W], y [N, C, P, Q]. */
function writeSeparable(writer: GraphWriter, x: string, rows: Matrix, columns: Matrix): string {
  const constant = ({ shape, data }: Matrix) => writer.floats(Float32Array.from(data), shape);
  const narrow = writer.node("MatMul", [x, constant(turned(columns))]);
  return writer.node("MatMul", [constant(rows), narrow]);
}

function referenceSeparable(x: Float64Array, { shape: [P, H], data: R }: Matrix, { shape: [Q, W], data: C }: Matrix) {
  const planes = x.length / (H * W);
  const y = new Float64Array(planes * P * Q);
  for (let plane = 0; plane < planes; plane++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++) {
        let sum = 0;
        for (let h = 0; h < H; h++)
          for (let w = 0; w < W; w++) sum += R[p * H + h]! * x[(plane * H + h) * W + w]! * C[q * W + w]!;
        y[(plane * P + p) * Q + q] = sum;
      }
  return y;
}

interface Matrix {
  readonly shape: readonly [number, number];
  readonly data: Float64Array;
}

/** The matrices of the means over rows and over columns, from an image of H x W to one of P x Q. */
function adaptiveMatrices(image: Shape, [P, Q]: readonly [number, number]): { rows: Matrix; columns: Matrix } {
  const [H, W] = [image[2]!, image[3]!];
  return {
    rows: { shape: [P, H], data: adaptiveMatrix(H, P) },
    columns: { shape: [Q, W], data: adaptiveMatrix(W, Q) },
  };
}

/** The transpose. */
const turned = ({ shape: [rows, columns], data }: Matrix): Matrix => ({
  shape: [columns, rows],
  data: Float64Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
});

/**
 * Average pooling to a fixed size, whatever the image's: place p of P is the mean of rows floor(p H / P) to
 * ceil((p + 1) H / P), columns alike (PyTorch's AdaptiveAvgPool2d). x [N, C, H, W], y [N, C, P, Q].
 *
 * The mean over a rectangle is the mean over rows of means over columns: two products with matrices. So is the derivative,
 * with the matrices transposed.
 */
export const adaptiveAveragePool2dOp: Op<AdaptiveAttributes> = {
  name: "adaptiveAveragePool2d",
  infer([x], { size }) {
    requireAxes("adaptiveAveragePool2d", "x", x!.shape, IMAGE_AXES);
    if (!size.every((places) => Number.isInteger(places) && places >= 1)) {
      throw new ShapeError(
        "adaptiveAveragePool2d",
        `size must be two whole numbers from 1 up, got ${formatShape(size)}`,
      );
    }
    return { shape: [x!.shape[0]!, x!.shape[1]!, ...size] };
  },
  gradient: ({ inputs: [x] }, dy) => [apply(adaptiveAveragePool2dGradientOp, [dy], { shape: x!.shape })],
  lower: {
    standard(writer, [x], { inputs, attributes: { size } }) {
      const { rows, columns } = adaptiveMatrices(inputs[0]!.shape, size);
      return writeSeparable(writer, x!, rows, columns);
    },
  },
  reference([x], { attributes: { size } }) {
    const { rows, columns } = adaptiveMatrices(x!.shape, size);
    return referenceSeparable(x!.data, rows, columns);
  },
};

/** Average pooling to `size`. @param x [N, C, H, W] @returns [N, C, ...size] */
export function adaptiveAveragePool2d(x: Value, size: readonly [number, number]): Value {
  return apply(adaptiveAveragePool2dOp, [x], { size });
}

/** dx of `adaptiveAveragePool2d`. dy [N, C, P, Q], dx [N, C, H, W], `attributes.shape`. */
export const adaptiveAveragePool2dGradientOp: Op<{ readonly shape: Shape }> = {
  name: "adaptiveAveragePool2dGradient",
  infer([dy], { shape }) {
    requireSameShape(
      "adaptiveAveragePool2dGradient",
      "images and channels of dy and x",
      dy!.shape.slice(0, 2),
      shape.slice(0, 2),
    );
    return { shape };
  },
  lower: {
    standard(writer, [dy], { inputs, attributes: { shape } }) {
      const { rows, columns } = adaptiveMatrices(shape, [inputs[0]!.shape[2]!, inputs[0]!.shape[3]!]);
      return writeSeparable(writer, dy!, turned(rows), turned(columns));
    },
  },
  reference([dy], { attributes: { shape } }) {
    const { rows, columns } = adaptiveMatrices(shape, [dy!.shape[2]!, dy!.shape[3]!]);
    return referenceSeparable(dy!.data, turned(rows), turned(columns));
  },
};
