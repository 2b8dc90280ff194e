import { blockedImages, blockedOutputWeights } from "../graph/layout.ts";
import { imageSizes, requireSameShape, type Shape, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import { onnxPads } from "./convolution.ts";
import { type DepthwiseAttributes, depthwiseMultiplyAdds, forEachDepthwiseTap, inferDepthwise } from "./depthwise.ts";

type WeightGradientAttributes = DepthwiseAttributes & {
  /** Shape [C, 1, kh, kw] of the convolution's weight. */
  readonly shape: Shape;
};

/**
 * dweight[c, 0, i, j] = sum over n, p, q of x[n, c, p + i - padding, q + j - padding] * dy[n, c, p, q]
 *
 * For one image and channel that is the image convolved with dy as its kernel. So x becomes one image of N * C channels,
 * dy their kernels, and the results [N, C, kh, kw] are summed over the batch. In the blocked layout x and dy lie so
 * already, and the sum lies as the weight does.
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
