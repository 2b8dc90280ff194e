import { type Attributes, type Kernel, type Kernels, required } from "./kernel.ts";
import { elements, fourSizes, type Tensor, tensor } from "./tensor.ts";

/** How a window moves over an image; pairs are rows and columns, pads are top, left, bottom, right. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

export function windowOf(attributes: Attributes, kernel?: readonly number[]): Window {
  if (attributes.text("auto_pad", "NOTSET") !== "NOTSET") throw new Error("auto_pad is not interpreted");
  return {
    kernel: attributes.integers("kernel_shape", kernel),
    strides: attributes.integers("strides", [1, 1]),
    dilations: attributes.integers("dilations", [1, 1]),
    pads: attributes.integers("pads", [0, 0, 0, 0]),
  };
}

/** How many places a window has along an axis (0 rows, 1 columns) of `size`. */
function places(size: number, axis: 0 | 1, { kernel, strides, dilations, pads }: Window): number {
  const span = dilations[axis]! * (kernel[axis]! - 1) + 1;
  return Math.floor((size + pads[axis]! + pads[axis + 2]! - span) / strides[axis]!) + 1;
}

/** An ordinary convolution of canonical tensors: x [N, C, H, W], weight [K, C / group, kh, kw] -> [N, K, P, Q]. */
export function convolve(x: Tensor, weight: Tensor, window: Window, group: number): Tensor {
  const [batch, channels, height, width] = fourSizes(x);
  const [outputs, perGroup, kernelHeight, kernelWidth] = fourSizes(weight);
  if (perGroup * group !== channels || outputs % group !== 0) {
    throw new Error(`convolution of [${x.shape}] and [${weight.shape}] in ${group} groups`);
  }
  if (kernelHeight !== window.kernel[0] || kernelWidth !== window.kernel[1])
    throw new Error("kernel_shape is not the weight's");
  const [rows, columns] = [places(height, 0, window), places(width, 1, window)];
  const y = tensor([batch, outputs, rows, columns], new Float64Array(batch * outputs * rows * columns));
  for (let n = 0; n < batch; n++)
    for (let k = 0; k < outputs; k++) {
      const firstChannel = Math.floor(k / (outputs / group)) * perGroup;
      const plane = (n * outputs + k) * rows * columns;
      for (let c = 0; c < perGroup; c++)
        for (let i = 0; i < kernelHeight; i++)
          for (let j = 0; j < kernelWidth; j++) {
            const factor = weight.data[((k * perGroup + c) * kernelHeight + i) * kernelWidth + j]!;
            for (let p = 0; p < rows; p++) {
              const row = p * window.strides[0]! + i * window.dilations[0]! - window.pads[0]!;
              if (row < 0 || row >= height) continue;
              const line = ((n * channels + firstChannel + c) * height + row) * width;
              for (let q = 0; q < columns; q++) {
                const column = q * window.strides[1]! + j * window.dilations[1]! - window.pads[1]!;
                if (column < 0 || column >= width) continue;
                const at = plane + p * columns + q;
                y.data[at] = y.data[at]! + factor * x.data[line + column]!;
              }
            }
          }
    }
  return y;
}

/** The largest pixel of each window, of those inside the image. */
export function maxPool(x: Tensor, window: Window): Tensor {
  const [batch, channels, height, width] = fourSizes(x);
  const [rows, columns] = [places(height, 0, window), places(width, 1, window)];
  const planes = batch * channels;
  const y = tensor([batch, channels, rows, columns], new Float64Array(planes * rows * columns));
  y.data.forEach((_, at) => {
    const [plane, p, q] = [Math.floor(at / (rows * columns)), Math.floor(at / columns) % rows, at % columns];
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < window.kernel[0]!; i++)
      for (let j = 0; j < window.kernel[1]!; j++) {
        const row = p * window.strides[0]! + i * window.dilations[0]! - window.pads[0]!;
        const column = q * window.strides[1]! + j * window.dilations[1]! - window.pads[1]!;
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        largest = Math.max(largest, x.data[(plane * height + row) * width + column]!);
      }
    y.data[at] = largest;
  });
  return y;
}

/** The mean of each plane: [N, C, H, W] -> [N, C, 1, 1]. */
export function averagePlanes(x: Tensor): Tensor {
  const [batch, channels, height, width] = fourSizes(x);
  const size = height * width;
  return tensor(
    [batch, channels, 1, 1],
    Float64Array.from({ length: batch * channels }, (_, plane) => {
      return x.data.subarray(plane * size, (plane + 1) * size).reduce((sum, pixel) => sum + pixel, 0) / size;
    }),
  );
}

const conv: Kernel = (context) => {
  const [x, weight, bias] = [required(context, 0), required(context, 1), context.inputs[2]];
  const window = windowOf(context.attributes, weight.shape.slice(2));
  const y = convolve(x, weight, window, context.attributes.integer("group", 1));
  if (!bias) return y;
  const [, outputs, rows, columns] = fourSizes(y);
  return tensor(
    y.shape,
    y.data.map((element, i) => element + bias.data[Math.floor(i / (rows * columns)) % outputs]!),
  );
};

/** The mean of each window; the padding's zeros count as pixels if `count_include_pad` says so. */
const averagePool: Kernel = (context) => {
  const x = required(context, 0);
  const window = windowOf(context.attributes);
  const countsPadding = context.attributes.integer("count_include_pad", 0) === 1;
  const [batch, channels, height, width] = fourSizes(x);
  const [rows, columns] = [places(height, 0, window), places(width, 1, window)];
  const shape = [batch, channels, rows, columns];
  return tensor(
    shape,
    Float64Array.from({ length: elements(shape) }, (_, at) => {
      const [plane, p, q] = [Math.floor(at / (rows * columns)), Math.floor(at / columns) % rows, at % columns];
      let [sum, count] = [0, 0];
      for (let i = 0; i < window.kernel[0]!; i++)
        for (let j = 0; j < window.kernel[1]!; j++) {
          const row = p * window.strides[0]! + i - window.pads[0]!;
          const column = q * window.strides[1]! + j - window.pads[1]!;
          const isInside = row >= 0 && row < height && column >= 0 && column < width;
          if (isInside) sum += x.data[(plane * height + row) * width + column]!;
          if (isInside || countsPadding) count++;
        }
      return sum / count;
    }),
  );
};

/** Every pixel of x puts its multiple of the kernel into y. x [N, C, H, W], weight [C, K / groups, kh, kw]. */
const convTranspose: Kernel = (context) => {
  const [x, weight] = [required(context, 0), required(context, 1)];
  const { kernel, strides, dilations, pads } = windowOf(context.attributes, weight.shape.slice(2));
  const extra = context.attributes.integers("output_padding", [0, 0]);
  const group = context.attributes.integer("group", 1);
  const [batch, channels, height, width] = fourSizes(x);
  const perGroup = weight.shape[1]!;
  const outputs = perGroup * group;
  const [rows, columns] = [height, width].map((size, axis) => {
    const span = dilations[axis]! * (kernel[axis]! - 1) + 1;
    return strides[axis]! * (size - 1) + span + extra[axis]! - pads[axis]! - pads[axis + 2]!;
  }) as [number, number];
  const shape = [batch, outputs, rows, columns];
  const y = tensor(shape, new Float64Array(elements(shape)));
  x.data.forEach((pixel, at) => {
    const [n, c] = [Math.floor(at / (channels * height * width)), Math.floor(at / (height * width)) % channels];
    const [h, w] = [Math.floor(at / width) % height, at % width];
    const first = Math.floor(c / (channels / group)) * perGroup;
    for (let k = 0; k < perGroup; k++)
      for (let i = 0; i < kernel[0]!; i++)
        for (let j = 0; j < kernel[1]!; j++) {
          const p = h * strides[0]! + i * dilations[0]! - pads[0]!;
          const q = w * strides[1]! + j * dilations[1]! - pads[1]!;
          if (p < 0 || p >= rows || q < 0 || q >= columns) continue;
          const to = ((n * outputs + first + k) * rows + p) * columns + q;
          y.data[to] = y.data[to]! + pixel * weight.data[((c * perGroup + k) * kernel[0]! + i) * kernel[1]! + j]!;
        }
  });
  return y;
};

export const WINDOWS: Kernels = {
  Conv: conv,
  ConvTranspose: convTranspose,
  AveragePool: averagePool,
  MaxPool: (context) => maxPool(required(context, 0), windowOf(context.attributes)),
  GlobalAveragePool: (context) => averagePlanes(required(context, 0)),
};
