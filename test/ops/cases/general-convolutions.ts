import { formatShape } from "../../../src/graph/shape.ts";
import {
  convolution,
  convolutionInputGradient,
  convolutionInputGradientOp,
  convolutionOp,
  convolutionWeightGradient,
  convolutionWeightGradientOp,
  type GeneralConvolutionAttributes,
  transposedConvolution,
} from "../../../src/ops/convolution/general.ts";
import { type Bound, exact, type OpCase, ofMagnitude } from "../../support/op-case.ts";
import { type Filling, tensor } from "../../support/tensors.ts";
import type { DerivativeCase } from "./derivatives.ts";

/** Sizes and settings of a general convolution; where not given, plain ones. */
interface Size extends Partial<GeneralConvolutionAttributes> {
  readonly edge: string;
  readonly batch?: number;
  readonly channels?: number;
  readonly outputs?: number;
  readonly image?: readonly [number, number];
  readonly kernel?: readonly [number, number];
}

const EDGES: readonly Size[] = [
  { edge: "plain" },
  { edge: "stride 3", strides: [3, 3], image: [9, 10] },
  { edge: "strides that leave rows and columns over", strides: [3, 2], image: [8, 8], kernel: [2, 3] },
  { edge: "strides larger than the kernel", strides: [4, 3], image: [9, 9], kernel: [1, 2] },
  { edge: "dilation", dilations: [2, 3], image: [7, 9], pads: [2, 3, 2, 3] },
  { edge: "dilation and stride", dilations: [2, 1], strides: [2, 2], image: [8, 7], pads: [1, 1, 1, 1] },
  { edge: "padding of each side", pads: [0, 1, 2, 3] },
  { edge: "an even kernel, the same size", kernel: [2, 4], pads: [0, 1, 1, 2] },
  { edge: "more padding than kernel", pads: [4, 4, 4, 4] },
  { edge: "one pixel", image: [1, 1], kernel: [1, 1], batch: 3 },
  { edge: "kernel as large as the image", image: [4, 3], kernel: [4, 3] },
];

function groupsOf(size: Size): readonly Size[] {
  return [
    size,
    { ...size, edge: `${size.edge}, two groups`, groups: 2, channels: 4, outputs: 6 },
    { ...size, edge: `${size.edge}, depthwise`, groups: 3, channels: 3, outputs: 3 },
    { ...size, edge: `${size.edge}, depthwise with two kernels a channel`, groups: 3, channels: 3, outputs: 6 },
  ];
}

/** Channels that fill blocks, in each group. */
function blockedSizes(block: number): readonly Size[] {
  return [
    { edge: "whole blocks, dilated", channels: block, outputs: 2 * block, dilations: [2, 2], pads: [2, 2, 2, 2] },
    { edge: "whole blocks, stride 3", channels: block, outputs: block, strides: [3, 3], image: [7, 8] },
    { edge: "whole blocks in two groups", channels: 2 * block, outputs: 2 * block, groups: 2 },
    { edge: "depthwise, stride 2", channels: 2 * block, outputs: 2 * block, groups: 2 * block, strides: [2, 2] },
    { edge: "depthwise, each side", channels: block, outputs: block, groups: block, pads: [1, 0, 2, 1] },
  ];
}

function made(size: Size, filling: Filling) {
  const { batch = 2, channels = 3, outputs = 4, image = [6, 5], kernel = [3, 3], groups = 1 } = size;
  const { strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1] } = size;
  const attributes = { strides, pads, dilations, groups };
  const x = tensor("x", [batch, channels, ...image], filling);
  const weight = tensor("weight", [outputs, channels / groups, ...kernel], filling);
  const y = convolution(x.value, weight.value, attributes);
  const dy = tensor("dy", y.shape, filling);
  const { edge } = size;
  const name = `${edge}, ${filling}: ${formatShape(x.value.shape)} * ${formatShape(weight.value.shape)}, pads ${pads}`;
  return { attributes, x, weight, y, dy, name };
}

export function generalConvolutionCases(block: number): OpCase[] {
  const sizes = [...EDGES.flatMap(groupsOf), ...blockedSizes(block)];
  return sizes.flatMap((size) =>
    (["integers", "uniform"] as const).flatMap((filling): OpCase[] => {
      const { attributes, x, weight, y, dy, name } = made(size, filling);
      const isBlocked = x.value.shape[1]! >= block;
      const bound = (terms: number, magnitude: OpCase["y"]): Bound =>
        filling === "integers" ? exact : ofMagnitude(terms, magnitude);
      const dx = convolutionInputGradient(dy.value, weight.value, { ...attributes, shape: x.value.shape });
      const dweight = convolutionWeightGradient(x.value, dy.value, { ...attributes, shape: weight.value.shape });
      const [, perGroup, height, width] = weight.value.shape;
      const [batch, outputs, rows, columns] = y.shape;
      const [taps, kernels] = [height! * width!, outputs! / attributes.groups];
      return [
        { op: convolutionOp, name, inputs: [x, weight], y, isBlocked, bound: bound(perGroup! * taps, y) },
        {
          op: convolutionInputGradientOp,
          name,
          inputs: [dy, weight],
          y: dx,
          isBlocked: false,
          bound: bound(kernels * taps, dx),
        },
        {
          op: convolutionWeightGradientOp,
          name,
          inputs: [x, dy],
          y: dweight,
          isBlocked: false,
          bound: bound(batch! * rows! * columns!, dweight),
        },
      ];
    }),
  );
}

export function generalConvolutionDerivatives(): DerivativeCase[] {
  const forward = EDGES.flatMap(groupsOf).map((size): DerivativeCase => {
    const { x, weight, y, name } = made({ ...size, batch: 2 }, "uniform");
    return { op: convolutionOp, name, y, by: [x, weight] };
  });
  const plain = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups: 1, outputPadding: [0, 0] } as const;
  const back = [
    { ...plain, edge: "plain" },
    { ...plain, edge: "stride 2", strides: [2, 2], pads: [1, 1, 1, 1], outputPadding: [1, 0] } as const,
    { ...plain, edge: "two groups, dilated", groups: 2, dilations: [2, 1], pads: [1, 0, 0, 1] } as const,
  ].map(({ edge, ...attributes }): DerivativeCase => {
    const x = tensor("x", [2, 4, 3, 2], "uniform");
    const weight = tensor("weight", [4, 3, 3, 2], "uniform");
    const y = transposedConvolution(x.value, weight.value, attributes);
    return { op: convolutionInputGradientOp, name: `${edge}: ${formatShape(y.shape)}`, y, by: [x, weight] };
  });
  return [...forward, ...back];
}
