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
 * The most accurate network found under 25,000 parameters: depthwise separable convolutions (Howard et al. 2017), with
 * shortcuts where the number of channels stays the same. 23,866 parameters for Fashion-MNIST. How it was chosen:
 * docs/tiny.md.
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

/** A depthwise separable 3x3 convolution: depthwise, then 1x1 across channels. */
function separable(channels: number): Layer[] {
  return [
    depthwiseConv2d({ kernelSize: 3, padding: 1, bias: false }),
    batchNorm(),
    conv2d(channels, { kernelSize: 1, bias: false }),
    batchNorm(),
  ];
}
