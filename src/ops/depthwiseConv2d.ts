import { blockedImages, blockedOutputWeights, CANONICAL } from "../graph/layout.ts";
import { requireSameShape, type Shape, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { channelSum } from "./channelSum.ts";
import { channelAt } from "./channels.ts";
import { onnxPads } from "./convolution.ts";
import { type DepthwiseAttributes, depthwiseMultiplyAdds, forEachDepthwiseTap, inferDepthwise } from "./depthwise.ts";
import { depthwiseConv2dInputGradient } from "./depthwiseConv2dInputGradient.ts";
import { depthwiseConv2dWeightGradient } from "./depthwiseConv2dWeightGradient.ts";

/**
 * y[n, c, p, q] = bias[c] + sum over i, j of x[n, c, p + i - padding, q + j - padding] * weight[c, 0, i, j]
 *
 * Each channel is convolved with a kernel of its own (PyTorch's Conv2d with groups = channels). x [N, C, H, W], weight
 * [C, 1, kh, kw], y [N, C, P, Q]; `bias` [C] may be left out, pixels outside x count as zero. Linear in x and weight, so
 * the derivatives are those of conv2d with the sum over the other channels gone; that of bias is dy summed per channel.
 *
 * Blocked, the provider convolves a block of channels at a time; its weights lie as those of a convolution of one channel.
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

export function depthwiseConv2d(
  x: Value,
  weight: Value,
  { padding = [0, 0], bias }: Partial<DepthwiseAttributes> & { readonly bias?: Value } = {},
): Value {
  return apply(depthwiseConv2dOp, bias ? [x, weight, bias] : [x, weight], { padding });
}

/** ONNX's attributes of a depthwise convolution with weight [C, 1, kh, kw]. */
function depthwiseAttributes(weight: Shape, { padding }: DepthwiseAttributes) {
  return { kernel_shape: weight.slice(2), pads: onnxPads(padding), group: weight[0]! };
}
