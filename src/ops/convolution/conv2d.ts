import { blockedImages, blockedOutputWeights, blockedWeights, CANONICAL } from "../../graph/layout.ts";
import { requireSameShape, type Shape, sizeOf } from "../../graph/shape.ts";
import { apply, type LayoutPlan, type Op, type Value } from "../../graph/value.ts";
import { depthwiseConv2d } from "./depthwise.ts";
import { convolution } from "./general.ts";
import { conv2dInputGradient } from "./input-gradient.ts";
import {
  blockedWeightKind,
  type ConvolutionAttributes,
  convolutionMultiplyAdds,
  forEachTap,
  inferConvolution,
  onnxPads,
} from "./shared.ts";
import { conv2dWeightGradient } from "./weight-gradient.ts";
import { fourSides, type Pads, pair } from "./window.ts";

/**
 * y[n, k, p, q] = sum over c, i, j of x[n, c, p * stride + i - padding, q * stride + j - padding] * weight[k, c, i, j]
 *
 * x [N, C, H, W], weight [K, C, kh, kw], y [N, K, P, Q]; pixels outside x count as zero. It is linear in both, so each
 * derivative is again a sum over the same products: dx sums dy * weight at x's positions (`conv2dInputGradient`),
 * dweight sums x * dy at the weight's positions (`conv2dWeightGradient`).
 */
export const conv2dOp: Op<ConvolutionAttributes> = {
  name: "conv2d",
  infer: ([x, weight], attributes) => ({ shape: inferConvolution("conv2d", x!.shape, weight!.shape, attributes) }),
  gradient({ inputs: [x, weight], attributes }, dy) {
    return [
      conv2dInputGradient(dy, weight!, { ...attributes, shape: x!.shape }),
      conv2dWeightGradient(x!, dy, { ...attributes, shape: weight!.shape }),
    ];
  },
  lower: {
    standard: (writer, inputs, { inputs: [, weight], attributes }) =>
      writer.node("Conv", inputs, convAttributes(weight!.shape, attributes)),
    blocked: {
      plan: ({ inputs: [, weight] }, _known, block) => planConvolution(weight!.shape, block),
      emit: (writer, inputs, { inputs: [, weight], attributes }) =>
        writer.blocked("Conv", inputs, convAttributes(weight!.shape, attributes)),
    },
  },
  multiplyAdds: ({ inputs: [, weight], shape }) => convolutionMultiplyAdds(shape, weight!.shape),
  reference: ([x, weight], { shape, attributes }) => referenceConvolution(x!, weight!, shape, attributes),
};

/** Settings of `conv2d`; a single number applies to rows and columns. The names are PyTorch's. */
export interface Conv2dSettings {
  /** Step of the kernel. Default 1. */
  readonly stride?: number | readonly [number, number];
  /** Rows and columns of zeros on both sides, or above, left, below and right. Default 0. */
  readonly padding?: number | readonly [number, number] | Pads;
  /** Distance of the kernel's places. Default 1. */
  readonly dilation?: number | readonly [number, number];
  /** Groups of channels that are convolved each by itself; as many as channels: depthwise. Default 1. */
  readonly groups?: number;
}

/**
 * 2-D convolution as in neural networks (cross-correlation: the kernel is not flipped). Of the operations that compute it,
 * the one with the fastest lowering for these settings is applied.
 *
 * @param x [N, C, H, W] @param weight [K, C / groups, kh, kw] @returns [N, K, P, Q]
 */
export function conv2d(x: Value, weight: Value, settings: Conv2dSettings = {}): Value {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = settings;
  const [strides, dilations, pads] = [pair(stride), pair(dilation), fourSides(padding)];
  const isEven = pads[0] === pads[2] && pads[1] === pads[3];
  const isPlain = strides[0] === strides[1] && dilations[0] === 1 && dilations[1] === 1 && isEven;
  const around = [pads[0], pads[1]] as const;
  if (isPlain && groups === 1 && (strides[0] === 1 || strides[0] === 2)) {
    return apply(conv2dOp, [x, weight], { stride: strides[0], padding: around });
  }
  const isDepthwise = groups === x.shape[1] && groups === weight.shape[0] && weight.shape[1] === 1;
  if (isPlain && isDepthwise && strides[0] === 1 && around.every((size, axis) => size < weight.shape[2 + axis]!)) {
    return depthwiseConv2d(x, weight, { padding: around });
  }
  return convolution(x, weight, { strides, pads, dilations, groups });
}

/** The attributes of ONNX's Conv. */
export function convAttributes(weight: Shape, { stride, padding }: ConvolutionAttributes) {
  return { kernel_shape: weight.slice(2), strides: [stride, stride], pads: onnxPads(padding) };
}

/** Layouts of x, weight and y when the convolution runs blocked. */
export function planConvolution(weight: Shape, block: number): LayoutPlan | undefined {
  switch (blockedWeightKind(weight, block)) {
    case "full":
      return { inputs: [blockedImages(block), blockedWeights(block)], output: blockedImages(block) };
    case "output":
      return { inputs: [CANONICAL, blockedOutputWeights(block)], output: blockedImages(block) };
    case undefined:
      return undefined;
  }
}

export function referenceConvolution(
  x: { shape: Shape; data: Float64Array },
  weight: { shape: Shape; data: Float64Array },
  yShape: Shape,
  attributes: ConvolutionAttributes,
): Float64Array {
  const y = new Float64Array(sizeOf(yShape));
  forEachTap(x.shape, weight.shape, yShape, attributes, (xAt, weightAt, yAt) => {
    y[yAt] = y[yAt]! + x.data[xAt]! * weight.data[weightAt]!;
  });
  return y;
}

type FusedConvolutionAttributes = ConvolutionAttributes & { readonly relu: boolean };

/**
 * y = conv2d(x, weight) + bias per channel, then ReLU when `relu`: created by the fusion rules after differentiation,
 * because one pass over y is cheaper than three. x [N, C, H, W], weight [K, C, kh, kw], bias [K].
 */
export const fusedConv2dOp: Op<FusedConvolutionAttributes> = {
  name: "fusedConv2d",
  infer([x, weight, bias], attributes) {
    requireSameShape("fusedConv2d", "bias and the weight's first axis", bias!.shape, weight!.shape.slice(0, 1));
    return { shape: inferConvolution("fusedConv2d", x!.shape, weight!.shape, attributes) };
  },
  lower: {
    standard(writer, inputs, { inputs: [, weight], attributes }) {
      const y = writer.node("Conv", inputs, convAttributes(weight!.shape, attributes));
      return attributes.relu ? writer.node("Relu", [y]) : y;
    },
    blocked: {
      plan({ inputs: [, weight] }, _known, block) {
        const plan = planConvolution(weight!.shape, block);
        return plan && { ...plan, inputs: [...plan.inputs, CANONICAL] };
      },
      emit: (writer, inputs, { inputs: [, weight], attributes }) =>
        writer.blocked("Conv", inputs, {
          ...convAttributes(weight!.shape, attributes),
          ...(attributes.relu ? { activation: "Relu" } : {}),
        }),
    },
  },
  multiplyAdds: ({ inputs: [, weight], shape }) => convolutionMultiplyAdds(shape, weight!.shape),
  reference([x, weight, bias], { shape, attributes }) {
    const y = referenceConvolution(x!, weight!, shape, attributes);
    const [, channels, height, width] = [...shape] as [number, number, number, number];
    return y.map((element, i) => {
      const biased = element + bias!.data[Math.floor(i / (height * width)) % channels]!;
      return attributes.relu ? Math.max(biased, 0) : biased;
    });
  },
};

export function fusedConv2d(x: Value, weight: Value, bias: Value, attributes: FusedConvolutionAttributes): Value {
  return apply(fusedConv2dOp, [x, weight, bias], attributes);
}
