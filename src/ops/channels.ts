import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { formatShape, requireSameShape, type Shape, ShapeError, sizeOf } from "../graph/shape.ts";
import { apply, type LayoutPlan, type Op, type Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import { multiply, subtract } from "./elementwise.ts";
import { constant } from "./leaves.ts";

/**
 * Shared by operations on channels. Their x is a batch of images [N, C, H, W] or of vectors [N, C]; axis 1 is the
 * channel, and a vector [C] has one element per channel.
 */

/** @throws ShapeError unless x is a batch of images or vectors */
export function channelCount(op: string, x: Shape): number {
  if (x.length !== 2 && x.length !== 4) {
    throw new ShapeError(op, `x must be [batch, channels, height, width] or [batch, channels], got ${formatShape(x)}`);
  }
  return x[1]!;
}

/** @throws ShapeError unless the groups divide the channels of images or vectors */
export function channelsPerGroup(op: string, x: Shape, groups: number): number {
  const channels = channelCount(op, x);
  if (channels % groups === 0) return channels / groups;
  throw new ShapeError(op, `${groups} groups must divide the ${channels} channels of x ${formatShape(x)}`);
}

/** Number of values per channel: N * H * W. */
export function valuesPerChannel(x: Shape): number {
  return sizeOf(x) / x[1]!;
}

/** @throws ShapeError unless each vector has one value per channel */
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

/**
 * The same sums in two launches instead of four: the provider's ReduceSum over the first axis transposes before, a
 * product with ones does not. The sums are multiplied by a factor.
 */
function sumChannelsOnGpu(writer: GraphWriter, x: string, shape: Shape, factor = 1): string {
  const [batch, channels, positions] = [shape[0]!, shape[1]!, sizeOf(shape.slice(2))];
  const ones = writer.floats(new Float32Array(batch).fill(factor), [1, batch]);
  const overBatch = writer.node("MatMul", [ones, writer.reshape(x, [batch, channels * positions])]);
  if (positions === 1) return writer.reshape(overBatch, [channels]);
  return writer.reduceSum(writer.reshape(overBatch, [channels, positions]), [1]);
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
 * Writes x * scale + shift per channel of blocked images, as a depthwise 1x1 convolution: the provider computes it,
 * adds `sum` and applies `activation`, all in one pass. scale and shift [C].
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

/** Writes x + shift per channel of blocked images. shift [C]. */
function addBlocked(writer: GraphWriter, x: string, channels: number, shift: string): string {
  const ones = writer.floats(new Float32Array(channels).fill(1), [channels]);
  return scaleBlocked(writer, x, channels, ones, { shift });
}

/**
 * Writes the sum over N, H and W of x * y per channel of blocked images, [C]: a convolution of each row of a channel
 * with the same row of the other as its kernel gives one number per row.
 *
 * Row by row because the provider adds up one product after the other: over whole planes of flat background, where
 * every rounding goes the same way, that costs 10 to 25 times the accuracy (and is no faster).
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

/** [N, C/b, H, b], one number per row of blocked images -> [C] */
function sumRows(writer: GraphWriter, rows: string, [batch, channels, height]: Shape, block: number): string {
  const split = writer.reshape(rows, [batch!, channels! / block, height!, block]);
  return writer.reshape(writer.reduceSum(writer.reduceSum(split, [2]), [0]), [channels!]);
}

/** y = x + bias, per channel. x [N, C, H, W] or [N, C], bias [C]. The derivative of bias is dy summed per channel. */
export const biasAddOp: Op<Record<string, never>> = {
  name: "biasAdd",
  infer([x, bias]) {
    requireChannelVectors("biasAdd", x!.shape, { bias: bias! });
    return { shape: x!.shape };
  },
  gradient: (_value, dy) => [dy, channelSum(dy)],
  lower: {
    standard: (writer, [x, bias], { shape }) => writer.node("Add", [x, alongChannels(writer, bias!, shape)]),
    blocked: {
      plan: ({ shape }, [known], block) =>
        known?.name === blockedImages(block).name
          ? planImages(shape, block, [blockedImages(block), CANONICAL], blockedImages(block))
          : undefined,
      emit(writer, [x, bias], { shape }) {
        return addBlocked(writer, x!, shape[1]!, bias!);
      },
    },
  },
  reference: ([x, bias], { shape }) => x!.data.map((element, i) => element + bias!.data[channelAt(shape, i)]!),
};

/** Adds a bias per channel. @param x [N, C, H, W] or [N, C] @param bias [C] @returns x's shape */
export function biasAdd(x: Value, bias: Value): Value {
  return apply(biasAddOp, [x, bias], {});
}

type AffineAttributes = { readonly relu: boolean };

/**
 * y = x * scale + shift per channel, then ReLU when `relu`: batch norm once its statistics are known. x [N, C, H, W]
 * or [N, C], scale and shift [C]. Without ReLU the derivatives are dy * scale, the sum of dy * x, and the sum of dy;
 * the form with ReLU is created by fusion, after differentiation, and has none.
 */
export const channelAffineOp: Op<AffineAttributes> = {
  name: "channelAffine",
  infer([x, scale, shift]) {
    requireChannelVectors("channelAffine", x!.shape, { scale: scale!, shift: shift! });
    return { shape: x!.shape };
  },
  gradient({ inputs: [x, scale, shift], attributes }, dy) {
    if (attributes.relu) throw new Error("channelAffine with relu is a fused form: gradients are taken before fusion");
    const none = subtract(shift!, shift!);
    return [channelAffine(dy, scale!, multiply(none, constant(0))), channelDot(dy, x!), channelSum(dy)];
  },
  lower: {
    standard(writer, [x, scale, shift], { shape, attributes }) {
      const scaled = writer.node("Mul", [x, alongChannels(writer, scale!, shape)]);
      const y = writer.node("Add", [scaled, alongChannels(writer, shift!, shape)]);
      return attributes.relu ? writer.node("Relu", [y]) : y;
    },
    blocked: {
      plan: ({ shape }, [known], block) =>
        known?.name === blockedImages(block).name
          ? planImages(shape, block, [blockedImages(block), CANONICAL, CANONICAL], blockedImages(block))
          : undefined,
      emit: (writer, [x, scale, shift], { shape, attributes }) =>
        scaleBlocked(writer, x!, shape[1]!, scale!, { shift: shift!, relu: attributes.relu }),
    },
  },
  reference: ([x, scale, shift], { shape, attributes }) =>
    x!.data.map((element, i) => {
      const channel = channelAt(shape, i);
      const y = element * scale!.data[channel]! + shift!.data[channel]!;
      return attributes.relu ? Math.max(y, 0) : y;
    }),
};

/** `x * scale + shift` per channel. x [N, C, H, W] or [N, C]; scale and shift [C]; the result has x's shape. */
export function channelAffine(
  x: Value,
  scale: Value,
  shift: Value,
  attributes: AffineAttributes = { relu: false },
): Value {
  return apply(channelAffineOp, [x, scale, shift], attributes);
}

/**
 * z = x * a + y * b + c, with a, b and c per channel: the form of batch norm's derivative. x and y [N, C, H, W] or
 * [N, C]; a, b, c [C].
 */
export const channelCombineOp: Op<Record<string, never>> = {
  name: "channelCombine",
  infer([x, y, a, b, c]) {
    requireSameShape("channelCombine", "x and y", x!.shape, y!.shape);
    requireChannelVectors("channelCombine", x!.shape, { a: a!, b: b!, c: c! });
    return { shape: x!.shape };
  },
  lower: {
    standard(writer, [x, y, a, b, c], { shape }) {
      const scaledX = writer.node("Mul", [x, alongChannels(writer, a!, shape)]);
      const scaledY = writer.node("Mul", [y, alongChannels(writer, b!, shape)]);
      return writer.node("Add", [writer.node("Add", [scaledX, scaledY]), alongChannels(writer, c!, shape)]);
    },
    blocked: {
      plan({ shape }, _known, block) {
        const images = blockedImages(block);
        return planImages(shape, block, [images, images, CANONICAL, CANONICAL, CANONICAL], images);
      },
      emit(writer, [x, y, a, b, c], { shape }) {
        const channels = shape[1]!;
        const sum = scaleBlocked(writer, y!, channels, b!, { shift: c! });
        return scaleBlocked(writer, x!, channels, a!, { sum });
      },
    },
  },
  reference: ([x, y, a, b, c], { shape }) =>
    x!.data.map((element, i) => {
      const channel = channelAt(shape, i);
      return element * a!.data[channel]! + y!.data[i]! * b!.data[channel]! + c!.data[channel]!;
    }),
};

export function channelCombine(x: Value, y: Value, a: Value, b: Value, c: Value): Value {
  return apply(channelCombineOp, [x, y, a, b, c], {});
}

/** y[c] = sum of x over all but the channel axis: the derivative of a bias. x [N, C, H, W] or [N, C], y [C]. */
export const channelSumOp: Op<Record<string, never>> = {
  name: "channelSum",
  infer: ([x]) => ({ shape: [channelCount("channelSum", x!.shape)] }),
  lower: {
    standard: (writer, [x], { inputs }) => sumChannels(writer, x!, inputs[0]!.shape),
    gpu: (writer, [x], { inputs }) => sumChannelsOnGpu(writer, x!, inputs[0]!.shape),
    blocked: {
      plan: ({ inputs }, _known, block) => planImages(inputs[0]!.shape, block, [blockedImages(block)], CANONICAL),
      emit: (writer, [x], { inputs }, _plan, block) => sumBlocked(writer, x!, inputs[0]!.shape, block),
    },
  },
  reference([x], { shape }) {
    const sums = new Float64Array(shape[0]!);
    x!.data.forEach((element, i) => {
      const channel = channelAt(x!.shape, i);
      sums[channel] = sums[channel]! + element;
    });
    return sums;
  },
};

export function channelSum(x: Value): Value {
  return apply(channelSumOp, [x], {});
}

/** z[c] = sum of x * y over all but the channel axis. x and y [N, C, H, W] or [N, C], z [C]. */
export const channelDotOp: Op<Record<string, never>> = {
  name: "channelDot",
  infer([x, y]) {
    requireSameShape("channelDot", "x and y", x!.shape, y!.shape);
    return { shape: [channelCount("channelDot", x!.shape)] };
  },
  lower: {
    standard: (writer, inputs, { inputs: [x] }) => sumChannels(writer, writer.node("Mul", inputs), x!.shape),
    gpu: (writer, inputs, { inputs: [x] }) => sumChannelsOnGpu(writer, writer.node("Mul", inputs), x!.shape),
    blocked: {
      plan: ({ inputs }, _known, block) =>
        planImages(inputs[0]!.shape, block, [blockedImages(block), blockedImages(block)], CANONICAL),
      emit: (writer, [x, y], { inputs }, _plan, block) => dotBlocked(writer, x!, y!, inputs[0]!.shape, block),
    },
  },
  reference([x, y], { shape }) {
    const sums = new Float64Array(shape[0]!);
    x!.data.forEach((element, i) => {
      const channel = channelAt(x!.shape, i);
      sums[channel] = sums[channel]! + element * y!.data[i]!;
    });
    return sums;
  },
};

export function channelDot(x: Value, y: Value): Value {
  return apply(channelDotOp, [x, y], {});
}

/**
 * The biased variance of each channel: mean of (x - mean)^2 over all but the channel axis. x [N, C, H, W] or [N, C],
 * mean [C], result [C].
 *
 * As written, in two passes: mean of x^2 minus mean^2 would need one, but lose all digits where the mean is some hundred
 * deviations from 0.
 */
export const channelVarianceOp: Op<Record<string, never>> = {
  name: "channelVariance",
  infer([x, mean]) {
    requireChannelVectors("channelVariance", x!.shape, { mean: mean! });
    return { shape: mean!.shape };
  },
  lower: {
    standard(writer, [x, mean], { inputs }) {
      const { shape } = inputs[0]!;
      const sums = sumChannels(writer, writeSquares(writer, x!, mean!, shape), shape);
      return writer.node("Mul", [sums, writer.scalar(1 / valuesPerChannel(shape))]);
    },
    gpu(writer, [x, mean], { inputs }) {
      const { shape } = inputs[0]!;
      return sumChannelsOnGpu(writer, writeSquares(writer, x!, mean!, shape), shape, 1 / valuesPerChannel(shape));
    },
    blocked: {
      plan: ({ inputs }, _known, block) =>
        planImages(inputs[0]!.shape, block, [blockedImages(block), CANONICAL], CANONICAL),
      emit(writer, [x, mean], { inputs }, _plan, block) {
        const { shape } = inputs[0]!;
        const centred = addBlocked(writer, x!, shape[1]!, writer.node("Mul", [mean, writer.scalar(-1)]));
        const squares = dotBlocked(writer, centred, centred, shape, block);
        return writer.node("Mul", [squares, writer.scalar(1 / valuesPerChannel(shape))]);
      },
    },
  },
  reference([x, mean], { shape }) {
    const sums = new Float64Array(shape[0]!);
    const share = 1 / valuesPerChannel(x!.shape);
    x!.data.forEach((element, i) => {
      const channel = channelAt(x!.shape, i);
      sums[channel] = sums[channel]! + (element - mean!.data[channel]!) ** 2 * share;
    });
    return sums;
  },
};

/** The squares of x less its mean. */
function writeSquares(writer: GraphWriter, x: string, mean: string, shape: Shape): string {
  const centred = writer.node("Sub", [x, alongChannels(writer, mean, shape)]);
  return writer.node("Mul", [centred, centred]);
}

export function channelVariance(x: Value, mean: Value): Value {
  return apply(channelVarianceOp, [x, mean], {});
}
