import { blockedImages, blockedOutputWeights, blockedWeights, CANONICAL } from "../../graph/layout.ts";
import { imageSizes, type Shape, sizeOf } from "../../graph/shape.ts";
import type { LayoutPlan } from "../../graph/value.ts";
import type { GraphWriter } from "../../onnx/graph-writer.ts";
import { blockedWeightKind, type ConvolutionAttributes } from "./shared.ts";

/** Maximum number of images per group, when images are grouped at all: fewer than any block. */
const MAX_GROUP_IMAGES = 8;
/**
 * Weights per element of dy's image above which grouping images pays (measured: 1.5 is a tie, 3 gains some percent).
 */
const SUMS_FOR_GATHERING = 2;
/** Sums per element of x and dy above which transposing those element by element pays (measured: 9 loses, 24 gains). */
const SUMS_FOR_EXCHANGING = 16;

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
 * Writes the weight gradient: with batch and channels exchanged it is a convolution of x with dy as the kernel and the
 * stride as dilation, whose result has as many places as the weight's kernel:
 *
 *     dweight[k, c, i, j] = sum over n, p, q of x[n, c, p * stride + i, q * stride + j] * dy[n, k, p, q]      (x padded)
 *
 * Results this narrow (3 columns, say) would leave the provider's kernel, which computes 6 columns at a time, half
 * empty. But blocked images store the channels of a pixel contiguously: read as an image of W * b columns with one
 * channel (per image of the batch and block of channels), dilated by b, the result has kw * b columns, column j * b + c
 * for channel c.
 *
 * The sum over the batch goes over groups of images, a grouped convolution whose results are summed at the end; or,
 * where those would be much larger than the images themselves, over the whole batch as the convolution's channels.
 *
 * @returns the weight's gradient in the layout of the plan
 */
export function writeBlockedWeightGradient(
  writer: GraphWriter,
  [x, dy]: readonly [string, string],
  gradient: BlockedWeightGradient,
): string {
  const { shape, block } = gradient;
  const [outputs, inputs, taps] = [shape[0]!, shape[1]!, shape[2]! * shape[3]!];
  const missing = missingImages(gradient.x[0]!, block);
  const rows = pixelRows(writer, padBatch(writer, x, missing), gradient, gradient.x[0]! + missing);
  const kernels = padBatch(writer, dy, missing);
  const result = sumsOverWholeBatch(gradient)
    ? writeWhole(writer, rows, kernels, gradient)
    : writeGrouped(writer, rows, kernels, gradient);
  // Fewer input channels than a block: [K/b, taps, C, b] -> [K/b, C, taps, b]
  if (inputs % block !== 0) {
    const taken = writer.reshape(result, [outputs / block, taps, inputs, block]);
    return writer.reshape(inputs === 1 ? taken : writer.transpose(taken, [0, 2, 1, 3]), shape);
  }
  // [C/b, K/b, taps, b of C, b of K] -> [K/b, C/b, taps, b of C, b of K]
  const planes = writer.reshape(result, [inputs / block, outputs / block, taps * block * block]);
  return writer.reshape(writer.transpose(planes, [1, 0, 2]), shape);
}

/** Whether the groups' results, each as large as the weights, would outweigh the images. */
function sumsOverWholeBatch({ x, dy, shape, block }: BlockedWeightGradient): boolean {
  const { batch, channels, height, width } = imageSizes(x);
  if (batch % block !== 0 || channels % block !== 0) return false;
  const sumsAnImage = sizeOf(shape) / MAX_GROUP_IMAGES;
  return sumsAnImage > SUMS_FOR_EXCHANGING * (channels * height * width + sizeOfImage(dy));
}

/** Transposes element by element, so that a pixel holds a block of images: [..., b of N] next to [..., b of C]. */
function writeWhole(writer: GraphWriter, rows: PixelRows, dy: string, gradient: BlockedWeightGradient): string {
  const { block } = gradient;
  const { batch, channels: outputs, height, width } = imageSizes(gradient.dy);
  const [blocks, pixels] = [batch / block, rows.height * rows.width * rows.channels];
  // As one matrix transposition: [N, C/b, pixels, b of C] -> [C/b, pixels, b of C, N] -> [C/b, N/b, pixels, b of C, b
  // of N].
  const turned = writer.transpose(writer.reshape(rows.name, [batch, rows.planes * pixels]), [1, 0]);
  const exchanged = writer.transpose(writer.reshape(turned, [rows.planes, pixels, blocks, block]), [0, 2, 1, 3]);
  // [N/b, b of N, K/b, places, b of K] -> [K/b, N/b, places, b of N, b of K]
  const kernels = writer.transpose(
    writer.reshape(dy, [blocks, block, outputs / block, height * width, block]),
    [2, 0, 3, 1, 4],
  );
  return convolve(writer, exchanged, writer.reshape(kernels, [outputs, batch, height, width]), { rows, gradient });
}

function writeGrouped(writer: GraphWriter, rows: PixelRows, dy: string, gradient: BlockedWeightGradient): string {
  const { shape, block } = gradient;
  const { channels: outputs, height, width } = imageSizes(gradient.dy);
  const batch = rows.images;
  // [N, C/b, pixels] -> [C/b, N, pixels]
  const images = writer.reshape(rows.name, [batch, rows.planes, rows.height * rows.width * rows.channels]);
  const exchanged = rows.planes === 1 ? images : writer.transpose(images, [1, 0, 2]);
  const size = groupSize(batch, gradient);
  const groups = batch / size;
  // Each group's kernel: [groups, size, K/b, places * b] -> [groups, K/b, size, places * b].
  const kernels =
    size === 1
      ? dy
      : writer.transpose(writer.reshape(dy, [groups, size, outputs / block, height * width * block]), [0, 2, 1, 3]);
  const perGroup = convolve(writer, exchanged, writer.reshape(kernels, [groups * outputs, size, height, width]), {
    rows,
    gradient,
    groups,
  });
  // A product with a row of ones: ReduceSum would sum in another order with more threads than planes.
  const ones = writer.floats(new Float32Array(groups).fill(1), [1, groups]);
  return writer.node("MatMul", [ones, writer.reshape(perGroup, [rows.planes, groups, sizeOf(shape) / rows.planes])]);
}

/** The convolution itself: [C/b, groups, K/b, kh, kw * b of C, b of K]. */
function convolve(
  writer: GraphWriter,
  images: string,
  kernels: string,
  {
    rows,
    gradient,
    groups = 1,
  }: { readonly rows: PixelRows; readonly gradient: BlockedWeightGradient; readonly groups?: number },
): string {
  const { height, width } = imageSizes(gradient.dy);
  const { stride, padding } = gradient.attributes;
  return writer.blocked(
    "Conv",
    [writer.reshape(images, [rows.planes, rows.images, rows.height, rows.width * rows.channels]), kernels],
    {
      kernel_shape: [height, width],
      dilations: [stride, stride * rows.channels],
      pads: [padding[0], 0, rows.endRows, 0],
      group: groups,
    },
  );
}

/** A divisor of the batch, less than a block, so that the provider reads the images as they are. */
function groupSize(batch: number, { dy, shape, block }: BlockedWeightGradient): number {
  if (sizeOf(shape) <= SUMS_FOR_GATHERING * sizeOfImage(dy)) return 1;
  for (let size = Math.min(MAX_GROUP_IMAGES, block - 1); size > 1; size--) if (batch % size === 0) return size;
  return 1;
}

/** Images to add so that the provider can read the batch as channels: fewer than a block, or whole blocks. */
function missingImages(batch: number, block: number): number {
  return batch < block ? 0 : (block - (batch % block)) % block;
}

/** Appends images of zeros: in the blocked and in the canonical layout, they follow the others in memory. */
function padBatch(writer: GraphWriter, images: string, missing: number): string {
  return missing === 0 ? images : writer.node("Pad", [images, writer.integers([0, 0, 0, 0, missing, 0, 0, 0])]);
}

function sizeOfImage(images: Shape): number {
  return sizeOf(images.slice(1));
}

/** The convolution whose weight gradient is computed. */
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

/**
 * Images as a weight gradient reads them: [images, planes, height, width, channels], each pixel's channels contiguous.
 */
export interface PixelRows {
  readonly name: string;
  readonly images: number;
  /** Blocks of channels; 1 where the channels are fewer than a block. */
  readonly planes: number;
  readonly height: number;
  /** With the padding's columns. */
  readonly width: number;
  /** Of a plane: a block, or all of them. */
  readonly channels: number;
  /** Rows of zeros still to be added below (those above are the convolution's padding). */
  readonly endRows: number;
}

/**
 * Brings x, blocked or (with fewer channels than a block) canonical, into rows of pixels: columns padded, and the
 * pixels that the stride skips cut off. Columns are padded beforehand: in the convolution itself, whose result is as
 * narrow as the weight's kernel, most positions would be at an edge, and the provider computes those one at a time.
 */
export function pixelRows(writer: GraphWriter, x: string, gradient: BlockedWeightGradient, images: number): PixelRows {
  const { channels, height, width } = imageSizes(gradient.x);
  const { block } = gradient;
  const [endRows, endColumns] = ends(gradient);
  const [before, after] = [gradient.attributes.padding[1], Math.max(endColumns, 0)];
  const isBlocked = channels % block === 0;
  const isPadded = before > 0 || after > 0;
  const padded = { height, width: width + before + after };
  let name = x;
  if (isBlocked) {
    if (isPadded) name = padColumnsBlocked(writer, name, channels, before, after);
  } else {
    if (isPadded) name = writer.node("Pad", [name, writer.integers([0, 0, 0, before, 0, 0, 0, after])]);
    if (channels > 1) name = writer.transpose(name, [0, 2, 3, 1]);
  }
  const planes = isBlocked ? channels / block : 1;
  const met = { height: height + Math.min(endRows, 0), width: padded.width + Math.min(endColumns, 0) };
  if (met.height < padded.height || met.width < padded.width) {
    name = writer.node("Slice", [
      writer.reshape(name, [images * planes, padded.height, padded.width, channels / planes]),
      writer.integers([0, 0]),
      writer.integers([met.height, met.width]),
      writer.integers([1, 2]),
    ]);
  }
  return { name, images, planes, ...met, channels: channels / planes, endRows: Math.max(endRows, 0) };
}

/**
 * Rows and columns of zeros to add at the end of x, so that the convolution's result has exactly the kernel's size;
 * negative: pixels that the stride skips, to cut off.
 */
function ends({ x, dy, shape, attributes: { stride, padding } }: BlockedWeightGradient): readonly [number, number] {
  const end = (axis: 0 | 1) => shape[2 + axis]! - x[2 + axis]! - padding[axis] + (dy[2 + axis]! - 1) * stride;
  return [end(0), end(1)];
}

/** Blocked images with zero columns added: a 1x1 convolution of each channel with 1, whose padding does the work. */
function padColumnsBlocked(writer: GraphWriter, x: string, channels: number, before: number, after: number): string {
  const ones = writer.floats(new Float32Array(channels).fill(1), [channels, 1, 1, 1]);
  return writer.blocked("Conv", [x, ones], { kernel_shape: [1, 1], pads: [0, before, 0, after], group: channels });
}
