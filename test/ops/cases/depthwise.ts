import { formatShape } from "../../../src/graph/shape.ts";
import {
  depthwiseConv2d,
  depthwiseConv2dInputGradient,
  depthwiseConv2dInputGradientOp,
  depthwiseConv2dOp,
  depthwiseConv2dWeightGradient,
  depthwiseConv2dWeightGradientOp,
} from "../../../src/ops/convolution/depthwise.ts";
import { convolvedSize } from "../../../src/ops/convolution/shared.ts";
import {
  type Bound,
  batchSizes,
  channelSizes,
  exact,
  IMAGE_SIZES,
  type OpCase,
  ofMagnitude,
} from "../../support/op-case.ts";
import { type Filling, tensor } from "../../support/tensors.ts";
import { KERNELS } from "./convolutions.ts";

/** Sizes at which a depthwise convolution and its two derivatives are tested. */
interface DepthwiseCase {
  readonly edge: string;
  readonly batch: number;
  readonly channels: number;
  readonly image: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly filling: Filling;
}

export function depthwiseSizes(block: number): DepthwiseCase[] {
  const plain = {
    batch: 2,
    channels: block,
    image: [5, 4],
    kernel: [3, 3],
    padding: [1, 1],
    filling: "integers",
  } as const;
  const channels = channelSizes(block).flatMap(([edge, size]) => [
    { ...plain, edge: `channels ${edge}`, channels: size },
    { ...plain, edge: `channels ${edge}, fractions`, channels: size, filling: "uniform" as const },
  ]);
  const batches = batchSizes(block).map(([edge, batch]) => ({ ...plain, edge: `batch ${edge}`, batch }));
  const images = IMAGE_SIZES.map(([edge, height, width]) => ({ ...plain, edge, image: [height, width] as const }));
  const kernels = KERNELS.flatMap((kernel) =>
    Array.from({ length: Math.max(...kernel) }, (_, padding) => ({
      ...plain,
      edge: "kernel and padding",
      image: [6, 7] as const,
      kernel,
      padding: [Math.min(padding, kernel[0] - 1), Math.min(padding, kernel[1] - 1)] as const,
    })),
  );
  const edges = [
    { ...plain, edge: "kernel as large as the image", image: [3, 5], kernel: [3, 5], padding: [0, 0] },
    { ...plain, edge: "kernel larger than the image", image: [2, 1], kernel: [3, 5], padding: [1, 2] },
    { ...plain, edge: "an image of 28", batch: 1, image: [28, 28] },
  ] as const;
  return [...channels, ...batches, ...images, ...kernels, ...edges];
}

/** The three operations at one size. */
function casesAt({ edge, batch, channels, image, kernel, padding, filling }: DepthwiseCase, block: number): OpCase[] {
  const x = tensor("x", [batch, channels, ...image], filling);
  const weight = tensor("weight", [channels, 1, ...kernel], filling);
  const bias = tensor("bias", [channels], filling);
  const output = [0, 1].map((axis) => convolvedSize(image[axis]!, kernel[axis]!, 1, padding[axis]!));
  const dy = tensor("dy", [batch, channels, ...output], filling);
  const isBlocked = channels % block === 0;
  const taps = kernel[0] * kernel[1];
  const bound = (terms: number, magnitude: OpCase["y"]): Bound =>
    filling === "integers" ? exact : ofMagnitude(terms, magnitude);

  const y = depthwiseConv2d(x.value, weight.value, { padding });
  const biased = depthwiseConv2d(x.value, weight.value, { padding, bias: bias.value });
  const dx = depthwiseConv2dInputGradient(dy.value, weight.value, { padding, shape: x.value.shape });
  const dweight = depthwiseConv2dWeightGradient(x.value, dy.value, { padding, shape: weight.value.shape });
  const name = `${edge}: ${formatShape(x.value.shape)} * ${formatShape(weight.value.shape)}, padding ${padding}`;
  return [
    { op: depthwiseConv2dOp, name, inputs: [x, weight], y, isBlocked, bound: bound(taps, y) },
    {
      op: depthwiseConv2dOp,
      name: `with a bias, ${name}`,
      inputs: [x, weight, bias],
      y: biased,
      isBlocked,
      bound: bound(taps + 1, biased),
    },
    {
      op: depthwiseConv2dInputGradientOp,
      name,
      inputs: [dy, weight],
      y: dx,
      isBlocked,
      bound: bound(taps, dx),
    },
    {
      op: depthwiseConv2dWeightGradientOp,
      name,
      inputs: [x, dy],
      y: dweight,
      isBlocked,
      bound: bound(batch * output[0]! * output[1]!, dweight),
    },
  ];
}

export function depthwiseCases(block: number): OpCase[] {
  return depthwiseSizes(block).flatMap((sizes) => casesAt(sizes, block));
}
