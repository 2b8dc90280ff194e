import { blockedImages, blockedOutputWeights, CANONICAL } from "../../graph/layout.ts";
import {
  formatShape,
  IMAGE_AXES,
  imageSizes,
  requireAxes,
  requireSameShape,
  type Shape,
  ShapeError,
  sizeOf,
} from "../../graph/shape.ts";
import { apply, type Op, type Value } from "../../graph/value.ts";
import type { GraphWriter } from "../../onnx/graph-writer.ts";
import { channelAt, channelSum } from "../channels.ts";
import { reverseTaps, turnedPadding } from "./input-gradient.ts";
import { convolvedImage, forEachTap, onnxPads, WEIGHT_AXES } from "./shared.ts";

/** Attributes of the three depthwise convolution operations. The stride is 1. */
export type DepthwiseAttributes = {
  /** Rows of zeros above and below, columns left and right: fewer than the kernel has. */
  readonly padding: readonly [number, number];
};

/** Shape [N, C, P, Q] of a depthwise convolution's result. @throws ShapeError naming the rule that is broken */
export function inferDepthwise(op: string, x: Shape, weight: Shape, { padding }: DepthwiseAttributes): Shape {
  requireAxes(op, "x", x, IMAGE_AXES);
  requireAxes(op, "weight", weight, WEIGHT_AXES);
  const { batch, channels, height, width } = imageSizes(x);
  const [kernelHeight, kernelWidth] = [weight[2]!, weight[3]!];
  if (weight[0] !== channels || weight[1] !== 1) {
    throw new ShapeError(
      op,
      `weight must be [${channels}, 1, kernel height, kernel width], one kernel for each channel of x ${formatShape(x)}, got ${formatShape(weight)}`,
    );
  }
  if (!padding.every((size, axis) => Number.isInteger(size) && size >= 0 && size < weight[2 + axis]!)) {
    throw new ShapeError(
      op,
      `padding must be whole, at least 0 and less than the kernel ${kernelHeight}x${kernelWidth}, got ${padding.join(", ")}`,
    );
  }
  const image = convolvedImage(op, [height, width], [kernelHeight, kernelWidth], { stride: 1, padding });
  return [batch, channels, ...image];
}

/**
 * Visits every product of a depthwise convolution once, as `forEachTap` does: the N * C channels are treated as N * C
 * images of one channel, each with its channel's kernel.
 */
export function forEachDepthwiseTap(
  xShape: Shape,
  weightShape: Shape,
  yShape: Shape,
  { padding }: DepthwiseAttributes,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const { batch, channels } = imageSizes(xShape);
  const plane = (shape: Shape): Shape => [1, 1, shape[2]!, shape[3]!];
  const [xSize, weightSize, ySize] = [xShape, weightShape, yShape].map((shape) => sizeOf(plane(shape)));
  for (let image = 0; image < batch * channels; image++)
    forEachTap(plane(xShape), plane(weightShape), plane(yShape), { stride: 1, padding }, (x, weight, y) =>
      visit(image * xSize! + x, (image % channels) * weightSize! + weight, image * ySize! + y),
    );
}

/** Multiply-adds for result y [N, C, P, Q] and weight [C, 1, kh, kw], including products with the padding's zeros. */
export function depthwiseMultiplyAdds(y: Shape, weight: Shape): number {
  return sizeOf(y) * sizeOf(weight.slice(2));
}

/**
 * y[n, c, p, q] = bias[c] + sum over i, j of x[n, c, p + i - padding, q + j - padding] * weight[c, 0, i, j]
 *
 * Each channel is convolved with a kernel of its own (PyTorch's Conv2d with groups = channels). x [N, C, H, W], weight
 * [C, 1, kh, kw], y [N, C, P, Q]; `bias` [C] may be left out, pixels outside x count as zero. Linear in x and weight,
 * so the derivatives are those of conv2d without the sum over other channels; that of bias is dy summed per channel.
 *
 * Blocked, the provider convolves a block of channels at a time; weights are stored as those of a one-channel
 * convolution.
 */
export const depthwiseConv2dOp: Op<DepthwiseAttributes> = {
  name: "depthwiseConv2d",
  infer([x, weight, bias], attributes) {
    const shape = inferDepthwise("depthwiseConv2d", x!.shape, weight!.shape, attributes);
    if (bias)
      requireSameShape("depthwiseConv2d", "bias and the weight's first axis", bias.shape, weight!.shape.slice(0, 1));
    return { shape };
  },
  gradient({ inputs: [x, weight, bias], attributes }, dy) {
    return [
      depthwiseConv2dInputGradient(dy, weight!, { ...attributes, shape: x!.shape }),
      depthwiseConv2dWeightGradient(x!, dy, { ...attributes, shape: weight!.shape }),
      ...(bias ? [channelSum(dy)] : []),
    ];
  },
  lower: {
    standard: (writer, inputs, { inputs: [, weight], attributes }) =>
      writer.node("Conv", inputs, depthwiseAttributes(weight!.shape, attributes)),
    blocked: {
      plan: ({ inputs, shape }, _known, block) =>
        shape[1]! % block === 0
          ? {
              inputs: [blockedImages(block), blockedOutputWeights(block), CANONICAL].slice(0, inputs.length),
              output: blockedImages(block),
            }
          : undefined,
      emit: (writer, inputs, { inputs: [, weight], attributes }) =>
        writer.blocked("Conv", inputs, depthwiseAttributes(weight!.shape, attributes)),
    },
  },
  multiplyAdds: ({ inputs: [, weight], shape }) => depthwiseMultiplyAdds(shape, weight!.shape),
  reference([x, weight, bias], { shape, attributes }) {
    const y = Float64Array.from({ length: sizeOf(shape) }, (_, i) => bias?.data[channelAt(shape, i)] ?? 0);
    forEachDepthwiseTap(x!.shape, weight!.shape, shape, attributes, (xAt, weightAt, yAt) => {
      y[yAt] = y[yAt]! + x!.data[xAt]! * weight!.data[weightAt]!;
    });
    return y;
  },
};

/** Depthwise convolution: each channel has its own kernel. Shapes as in `depthwiseConv2dOp`. */
export function depthwiseConv2d(
  x: Value,
  weight: Value,
  { padding = [0, 0], bias }: Partial<DepthwiseAttributes> & { readonly bias?: Value } = {},
): Value {
  return apply(depthwiseConv2dOp, bias ? [x, weight, bias] : [x, weight], { padding });
}

/** The attributes of ONNX's Conv for a depthwise convolution with weight [C, 1, kh, kw]. */
function depthwiseAttributes(weight: Shape, { padding }: DepthwiseAttributes) {
  return { kernel_shape: weight.slice(2), pads: onnxPads(padding), group: weight[0]! };
}

type InputGradientAttributes = DepthwiseAttributes & {
  /** Shape [N, C, H, W] of the convolution's input. */
  readonly shape: Shape;
};

/**
 * dx[n, c, h, w] = sum over i, j of dy[n, c, p, q] * weight[c, 0, i, j] where h = p + i - padding (w alike): a
 * depthwise convolution of dy with the kernels rotated by 180 degrees and padding (kernel - 1 - padding).
 */
export const depthwiseConv2dInputGradientOp: Op<InputGradientAttributes> = {
  name: "depthwiseConv2dInputGradient",
  infer([dy, weight], attributes) {
    const y = inferDepthwise("depthwiseConv2dInputGradient", attributes.shape, weight!.shape, attributes);
    requireSameShape("depthwiseConv2dInputGradient", "dy and the convolution's result", dy!.shape, y);
    return { shape: attributes.shape };
  },
  lower: {
    standard(writer, [dy, weight], value) {
      const { channels, taps, shape, attributes } = turned(value);
      const kernels = reverseTaps(writer, writer.reshape(weight!, [channels, 1, taps]), taps);
      return writer.node("Conv", [dy, writer.reshape(kernels, shape)], attributes);
    },
    blocked: {
      plan: ({ shape }, _known, block) =>
        shape[1]! % block === 0
          ? { inputs: [blockedImages(block), blockedOutputWeights(block)], output: blockedImages(block) }
          : undefined,
      emit(writer, [dy, weight], value, _plan, block) {
        const { channels, taps, shape, attributes } = turned(value);
        const split = writer.reshape(weight!, [channels / block, 1, taps, block]);
        return writer.blocked("Conv", [dy, writer.reshape(reverseTaps(writer, split, taps), shape)], attributes);
      },
    },
  },
  multiplyAdds: ({ inputs: [dy, weight] }) => depthwiseMultiplyAdds(dy!.shape, weight!.shape),
  reference([dy, weight], { shape, attributes }) {
    const dx = new Float64Array(sizeOf(shape));
    forEachDepthwiseTap(shape, weight!.shape, dy!.shape, attributes, (xAt, weightAt, yAt) => {
      dx[xAt] = dx[xAt]! + dy!.data[yAt]! * weight!.data[weightAt]!;
    });
    return dx;
  },
};

/** @param dy [N, C, P, Q] @param weight [C, 1, kh, kw] @returns [N, C, H, W], `attributes.shape` */
export function depthwiseConv2dInputGradient(dy: Value, weight: Value, attributes: InputGradientAttributes): Value {
  return apply(depthwiseConv2dInputGradientOp, [dy, weight], attributes);
}

/** The weight's sizes, and the attributes of ONNX's Conv with the rotated kernels. */
function turned({ inputs, attributes }: Value<InputGradientAttributes>) {
  const { shape } = inputs[1]!;
  const [channels, kernel] = [shape[0]!, shape.slice(2)];
  return {
    channels,
    taps: sizeOf(kernel),
    shape,
    attributes: { kernel_shape: kernel, pads: onnxPads(turnedPadding(shape, attributes)), group: channels },
  };
}

type WeightGradientAttributes = DepthwiseAttributes & {
  /** Shape [C, 1, kh, kw] of the convolution's weight. */
  readonly shape: Shape;
};

/**
 * dweight[c, 0, i, j] = sum over n, p, q of x[n, c, p + i - padding, q + j - padding] * dy[n, c, p, q]
 *
 * For one image and channel that is the image convolved with dy as its kernel. So x becomes one image of N * C
 * channels, dy their kernels, and the results [N, C, kh, kw] are summed over the batch. In the blocked layout x and dy
 * are already stored that way, and the sum has the weight's layout.
 */
export const depthwiseConv2dWeightGradientOp: Op<WeightGradientAttributes> = {
  name: "depthwiseConv2dWeightGradient",
  infer([x, dy], attributes) {
    const y = inferDepthwise("depthwiseConv2dWeightGradient", x!.shape, attributes.shape, attributes);
    requireSameShape("depthwiseConv2dWeightGradient", "dy and the convolution's result", dy!.shape, y);
    return { shape: attributes.shape };
  },
  lower: {
    standard: (writer, inputs, value) =>
      emit(writer, inputs, value, (convolved, attributes) => writer.node("Conv", convolved, attributes)),
    blocked: {
      plan: ({ attributes }, _known, block) =>
        attributes.shape[0]! % block === 0
          ? { inputs: [blockedImages(block), blockedImages(block)], output: blockedOutputWeights(block) }
          : undefined,
      emit: (writer, inputs, value) =>
        emit(writer, inputs, value, (convolved, attributes) => writer.blocked("Conv", convolved, attributes)),
    },
  },
  multiplyAdds: ({ inputs: [, dy], shape }) => depthwiseMultiplyAdds(dy!.shape, shape),
  reference([x, dy], { shape, attributes }) {
    const dweight = new Float64Array(sizeOf(shape));
    forEachDepthwiseTap(x!.shape, shape, dy!.shape, attributes, (xAt, weightAt, yAt) => {
      dweight[weightAt] = dweight[weightAt]! + x!.data[xAt]! * dy!.data[yAt]!;
    });
    return dweight;
  },
};

/** @param x [N, C, H, W] @param dy [N, C, P, Q] @returns [C, 1, kh, kw], `attributes.shape` */
export function depthwiseConv2dWeightGradient(x: Value, dy: Value, attributes: WeightGradientAttributes): Value {
  return apply(depthwiseConv2dWeightGradientOp, [x, dy], attributes);
}

function emit(
  writer: GraphWriter,
  [x, dy]: readonly string[],
  { inputs, attributes: { padding, shape } }: Value<WeightGradientAttributes>,
  convolve: (inputs: string[], attributes: Parameters<GraphWriter["node"]>[2]) => string,
): string {
  const { batch, channels, height, width } = imageSizes(inputs[0]!.shape);
  const kernel = inputs[1]!.shape.slice(2);
  const images = writer.reshape(x!, [1, batch * channels, height, width]);
  const kernels = writer.reshape(dy!, [batch * channels, 1, ...kernel]);
  const perImage = convolve([images, kernels], {
    kernel_shape: kernel,
    pads: onnxPads(padding),
    group: batch * channels,
  });
  return writer.reshape(writer.reduceSum(writer.reshape(perImage, [batch, sizeOf(shape)]), [0]), shape);
}
