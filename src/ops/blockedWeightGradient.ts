import { blockedImages, blockedOutputWeights, blockedWeights, CANONICAL } from "../graph/layout.ts";
import { imageSizes, type Shape } from "../graph/shape.ts";
import type { LayoutPlan } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import { blockedWeightKind, type ConvolutionAttributes, exchangeBatch } from "./convolution.ts";

/** Up to so many pixels of an image, weights outweigh images: then no sum over groups of images pays (measured: 9 gains, 16 loses). */
const FEW_PIXELS = 9;

/** A convolution whose weight gradient is wanted. */
export interface BlockedWeightGradient {
  /** [N, C, H, W] */
  readonly x: Shape;
  /** [N, K, P, Q] */
  readonly dy: Shape;
  /** Of the weight: [K, C, kh, kw]. */
  readonly shape: Shape;
  readonly attributes: ConvolutionAttributes;
  readonly block: number;
}

export function planBlockedWeightGradient(weight: Shape, block: number): LayoutPlan | undefined {
  const images = blockedImages(block);
  switch (blockedWeightKind(weight, block)) {
    case "full":
      return { inputs: [images, images], output: blockedWeights(block) };
    case "output":
      return { inputs: [CANONICAL, images], output: blockedOutputWeights(block) };
    case undefined:
      return undefined;
  }
}

/**
 * Writes the weight gradient: with batch and channels exchanged it is a convolution of x, as C images of N channels, with
 * dy as the kernel and the stride as dilation.
 *
 * Usually the batch is cut in groups of less than a block of images, so that each group's input stays canonical and dy's
 * blocks need only be gathered per group; the groups' results are summed at the end. Images of very few pixels are
 * exchanged in blocks of images instead: that moves single numbers, but there are few, and the sum over groups, each as
 * large as the weights, is saved.
 *
 * @returns the weight's gradient in the layout of the plan
 */
export function writeBlockedWeightGradient(
  writer: GraphWriter,
  [x, dy]: readonly [string, string],
  gradient: BlockedWeightGradient,
): string {
  const { batch, channels, height, width } = imageSizes(gradient.x);
  const { block } = gradient;
  const isWhole = height * width <= FEW_PIXELS && batch % block === 0 && channels % block === 0;
  return isWhole ? writeWhole(writer, [x, dy], gradient) : writeGrouped(writer, [x, dy], gradient);
}

/**
 * Rows and columns of zeros to add at the end of x, so that the convolution gives exactly as many results as the kernel has
 * places; negative: pixels that a stride never met, to cut off.
 */
function ends({ x, dy, shape, attributes: { stride, padding } }: BlockedWeightGradient): readonly [number, number] {
  const end = (axis: 0 | 1) => shape[2 + axis]! - x[2 + axis]! - padding[axis] + (dy[2 + axis]! - 1) * stride;
  return [end(0), end(1)];
}

function writeWhole(writer: GraphWriter, [x, dy]: readonly [string, string], gradient: BlockedWeightGradient): string {
  const { batch, channels, height, width } = imageSizes(gradient.x);
  const { channels: outputs, height: outputHeight, width: outputWidth } = imageSizes(gradient.dy);
  const { shape, block } = gradient;
  const { stride, padding } = gradient.attributes;
  const [planes, groups, pixels] = [channels / block, batch / block, height * width];
  // As a matrix turned in one go: [N, C/b, pixels, b of C] -> [C/b, pixels, b of C, N] -> [C, N/b, pixels, b of N].
  const turned = writer.transpose(writer.reshape(x, [batch, channels * pixels]), [1, 0]);
  const exchanged = writer.transpose(writer.reshape(turned, [planes, pixels, block, groups, block]), [0, 2, 3, 1, 4]);
  const [endRows, endColumns] = ends(gradient);
  const [rows, columns] = [height + Math.min(endRows, 0), width + Math.min(endColumns, 0)];
  const met =
    rows === height && columns === width
      ? exchanged
      : writer.node("Slice", [
          writer.reshape(exchanged, [channels * groups, height, width, block]),
          writer.integers([0, 0]),
          writer.integers([rows, columns]),
          writer.integers([1, 2]),
        ]);
  // [N/b, b of N, K/b, places, b of K] -> [K/b, N/b, places, b of N, b of K]
  const kernels = writer.transpose(
    writer.reshape(dy, [groups, block, outputs / block, outputHeight * outputWidth, block]),
    [2, 0, 3, 1, 4],
  );
  const result = writer.blocked(
    "Conv",
    [
      writer.reshape(met, [channels, batch, rows, columns]),
      writer.reshape(kernels, [outputs, batch, outputHeight, outputWidth]),
    ],
    {
      kernel_shape: [outputHeight, outputWidth],
      dilations: [stride, stride],
      pads: [...padding, Math.max(endRows, 0), Math.max(endColumns, 0)],
    },
  );
  return toWeights(writer, result, shape, block);
}

function writeGrouped(
  writer: GraphWriter,
  [x, dy]: readonly [string, string],
  gradient: BlockedWeightGradient,
): string {
  const { batch: givenBatch, channels } = imageSizes(gradient.x);
  const { channels: outputs, height: outputHeight, width: outputWidth } = imageSizes(gradient.dy);
  const { shape, block } = gradient;
  const { stride, padding } = gradient.attributes;
  const missing = missingImages(givenBatch, block);
  const batch = givenBatch + missing;
  const taps = shape[2]! * shape[3]!;
  const [endRows] = ends(gradient);
  const image = widened(writer, padBatch(writer, x, missing), gradient);
  const exchanged =
    channels === 1 ? image.name : exchangeBatch(writer, image.name, batch, channels, image.height * image.width);

  const size = groupSize(batch, block);
  const groups = batch / size;
  const positions = outputHeight * outputWidth;
  // Each group's kernel: [groups, size, K/b, positions * b] -> [groups, K/b, size, positions * b].
  const kernels = writer.transpose(
    writer.reshape(padBatch(writer, dy, missing), [groups, size, outputs / block, positions * block]),
    [0, 2, 1, 3],
  );
  const perGroup = writer.blocked(
    "Conv",
    [
      writer.reshape(exchanged, [channels, batch, image.height, image.width]),
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
  if (isBlockedInput(gradient)) return toWeights(writer, summed, shape, block);
  const laidOut = writer.transpose(writer.reshape(summed, [channels, outputs / block, taps, block]), [1, 0, 2, 3]);
  return writer.reshape(laidOut, shape);
}

/** Whether x comes in blocks; else it is canonical. */
function isBlockedInput({ shape, block }: BlockedWeightGradient): boolean {
  return shape[1]! % block === 0;
}

/**
 * x as canonical images, its columns padded and the pixels that a stride never met cut off. Columns are padded beforehand:
 * inside the convolution the many narrow edges would cost half the speed.
 */
function widened(
  writer: GraphWriter,
  x: string,
  gradient: BlockedWeightGradient,
): { readonly name: string; readonly height: number; readonly width: number } {
  const { channels, height, width } = imageSizes(gradient.x);
  const [endRows, endColumns] = ends(gradient);
  const [before, after] = [gradient.attributes.padding[1], Math.max(endColumns, 0)];
  const isPadded = before > 0 || after > 0;
  let name = x;
  if (isBlockedInput(gradient)) {
    if (isPadded) name = padColumnsBlocked(writer, name, channels, before, after);
    name = writer.blocked("ReorderOutput", [name], { channels });
  } else if (isPadded) {
    name = writer.node("Pad", [name, writer.integers([0, 0, 0, before, 0, 0, 0, after])]);
  }
  const met = { height: height + Math.min(endRows, 0), width: width + before + after + Math.min(endColumns, 0) };
  if (endRows < 0 || endColumns < 0) {
    const [starts, stops] = [writer.integers([0, 0]), writer.integers([met.height, met.width])];
    name = writer.node("Slice", [name, starts, stops, writer.integers([2, 3])]);
  }
  return { name, ...met };
}

/** [C, K/b, taps, b of K] -> weights [K/b, C/b, taps, b of C, b of K] */
function toWeights(writer: GraphWriter, gradient: string, shape: Shape, block: number): string {
  const [outputs, channels, taps] = [shape[0]!, shape[1]!, shape[2]! * shape[3]!];
  const split = writer.reshape(gradient, [channels / block, block, outputs / block, taps, block]);
  return writer.reshape(writer.transpose(split, [2, 0, 3, 1, 4]), shape);
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

/** Blocked images with zero columns added: a 1x1 convolution of each channel with 1, whose padding does the work. */
function padColumnsBlocked(writer: GraphWriter, x: string, channels: number, before: number, after: number): string {
  const ones = writer.floats(new Float32Array(channels).fill(1), [channels, 1, 1, 1]);
  return writer.blocked("Conv", [x, ones], { kernel_shape: [1, 1], pads: [0, before, 0, after], group: channels });
}
