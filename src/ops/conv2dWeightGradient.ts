import { blockedImages, blockedOutputWeights, blockedWeights, CANONICAL } from "../graph/layout.ts";
import { imageSizes, requireSameShape, type Shape, sizeOf } from "../graph/shape.ts";
import { apply, type LayoutPlan, type Op, type Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import {
  blockedWeightKind,
  type ConvolutionAttributes,
  convolutionMultiplyAdds,
  forEachTap,
  inferConvolution,
} from "./convolution.ts";

type WeightGradientAttributes = ConvolutionAttributes & {
  /** Shape [K, C, kh, kw] of the convolution's weight. */
  readonly shape: Shape;
};

/**
 * dweight[k, c, i, j] = sum over n, p, q of x[n, c, p * stride + i - padding, q * stride + j - padding] * dy[n, k, p, q]
 *
 * Standard: every kernel place (i, j) is a shifted copy of x; stacked as [taps * C, N * P * Q] ("im2col", channels before
 * the batch) they meet dy as [K, N * P * Q] in one matrix product over the whole batch.
 *
 * Blocked: exchange batch and channels, and the sum is a convolution again: x as C images of N channels, dy as the
 * kernel, the stride as dilation. The batch is cut in groups of less than a block of images, so that each group's input
 * stays canonical and dy's blocks need only be gathered per group; the groups' results are summed at the end. Images of
 * zeros fill a batch up where the provider would refuse its size.
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
      // Never more columns than rows: then the bits do not depend on the number of threads (see `writeGemm`).
      if (outputs > taps * channels) {
        const product = writer.reshape(writer.node("Gemm", [derivative, columns], { transB: 1 }), [
          outputs,
          taps,
          channels,
        ]);
        return writer.reshape(writer.transpose(product, [0, 2, 1]), attributes.shape);
      }
      const product = writer.reshape(writer.node("Gemm", [columns, derivative], { transB: 1 }), [
        taps,
        channels,
        outputs,
      ]);
      return writer.reshape(writer.transpose(product, [2, 1, 0]), attributes.shape);
    },
    blocked: { plan: planWeightGradient, emit: emitBlocked },
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

/** [taps * C, N, P, Q] of x [C, N, H, W]: for each kernel place the pixels that it meets, zeros where it meets none. */
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

/** Images of a group: the largest divisor of the batch that is at most 8 and less than a block, so that MLAS reads them canonical. */
function groupSize(batch: number, block: number): number {
  for (let size = Math.min(8, block - 1); size > 1; size--) if (batch % size === 0) return size;
  return 1;
}

/** Images that are missing to a batch which the provider takes as channels: fewer than a block, or whole blocks. */
function missingImages(batch: number, block: number): number {
  return batch < block ? 0 : (block - (batch % block)) % block;
}

/** Adds images of zeros at the end: in blocked and in canonical images alike, they follow the others in memory. */
function padBatch(writer: GraphWriter, images: string, missing: number): string {
  return missing === 0 ? images : writer.node("Pad", [images, writer.integers([0, 0, 0, 0, missing, 0, 0, 0])]);
}

function planWeightGradient(
  { attributes }: Value<WeightGradientAttributes>,
  _known: unknown,
  block: number,
): LayoutPlan | undefined {
  const images = blockedImages(block);
  switch (blockedWeightKind(attributes.shape, block)) {
    case "full":
      return { inputs: [images, images], output: blockedWeights(block) };
    case "output":
      return { inputs: [CANONICAL, images], output: blockedOutputWeights(block) };
    case undefined:
      return undefined;
  }
}

function emitBlocked(
  writer: GraphWriter,
  [x, dy]: readonly string[],
  { inputs, attributes }: Value<WeightGradientAttributes>,
  _plan: LayoutPlan,
  block: number,
): string {
  const { batch: givenBatch, channels, height, width } = imageSizes(inputs[0]!.shape);
  const { channels: outputs, height: outputHeight, width: outputWidth } = imageSizes(inputs[1]!.shape);
  const { stride, padding, shape } = attributes;
  const missing = missingImages(givenBatch, block);
  const batch = givenBatch + missing;
  const [kernelHeight, kernelWidth] = [shape[2]!, shape[3]!];
  const taps = kernelHeight * kernelWidth;
  // Padding at the end that makes exactly as many results as the kernel has places; negative: pixels that a stride never met.
  const endRows = kernelHeight - height - padding[0] + (outputHeight - 1) * stride;
  const endColumns = kernelWidth - width - padding[1] + (outputWidth - 1) * stride;

  // Columns are padded beforehand: inside the convolution the many narrow edges would cost half the speed.
  const isBlockedInput = channels % block === 0;
  let image = padBatch(writer, x!, missing);
  let paddedWidth = width;
  if (isBlockedInput) {
    if (padding[1] > 0 || endColumns > 0) {
      const before = padding[1];
      const after = Math.max(endColumns, 0);
      image = padColumnsBlocked(writer, image, channels, before, after);
      paddedWidth = width + before + after;
    }
    image = writer.blocked("ReorderOutput", [image], { channels });
  } else if (padding[1] > 0 || endColumns > 0) {
    const after = Math.max(endColumns, 0);
    image = writer.node("Pad", [image, writer.integers([0, 0, 0, padding[1], 0, 0, 0, after])]);
    paddedWidth = width + padding[1] + after;
  }
  let paddedHeight = height;
  if (endRows < 0 || endColumns < 0) {
    paddedHeight += Math.min(endRows, 0);
    paddedWidth += Math.min(endColumns, 0);
    image = writer.node("Slice", [
      image,
      writer.integers([0, 0]),
      writer.integers([paddedHeight, paddedWidth]),
      writer.integers([2, 3]),
    ]);
  }
  const exchanged = channels === 1 ? image : exchangeBatch(writer, image, batch, channels, paddedHeight * paddedWidth);

  const size = groupSize(batch, block);
  const groups = batch / size;
  const positions = outputHeight * outputWidth;
  // Each group's kernel: [groups, size, K/b, positions * b] -> [groups, K/b, size, positions * b].
  const kernels = writer.transpose(
    writer.reshape(padBatch(writer, dy!, missing), [groups, size, outputs / block, positions * block]),
    [0, 2, 1, 3],
  );
  const perGroup = writer.blocked(
    "Conv",
    [
      writer.reshape(exchanged, [channels, batch, paddedHeight, paddedWidth]),
      writer.reshape(kernels, [groups * outputs, size, outputHeight, outputWidth]),
    ],
    {
      kernel_shape: [outputHeight, outputWidth],
      dilations: [stride, stride],
      pads: [padding[0], 0, Math.max(endRows, 0), 0],
      group: groups,
    },
  );
  // [C, groups, K/b, taps, b] -> [C, K/b, taps, b]
  const summed = writer.reduceSum(writer.reshape(perGroup, [channels, groups, (outputs / block) * taps * block]), [1]);
  const laidOut = isBlockedInput
    ? writer.transpose(writer.reshape(summed, [channels / block, block, outputs / block, taps, block]), [2, 0, 3, 1, 4])
    : writer.transpose(writer.reshape(summed, [channels, outputs / block, taps, block]), [1, 0, 2, 3]);
  return writer.reshape(laidOut, shape);
}

/** Blocked images with zero columns added: a 1x1 convolution of each channel with 1, whose padding does the work. */
function padColumnsBlocked(writer: GraphWriter, x: string, channels: number, before: number, after: number): string {
  const ones = writer.floats(new Float32Array(channels).fill(1), [channels, 1, 1, 1]);
  return writer.blocked("Conv", [x, ones], { kernel_shape: [1, 1], pads: [0, before, 0, after], group: channels });
}

/** [N, C, positions] -> [C, N, positions] */
function exchangeBatch(writer: GraphWriter, x: string, batch: number, channels: number, positions: number): string {
  return writer.transpose(writer.reshape(x, [batch, channels, positions]), [1, 0, 2]);
}
