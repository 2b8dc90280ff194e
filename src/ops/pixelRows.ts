import { imageSizes, type Shape } from "../graph/shape.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import type { ConvolutionAttributes } from "./convolution.ts";

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

/** Images as a weight gradient reads them: [images, planes, height, width, channels], the channels of a pixel side by side. */
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
  /** Rows of zeros that are still to add below (those above are the convolution's padding). */
  readonly endRows: number;
}

/**
 * Brings x, blocked or (with fewer channels than a block) canonical, into rows of pixels: columns padded, and the pixels
 * that a stride never met cut off. Columns are padded beforehand: inside the convolution, whose result is as narrow as the
 * weight's kernel, most places would lie at an edge, and those are computed one at a time.
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
 * Rows and columns of zeros to add at the end of x, so that the convolution gives exactly as many results as the kernel has
 * places; negative: pixels that a stride never met, to cut off.
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
