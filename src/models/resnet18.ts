import {
  batchNorm,
  conv2d,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  type Model,
  relu,
  residual,
} from "../nn/index.ts";

/** Channels of the four stages; each halves height and width but the first. */
const STAGE_WIDTHS = [64, 128, 256, 512];
const BLOCKS_PER_STAGE = 2;

/**
 * ResNet-18 (He et al. 2016) for small images: the stem is a 3x3 convolution with stride 2 without max pooling;
 * everything else as published, at full widths. 11,172,810 parameters for Fashion-MNIST.
 */
export const resnet18: Model = {
  name: "resnet18",
  layers: ({ classes }) => [
    ...convolution(STAGE_WIDTHS[0]!, 2),
    relu(),
    ...STAGE_WIDTHS.flatMap((width, stage) =>
      Array.from({ length: BLOCKS_PER_STAGE }, (_, block) => {
        const isFirst = stage > 0 && block === 0;
        return basicBlock(width, isFirst ? 2 : 1);
      }).flat(),
    ),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ],
};

/** Two convolutions and a shortcut, which is a 1x1 convolution where the block halves the image. */
function basicBlock(channels: number, stride: 1 | 2): Layer[] {
  const body = [...convolution(channels, stride), relu(), ...convolution(channels, 1)];
  const shortcut = stride === 1 ? [] : [conv2d(channels, { kernelSize: 1, stride, bias: false }), batchNorm()];
  return [residual(body, shortcut), relu()];
}

function convolution(channels: number, stride: 1 | 2): Layer[] {
  return [conv2d(channels, { kernelSize: 3, stride, padding: 1, bias: false }), batchNorm()];
}
