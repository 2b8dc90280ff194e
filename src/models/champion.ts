import {
  batchNorm,
  conv2d,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  type Model,
  maxPool2d,
  relu,
  residual,
  silu,
} from "../nn/index.ts";
import { convolution } from "./resnet18.ts";

/** Channels of the stem and of the two stages: multiples of 16, a vector register of AVX-512. */
const [STEM, FIRST, SECOND] = [16, 48, 96];

/**
 * A network of at most 31 M multiply-adds, in the form of ResNet-9 (Page 2018, "How to train your ResNet"): a stage is a
 * convolution with max pooling, then a residual block of two convolutions. Pooling comes before batch norm and
 * activation, as in Jordan 2024 (arXiv 2404.00498), so that these run on a quarter of the elements. 257,754 parameters
 * for Fashion-MNIST. What is known of it: docs/log.md.
 */
export const champion: Model = {
  name: "champion",
  layers: ({ classes }) => [
    ...convolution(STEM, 1),
    silu(),
    ...stage(FIRST),
    ...stage(SECOND),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ],
};

/**
 * For races: the Base Model with batch norm, SiLU and a third convolution with a shortcut, pooled before batch norm as
 * the champion is. Its dense layer learns in few epochs what global average pooling takes more for. 6.0 M multiply-adds,
 * 458,858 parameters for Fashion-MNIST. How it was chosen: docs/log.md.
 */
export const sprint: Model = {
  name: "sprint",
  layers: ({ classes }) => [
    ...pooled(32),
    ...pooled(64),
    residual([...convolution(64, 1), silu()]),
    flatten(),
    linear(128, { bias: false }),
    batchNorm(),
    relu(),
    linear(classes),
  ],
};

/** Halves the image. */
function stage(channels: number): Layer[] {
  return [...pooled(channels), residual([...convolution(channels, 1), silu(), ...convolution(channels, 1), silu()])];
}

function pooled(channels: number): Layer[] {
  return [conv2d(channels, { kernelSize: 3, padding: 1, bias: false }), maxPool2d(2), batchNorm(), silu()];
}
