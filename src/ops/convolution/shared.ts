import { formatShape, IMAGE_AXES, imageSizes, requireAxes, type Shape, ShapeError, sizeOf } from "../../graph/shape.ts";
import type { GraphWriter } from "../../onnx/graph-writer.ts";

/**
 * Attributes of the three convolution operations. Symbols: N batch, C input and K output channels, H x W and P x Q
 * sizes.
 */
export type ConvolutionAttributes = {
  /** Step of the kernel in both directions: 1 or 2. */
  readonly stride: number;
  /** Rows of zeros above and below, columns left and right. */
  readonly padding: readonly [number, number];
};

export const WEIGHT_AXES = ["output channels", "input channels", "kernel height", "kernel width"] as const;

/** Output rows (or columns) for an input of `size`; PyTorch's formula. */
export function convolvedSize(size: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

/** Shape [N, K, P, Q] of a convolution's result. @throws ShapeError naming the rule that is broken */
export function inferConvolution(
  op: string,
  x: Shape,
  weight: Shape,
  { stride, padding }: ConvolutionAttributes,
): Shape {
  requireAxes(op, "x", x, IMAGE_AXES);
  requireAxes(op, "weight", weight, WEIGHT_AXES);
  const { batch, channels, height, width } = imageSizes(x);
  const [outputs, inputs, kernelHeight, kernelWidth] = [weight[0]!, weight[1]!, weight[2]!, weight[3]!];
  if (inputs !== channels) {
    throw new ShapeError(
      op,
      `weight ${formatShape(weight)} takes ${inputs} input channels, x ${formatShape(x)} has ${channels}; they must be equal`,
    );
  }
  if (stride !== 1 && stride !== 2) throw new ShapeError(op, `stride must be 1 or 2, got ${stride}`);
  if (!padding.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new ShapeError(op, `padding must be whole and at least 0, got ${padding.join(", ")}`);
  }
  return [batch, outputs, ...convolvedImage(op, [height, width], [kernelHeight, kernelWidth], { stride, padding })];
}

/** Height and width of a convolution's result. @throws ShapeError when the kernel is larger than the padded image */
export function convolvedImage(
  op: string,
  [height, width]: readonly [number, number],
  [kernelHeight, kernelWidth]: readonly [number, number],
  { stride, padding }: ConvolutionAttributes,
): [number, number] {
  const outputHeight = convolvedSize(height, kernelHeight, stride, padding[0]);
  const outputWidth = convolvedSize(width, kernelWidth, stride, padding[1]);
  if (outputHeight < 1 || outputWidth < 1) {
    throw new ShapeError(
      op,
      `kernel ${kernelHeight}x${kernelWidth} is larger than the padded image ${height + 2 * padding[0]}x${width + 2 * padding[1]}`,
    );
  }
  return [outputHeight, outputWidth];
}

/**
 * Visits every product of a convolution once: calls `visit` with its positions in x [N, C, H, W], weight [K, C, kh, kw]
 * and y [N, K, P, Q]; y[y] sums x[x] * weight[w]. The references of all three operations use this loop.
 */
export function forEachTap(
  xShape: Shape,
  weightShape: Shape,
  yShape: Shape,
  { stride, padding }: ConvolutionAttributes,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const { batch, channels, height, width } = imageSizes(xShape);
  const { channels: outputs, height: outputHeight, width: outputWidth } = imageSizes(yShape);
  const [kernelHeight, kernelWidth] = [weightShape[2]!, weightShape[3]!];
  for (let n = 0; n < batch; n++)
    for (let k = 0; k < outputs; k++)
      for (let p = 0; p < outputHeight; p++)
        for (let q = 0; q < outputWidth; q++) {
          const y = ((n * outputs + k) * outputHeight + p) * outputWidth + q;
          for (let c = 0; c < channels; c++)
            for (let i = 0; i < kernelHeight; i++) {
              const row = p * stride + i - padding[0];
              if (row < 0 || row >= height) continue;
              for (let j = 0; j < kernelWidth; j++) {
                const column = q * stride + j - padding[1];
                if (column < 0 || column >= width) continue;
                const x = ((n * channels + c) * height + row) * width + column;
                visit(x, ((k * channels + c) * kernelHeight + i) * kernelWidth + j, y);
              }
            }
        }
}

/**
 * Multiply-adds of a convolution with result y [N, K, P, Q] and weight [K, C, kh, kw], including products with the
 * padding's zeros, as is usual. Both derivatives sum over the same products and have the same number.
 */
export function convolutionMultiplyAdds(y: Shape, weight: Shape): number {
  return sizeOf(y) * sizeOf(weight.slice(1));
}

/** The attribute `pads` of ONNX: padding at the start of each axis, then at the end. */
export function onnxPads([rows, columns]: readonly [number, number]): number[] {
  return [rows, columns, rows, columns];
}

/**
 * Which blocked layout a convolution's weights [K, C, kh, kw] use: none unless K is a multiple of the block; with fewer
 * input channels than a block the input stays canonical ("output").
 */
export function blockedWeightKind(weight: Shape, block: number): "full" | "output" | undefined {
  const [outputs, inputs] = [weight[0]!, weight[1]!];
  if (outputs % block !== 0) return undefined;
  if (inputs % block === 0) return "full";
  return inputs < block ? "output" : undefined;
}

/** [N, C, positions] -> [C, N, positions] */
export function exchangeBatch(
  writer: GraphWriter,
  x: string,
  batch: number,
  channels: number,
  positions: number,
): string {
  return writer.transpose(writer.reshape(x, [batch, channels, positions]), [1, 0, 2]);
}
