import { imageSizes, requireSameShape, type Shape, sizeOf } from "../../graph/shape.ts";
import { apply, type Op, type Value } from "../../graph/value.ts";
import type { GraphWriter } from "../../onnx/graph-writer.ts";
import { writeRowsGemm } from "../matmul.ts";
import { planBlockedWeightGradient, writeBlockedWeightGradient } from "./blocked-weight-gradient.ts";
import {
  type ConvolutionAttributes,
  convolutionMultiplyAdds,
  exchangeBatch,
  forEachTap,
  inferConvolution,
} from "./shared.ts";

type WeightGradientAttributes = ConvolutionAttributes & {
  /** Shape [K, C, kh, kw] of the convolution's weight. */
  readonly shape: Shape;
};

/**
 * dweight[k, c, i, j] = sum over n, p, q of x[n, c, p * stride + i - padding, q * stride + j - padding] * dy[n, k, p,
 * q]
 *
 * Standard: every kernel position (i, j) reads a shifted copy of x; stacked as [taps * C, N * P * Q] ("im2col",
 * channels before the batch) they are multiplied with dy as [K, N * P * Q] in one matrix product over the whole batch.
 *
 * Blocked: a convolution again (`writeBlockedWeightGradient`).
 *
 * GPU: one product over the whole batch would have as many workgroups as the small result has tiles, one or a few, each
 * with 100,000 terms to sum. So there is one product per group of images, [K, terms] x [terms, taps * C], and the
 * groups' results are added. The terms come from a single Gather in channels-last order instead of a Slice per kernel
 * position: on a GPU every node costs a launch. Shorter sums are also more accurate.
 */
export const conv2dWeightGradientOp: Op<WeightGradientAttributes> = {
  name: "conv2dWeightGradient",
  infer([x, dy], attributes) {
    const y = inferConvolution("conv2dWeightGradient", x!.shape, attributes.shape, attributes);
    requireSameShape("conv2dWeightGradient", "dy and the convolution's result", dy!.shape, y);
    return { shape: attributes.shape };
  },
  lower: {
    standard(writer, [x, dy], { inputs, attributes }) {
      const { batch, channels, height, width } = imageSizes(inputs[0]!.shape);
      const { channels: outputs, height: outputHeight, width: outputWidth } = imageSizes(inputs[1]!.shape);
      const taps = attributes.shape[2]! * attributes.shape[3]!;
      const terms = batch * outputHeight * outputWidth;
      const images = writer.reshape(exchangeBatch(writer, x!, batch, channels, height * width), [
        channels,
        batch,
        height,
        width,
      ]);
      const columns = writer.reshape(stackTaps(writer, images, inputs[0]!.shape, inputs[1]!.shape, attributes), [
        taps * channels,
        terms,
      ]);
      const derivative = writer.reshape(exchangeBatch(writer, dy!, batch, outputs, outputHeight * outputWidth), [
        outputs,
        terms,
      ]);
      // Never more columns than rows, so that the result does not depend on the number of threads (see `writeGemm`).
      const isWide = outputs > taps * channels;
      const sizes = {
        rows: Math.max(outputs, taps * channels),
        columns: Math.min(outputs, taps * channels),
        terms,
        transposeA: false,
        transposeB: true,
      };
      const product = writeRowsGemm(
        writer,
        isWide ? { a: derivative, b: columns } : { a: columns, b: derivative },
        sizes,
      );
      return isWide
        ? writer.reshape(
            writer.transpose(writer.reshape(product, [outputs, taps, channels]), [0, 2, 1]),
            attributes.shape,
          )
        : writer.reshape(
            writer.transpose(writer.reshape(product, [taps, channels, outputs]), [2, 1, 0]),
            attributes.shape,
          );
    },
    gpu(writer, [x, dy], { inputs, attributes }) {
      const { batch, channels } = imageSizes(inputs[0]!.shape);
      const { channels: outputs, height, width } = imageSizes(inputs[1]!.shape);
      const taps = attributes.shape[2]! * attributes.shape[3]!;
      const groups = groupsForGpu(batch, outputs, taps * channels);
      const terms = (batch / groups) * height * width;
      const columns = writer.reshape(gatherTaps(writer, x!, inputs[0]!.shape, inputs[1]!.shape, attributes), [
        groups,
        terms,
        taps * channels,
      ]);
      const grouped = writer.reshape(dy!, [groups, batch / groups, outputs, height * width]);
      const derivative = writer.reshape(groups === batch ? dy! : writer.transpose(grouped, [0, 2, 1, 3]), [
        groups,
        outputs,
        terms,
      ]);
      const products = writer.node("MatMul", [derivative, columns]);
      const sum = groups === 1 ? products : sumOfGroups(writer, products, groups, outputs * taps * channels);
      const sums = writer.reshape(sum, [outputs, taps, channels]);
      return writer.reshape(channels === 1 ? sums : writer.transpose(sums, [0, 2, 1]), attributes.shape);
    },
    blocked: {
      plan: ({ attributes }, _known, block) => planBlockedWeightGradient(attributes.shape, block),
      emit: (writer, [x, dy], { inputs, attributes }, _plan, block) =>
        writeBlockedWeightGradient(writer, [x!, dy!], {
          x: inputs[0]!.shape,
          dy: inputs[1]!.shape,
          shape: attributes.shape,
          attributes,
          block,
        }),
    },
  },
  multiplyAdds: ({ inputs: [, dy], shape }) => convolutionMultiplyAdds(dy!.shape, shape),
  reference([x, dy], { shape, attributes }) {
    const dweight = new Float64Array(sizeOf(shape));
    forEachTap(x!.shape, shape, dy!.shape, attributes, (xAt, weightAt, yAt) => {
      dweight[weightAt] = dweight[weightAt]! + x!.data[xAt]! * dy!.data[yAt]!;
    });
    return dweight;
  },
};

/** @param x [N, C, H, W] @param dy [N, K, P, Q] @returns [K, C, kh, kw], `attributes.shape` */
export function conv2dWeightGradient(x: Value, dy: Value, attributes: WeightGradientAttributes): Value {
  return apply(conv2dWeightGradientOp, [x, dy], attributes);
}

/** [taps * C, N, P, Q] of x [C, N, H, W]: for each kernel position the pixels that it reads, zeros for padding. */
function stackTaps(
  writer: GraphWriter,
  x: string,
  xShape: Shape,
  yShape: Shape,
  { stride, padding, shape }: WeightGradientAttributes,
): string {
  const { height: outputHeight, width: outputWidth } = imageSizes(yShape);
  const [rows, columns] = padding;
  const padded =
    rows + columns === 0 ? x : writer.node("Pad", [x, writer.integers([0, 0, rows, columns, 0, 0, rows, columns])]);
  const [kernelHeight, kernelWidth] = [shape[2]!, shape[3]!];
  const taps: string[] = [];
  for (let i = 0; i < kernelHeight; i++)
    for (let j = 0; j < kernelWidth; j++) {
      const ends = [i + (outputHeight - 1) * stride + 1, j + (outputWidth - 1) * stride + 1];
      const isWhole =
        i + j === 0 && stride === 1 && ends[0] === xShape[2]! + 2 * rows && ends[1] === xShape[3]! + 2 * columns;
      taps.push(
        isWhole
          ? padded
          : writer.node("Slice", [
              padded,
              writer.integers([i, j]),
              writer.integers(ends),
              writer.integers([2, 3]),
              writer.integers([stride, stride]),
            ]),
      );
    }
  return taps.length === 1 ? taps[0]! : writer.node("Concat", taps, { axis: 0 });
}

/** Width and height of the tile of a product that one workgroup of the WebGPU provider computes. */
const TILE = 32;
/** Workgroups that keep a large GPU busy: a few for each of its 100 or so processors. */
const MIN_WORKGROUPS = 512;

/** Groups of images to sum apart, a divisor of the batch: as few as give the GPU enough tiles, or all images. */
function groupsForGpu(batch: number, rows: number, columns: number): number {
  const tiles = Math.ceil(rows / TILE) * Math.ceil(columns / TILE);
  let groups = 1;
  while (groups < batch && (batch % groups > 0 || groups * tiles < MIN_WORKGROUPS)) groups++;
  return groups;
}

/** [1, size], the sum of [groups, size]: as a product with ones, because the provider's ReduceSum reads row by row. */
function sumOfGroups(writer: GraphWriter, products: string, groups: number, size: number): string {
  const ones = writer.floats(new Float32Array(groups).fill(1), [1, groups]);
  return writer.node("MatMul", [ones, writer.reshape(products, [groups, size])]);
}

/** [N, P * Q * taps, C] of x [N, C, H, W]: for each pixel of the result the pixels that the kernel reads there. */
function gatherTaps(
  writer: GraphWriter,
  x: string,
  xShape: Shape,
  yShape: Shape,
  { stride, padding: [rows, columns], shape }: WeightGradientAttributes,
): string {
  const { batch, channels, height, width } = imageSizes(xShape);
  const pixels = channels === 1 ? writer.reshape(x, [batch, height, width, 1]) : writer.transpose(x, [0, 2, 3, 1]);
  const padded =
    rows + columns === 0
      ? pixels
      : writer.node("Pad", [pixels, writer.integers([0, rows, columns, 0, 0, rows, columns, 0])]);
  const paddedWidth = width + 2 * columns;
  const read: number[] = [];
  for (let p = 0; p < yShape[2]!; p++)
    for (let q = 0; q < yShape[3]!; q++)
      for (let i = 0; i < shape[2]!; i++)
        for (let j = 0; j < shape[3]!; j++) read.push((p * stride + i) * paddedWidth + q * stride + j);
  const places = (height + 2 * rows) * paddedWidth;
  const everyPixel = read.length === places && read.every((place, i) => place === i);
  return everyPixel
    ? padded
    : writer.node("Gather", [writer.reshape(padded, [batch, places, channels]), writer.integers(read)], { axis: 1 });
}
