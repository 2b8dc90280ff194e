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

const BLOCKS_PER_STAGE = 2;

/**
 * ResNet-18 (He et al. 2016) for small images: the stem is a 3x3 convolution with stride 2 without max pooling;
 * everything else as published, at full widths. 11,172,810 parameters for Fashion-MNIST.
 */
export const resnet18: Model = {
  name: "resnet18",
  layers: ({ classes }) => resNet(classes, { widths: [64, 128, 256, 512], stemStride: 2 }),
};

/**
 * The network that kefth published as ResNet18 for Fashion-MNIST (https://github.com/kefth/fashion-mnist): three stages,
 * and a stem that keeps the image's size. 2,776,522 parameters.
 */
export const resnet18Kefth: Model = {
  name: "resnet18-kefth",
  layers: ({ classes }) => resNet(classes, { widths: [64, 128, 256], stemStride: 1 }),
};

/** @param options `widths`: channels of the stages; each but the first halves height and width */
function resNet(
  classes: number,
  { widths, stemStride }: { readonly widths: readonly number[]; readonly stemStride: 1 | 2 },
): Layer[] {
  return [
    ...convolution(widths[0]!, stemStride),
    relu(),
    ...widths.flatMap((width, stage) =>
      Array.from({ length: BLOCKS_PER_STAGE }, (_, block) => {
        const isFirst = stage > 0 && block === 0;
        return basicBlock(width, isFirst ? 2 : 1);
      }).flat(),
    ),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ];
}

/** Two convolutions and a shortcut, which is a 1x1 convolution where the block halves the image. */
export function basicBlock(channels: number, stride: 1 | 2): Layer[] {
  const body = [...convolution(channels, stride), relu(), ...convolution(channels, 1)];
  const shortcut = stride === 1 ? [] : [conv2d(channels, { kernelSize: 1, stride, bias: false }), batchNorm()];
  return [residual(body, shortcut), relu()];
}

/** A 3x3 convolution and batch norm. */
export function convolution(channels: number, stride: 1 | 2): Layer[] {
  return [conv2d(channels, { kernelSize: 3, stride, padding: 1, bias: false }), batchNorm()];
}
