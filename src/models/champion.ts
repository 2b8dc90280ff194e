import {
  batchNorm,
  conv2d,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  type Model,
  maxPool2d,
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
 * The champion's form at the cost of the Base Model (4.2 M multiply-adds), for races: the first convolution is pooled
 * at once, and there is one residual block. 52,882 parameters for Fashion-MNIST.
 */
export const sprint: Model = {
  name: "sprint",
  layers: ({ classes }) => [...pooled(24), ...stage(48), globalAveragePool(), flatten(), linear(classes)],
};

/** Halves the image. */
function stage(channels: number): Layer[] {
  return [...pooled(channels), residual([...convolution(channels, 1), silu(), ...convolution(channels, 1), silu()])];
}

function pooled(channels: number): Layer[] {
  return [conv2d(channels, { kernelSize: 3, padding: 1, bias: false }), maxPool2d(2), batchNorm(), silu()];
}
