import { formatShape, type Shape, ShapeError, sizeOf } from "../graph/shape.ts";
import type { LayoutPlan, Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";

/**
 * What operations on channels share. Their x is a batch of images [N, C, H, W] or of vectors [N, C]; axis 1 is the
 * channel, and a vector [C] goes with it.
 */

/** @throws ShapeError unless x is a batch of images or vectors */
export function channelCount(op: string, x: Shape): number {
  if (x.length !== 2 && x.length !== 4) {
    throw new ShapeError(op, `x must be [batch, channels, height, width] or [batch, channels], got ${formatShape(x)}`);
  }
  return x[1]!;
}

/** How many values each channel has: N * H * W. */
export function valuesPerChannel(x: Shape): number {
  return sizeOf(x) / x[1]!;
}

/** @throws ShapeError unless each vector has one value a channel */
export function requireChannelVectors(op: string, x: Shape, vectors: Readonly<Record<string, Value>>): void {
  const channels = channelCount(op, x);
  for (const [name, { shape }] of Object.entries(vectors)) {
    if (shape.length !== 1 || shape[0] !== channels) {
      throw new ShapeError(
        op,
        `${name} must be [${channels}], one value a channel of x ${formatShape(x)}, got ${formatShape(shape)}`,
      );
    }
  }
}

/** The channel of the element at position `i` of x. */
export function channelAt(x: Shape, i: number): number {
  return Math.floor(i / sizeOf(x.slice(2))) % x[1]!;
}

/** Writes a vector [C] in the shape that broadcasts over x: [C, 1, 1] for images. */
export function alongChannels(writer: GraphWriter, vector: string, x: Shape): string {
  return x.length === 4 ? writer.reshape(vector, [x[1]!, 1, 1]) : vector;
}

/** Writes the sum of canonical x over everything but its channels: [C]. */
export function sumChannels(writer: GraphWriter, x: string, shape: Shape): string {
  if (shape.length === 2) return writer.reduceSum(x, [0]);
  const planes = writer.reduceSum(writer.reshape(x, [shape[0]!, shape[1]!, shape[2]! * shape[3]!]), [2]);
  return writer.reduceSum(planes, [0]);
}

/** A plan in which `images` of the inputs are blocked images and the rest, vectors, are canonical. */
export function planImages(
  x: Shape,
  block: number,
  inputs: LayoutPlan["inputs"],
  output: LayoutPlan["output"],
): LayoutPlan | undefined {
  return x.length === 4 && x[1]! % block === 0 ? { inputs, output } : undefined;
}

/**
 * Writes x * scale + shift per channel of blocked images, as a 1x1 convolution of each channel by itself: the provider
 * does it in one pass, adds `sum` and applies `activation` in the same one. scale and shift [C].
 */
export function scaleBlocked(
  writer: GraphWriter,
  x: string,
  channels: number,
  scale: string,
  { shift, sum, relu = false }: { shift?: string; sum?: string; relu?: boolean } = {},
): string {
  return writer.blocked("Conv", [x, writer.reshape(scale, [channels, 1, 1, 1]), shift, ...(sum ? [sum] : [])], {
    kernel_shape: [1, 1],
    group: channels,
    ...(relu ? { activation: "Relu" } : {}),
  });
}

/**
 * Writes the sum over N, H and W of x * y per channel of blocked images, [C]: a convolution of each row of a channel with
 * the other's same row as its kernel gives one number a row.
 *
 * Row by row because the provider adds up one product after the other: over whole planes of flat background, where every
 * rounding goes the same way, that costs 10 to 25 times the accuracy (and is no faster).
 */
export function dotBlocked(writer: GraphWriter, x: string, y: string, shape: Shape, block: number): string {
  const width = shape[3]!;
  const rows = sizeOf(shape) / width;
  const dots = writer.blocked(
    "Conv",
    [writer.reshape(x, [1, rows, 1, width]), writer.reshape(y, [rows, 1, 1, width])],
    { kernel_shape: [1, width], group: rows },
  );
  return sumRows(writer, dots, shape, block);
}

/** Writes the sum over N, H and W per channel of blocked images, [C]; row by row, as above. */
export function sumBlocked(writer: GraphWriter, x: string, shape: Shape, block: number): string {
  const width = shape[3]!;
  const means = writer.blocked("GlobalAveragePool", [writer.reshape(x, [1, sizeOf(shape) / width, 1, width])]);
  return writer.node("Mul", [sumRows(writer, means, shape, block), writer.scalar(width)]);
}

/** [N, C/b, H, b], one number a row of blocked images -> [C] */
function sumRows(writer: GraphWriter, rows: string, [batch, channels, height]: Shape, block: number): string {
  const split = writer.reshape(rows, [batch!, channels! / block, height!, block]);
  return writer.reshape(writer.reduceSum(writer.reduceSum(split, [2]), [0]), [channels!]);
}
