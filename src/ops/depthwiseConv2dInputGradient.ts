import { blockedImages, blockedOutputWeights } from "../graph/layout.ts";
import { requireSameShape, type Shape, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { reverseTaps, turnedPadding } from "./conv2dInputGradient.ts";
import { onnxPads } from "./convolution.ts";
import { type DepthwiseAttributes, depthwiseMultiplyAdds, forEachDepthwiseTap, inferDepthwise } from "./depthwise.ts";

type InputGradientAttributes = DepthwiseAttributes & {
  /** Shape [N, C, H, W] of the convolution's input. */
  readonly shape: Shape;
};

/**
 * dx[n, c, h, w] = sum over i, j of dy[n, c, p, q] * weight[c, 0, i, j] where h = p + i - padding (w alike): a depthwise
 * convolution of dy with the kernels turned by 180 degrees and padding (kernel - 1 - padding).
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

/** The weight's sizes, and ONNX's attributes of the convolution with the turned kernels. */
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
