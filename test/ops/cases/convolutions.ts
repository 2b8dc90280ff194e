import { formatShape } from "../../../src/graph/shape.ts";
import { conv2d, conv2dOp, fusedConv2d, fusedConv2dOp } from "../../../src/ops/convolution/conv2d.ts";
import { conv2dInputGradient, conv2dInputGradientOp } from "../../../src/ops/convolution/input-gradient.ts";
import { convolvedSize } from "../../../src/ops/convolution/shared.ts";
import { conv2dWeightGradient, conv2dWeightGradientOp } from "../../../src/ops/convolution/weight-gradient.ts";
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

/** Sizes at which a convolution and its two derivatives are tested. */
export interface ConvolutionCase {
  readonly edge: string;
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
  readonly image: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly padding: readonly [number, number];
  readonly filling: Filling;
}

/** Heights and widths: one pixel, even, odd, not square. */
export const KERNELS = [
  [1, 1],
  [2, 2],
  [3, 3],
  [5, 5],
  [1, 3],
  [3, 1],
  [2, 5],
] as const;

export function convolutionSizes(block: number): ConvolutionCase[] {
  const plain = {
    batch: 2,
    channels: block,
    outputs: block,
    image: [5, 4],
    kernel: [3, 3],
    stride: 1,
    padding: [1, 1],
    filling: "integers",
  } as const;
  /** Both blocked forms: on blocked images, and on canonical ones with fewer channels than a block. */
  const both = (sizes: ConvolutionCase): ConvolutionCase[] => [
    { ...sizes, edge: `${sizes.edge}, blocked input`, channels: block },
    { ...sizes, edge: `${sizes.edge}, canonical input`, channels: 3 },
  ];

  const channels = channelSizes(block).flatMap(([edge, size]) => [
    { ...plain, edge: `input channels ${edge}`, channels: size },
    { ...plain, edge: `input channels ${edge}, fractions`, channels: size, filling: "uniform" as const },
    { ...plain, edge: `output channels ${edge}`, outputs: size },
    { ...plain, edge: `output channels ${edge}, three in`, channels: 3, outputs: size },
    { ...plain, edge: `all channels ${edge}, fractions`, channels: size, outputs: size, filling: "uniform" as const },
  ]);
  const batches = batchSizes(block).flatMap(([edge, batch]) =>
    both({ ...plain, edge: `batch ${edge}`, batch, image: [4, 3] }),
  );
  const images = IMAGE_SIZES.flatMap(([edge, height, width]) => both({ ...plain, edge, image: [height, width] }));
  const kernels = KERNELS.flatMap((kernel) =>
    [1, 2].flatMap((stride) =>
      Array.from({ length: Math.max(...kernel) }, (_, padding) =>
        both({
          ...plain,
          edge: "kernel and padding",
          image: [6, 7],
          kernel,
          stride,
          padding: [Math.min(padding, kernel[0] - 1), Math.min(padding, kernel[1] - 1)],
        }),
      ).flat(),
    ),
  );
  const remainders = [4, 5, 6, 7, 8, 9].flatMap((size) =>
    [1, 2, 3].flatMap((kernel) =>
      both({
        ...plain,
        edge: "stride 2 with and without a remainder",
        image: [size, 13 - size],
        kernel: [kernel, kernel],
        stride: 2,
        padding: [0, kernel - 1],
      }),
    ),
  );
  const odd = [1, 2, 3].flatMap((kernel) =>
    both({
      ...plain,
      edge: "stride 2 of odd sizes",
      image: [5, 7],
      kernel: [kernel, kernel],
      stride: 2,
      padding: [0, 0],
    }),
  );
  const wide = [1, 2].flatMap((stride) => [
    ...both({ ...plain, edge: "padding of the kernel's size", kernel: [1, 1], stride, padding: [1, 1] }),
    ...both({ ...plain, edge: "padding above the kernel's size", kernel: [2, 3], stride, padding: [3, 4] }),
    ...both({ ...plain, edge: "padding too wide in one direction", kernel: [3, 2], stride, padding: [1, 2] }),
    ...both({ ...plain, edge: "kernel as large as the image", image: [3, 5], kernel: [3, 5], stride, padding: [0, 0] }),
    ...both({ ...plain, edge: "kernel larger than the image", image: [2, 1], kernel: [3, 5], stride, padding: [1, 2] }),
  ]);
  // Weight gradients have a special form where there are more weights than pixels and the batch fills blocks.
  const heavy = [1, 2].flatMap((stride) =>
    (
      [
        [2, 2],
        [1, 3],
        [3, 1],
      ] as const
    ).flatMap((image) =>
      [block, block + 1].map((batch) => ({
        ...plain,
        edge: `weights outweigh the images, batch ${batch}`,
        batch,
        image,
        channels: 4 * block,
        outputs: 2 * block,
        kernel: [7, 7] as const,
        stride,
        padding: [3, 3] as const,
      })),
    ),
  );
  const few = [1, 2].flatMap((stride) =>
    [block, 2 * block].map((batch) => ({
      ...plain,
      edge: `few pixels, batch ${batch}`,
      batch,
      image: [4, 2] as const,
      channels: 2 * block,
      stride,
    })),
  );
  const large = [1, 2].flatMap((stride) =>
    both({ ...plain, edge: "an image of 28", batch: 1, image: [28, 28], stride }),
  );
  return [...channels, ...batches, ...images, ...kernels, ...remainders, ...odd, ...wide, ...heavy, ...few, ...large];
}

function vars({ batch, channels, outputs, image, kernel, stride, padding }: ConvolutionCase): string {
  return `${formatShape([batch, channels, ...image])} * ${formatShape([outputs, channels, ...kernel])}, stride ${stride}, padding ${padding}`;
}

/** All four convolution operations at one size. */
function casesAt(sizes: ConvolutionCase, block: number): OpCase[] {
  const { edge, batch, channels, outputs, image, kernel, stride, padding, filling } = sizes;
  const x = tensor("x", [batch, channels, ...image], filling);
  const weight = tensor("weight", [outputs, channels, ...kernel], filling);
  const bias = tensor("bias", [outputs], filling);
  const outputHeight = convolvedSize(image[0], kernel[0], stride, padding[0]);
  const outputWidth = convolvedSize(image[1], kernel[1], stride, padding[1]);
  const dy = tensor("dy", [batch, outputs, outputHeight, outputWidth], filling);
  const attributes = { stride, padding };
  const isBlocked = outputs % block === 0 && (channels < block || channels % block === 0);
  // With stride 2 odd pixels see one row of padding less: it must be narrower by one, unless no row of the kernel meets
  // them.
  const widest = (size: number) => (stride === 1 || size === 1 ? size - 1 : size - 2);
  const isTurnable = padding[0] <= widest(kernel[0]) && padding[1] <= widest(kernel[1]);
  const taps = kernel[0] * kernel[1];
  const bound = (terms: number, magnitude: OpCase["y"]): Bound =>
    filling === "integers" ? exact : ofMagnitude(terms, magnitude);

  const y = conv2d(x.value, weight.value, attributes);
  const dx = conv2dInputGradient(dy.value, weight.value, { ...attributes, shape: x.value.shape });
  const dweight = conv2dWeightGradient(x.value, dy.value, { ...attributes, shape: weight.value.shape });
  const fused = (relu: boolean) => fusedConv2d(x.value, weight.value, bias.value, { ...attributes, relu });
  const name = `${edge}: ${vars(sizes)}`;
  const fusedCase = (relu: boolean): OpCase => ({
    op: fusedConv2dOp,
    name: `${relu ? "with ReLU, " : ""}${name}`,
    inputs: [x, weight, bias],
    y: fused(relu),
    isBlocked,
    bound: bound(channels * taps + 1, fused(false)),
  });
  return [
    { op: conv2dOp, name, inputs: [x, weight], y, isBlocked, bound: bound(channels * taps, y) },
    ...(edge.includes("channels") ? [fusedCase(false)] : []),
    fusedCase(true),
    {
      op: conv2dInputGradientOp,
      name,
      inputs: [dy, weight],
      y: dx,
      isBlocked: isBlocked && channels % block === 0 && isTurnable,
      bound: bound(outputs * taps, dx),
    },
    {
      op: conv2dWeightGradientOp,
      name,
      inputs: [x, dy],
      y: dweight,
      isBlocked,
      bound: bound(batch * outputHeight * outputWidth, dweight),
    },
  ];
}

export function convolutionCases(block: number): OpCase[] {
  return convolutionSizes(block).flatMap((sizes) => casesAt(sizes, block));
}
