/**
 * A custom recipe: a small residual network. Train it with
 *
 *     node bin/tailor.js train examples/small-resnet.ts --evaluate test
 *
 * More in docs/own-models.md.
 */
import {
  batchNorm,
  conv2d,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  type Model,
  type Recipe,
  relu,
  residual,
} from "@tailor-ml/tailor";

/** Channels of the stages; each except the first halves the image. */
const WIDTHS = [16, 32, 64];

const smallResnet: Model = {
  name: "small-resnet",
  layers: ({ classes }) => [
    ...convolution(16, 1),
    relu(),
    ...WIDTHS.flatMap((width, stage) => block(width, stage === 0 ? 1 : 2)),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ],
};

/** Two convolutions and a shortcut. Where the block changes the shape, the shortcut is a 1x1 convolution. */
function block(channels: number, stride: 1 | 2): Layer[] {
  const body = [...convolution(channels, stride), relu(), ...convolution(channels, 1)];
  const shortcut = stride === 1 ? [] : [conv2d(channels, { kernelSize: 1, stride, bias: false }), batchNorm()];
  return [residual(body, shortcut), relu()];
}

function convolution(channels: number, stride: 1 | 2): Layer[] {
  return [conv2d(channels, { kernelSize: 3, padding: 1, stride, bias: false }), batchNorm()];
}

const recipe: Recipe = {
  name: "small-resnet",
  description: "three residual blocks, Muon, one-cycle",
  model: smallResnet,
  epochs: 6,
  batchSize: 128,
  learningRate: 4e-3,
  schedule: { kind: "oneCycle", riseFraction: 0.25, divFactor: 10, finalDivFactor: 100, anneal: "linear" },
  optimizer: { kind: "muon" },
  labelSmoothing: 0.1,
  augmentation: { horizontalFlip: "alternating", shift: 1 },
};

export default recipe;
