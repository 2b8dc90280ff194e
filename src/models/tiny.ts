import {
  batchNorm,
  conv2d,
  depthwiseConv2d,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  type Model,
  maxPool2d,
  residual,
  silu,
} from "../nn/index.ts";

/**
 * As accurate as 25,000 parameters get: depthwise and 1x1 convolutions in turn (Howard et al. 2017), beside shortcuts where
 * the channels stay the same. 23,866 parameters for Fashion-MNIST. How it was chosen: docs/tiny.md.
 */
export const tiny: Model = {
  name: "tiny",
  layers: ({ classes }) => [
    conv2d(32, { kernelSize: 3, padding: 1, bias: false }),
    batchNorm(),
    silu(),
    residual(separable(32)),
    silu(),
    maxPool2d(2),
    ...separable(48),
    silu(),
    residual(separable(48)),
    silu(),
    residual(separable(48)),
    silu(),
    maxPool2d(2),
    ...separable(64),
    silu(),
    residual(separable(64)),
    silu(),
    residual(separable(64)),
    silu(),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ],
};

/** A 3x3 convolution in two steps: each channel by itself, then across channels. */
function separable(channels: number): Layer[] {
  return [
    depthwiseConv2d({ kernelSize: 3, padding: 1, bias: false }),
    batchNorm(),
    conv2d(channels, { kernelSize: 1, bias: false }),
    batchNorm(),
  ];
}
