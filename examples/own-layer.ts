/**
 * Layers that tailor does not have: a gated convolution, made of two convolutions, and a learned temperature, made of
 * operations. Train them with
 *
 *     node bin/tailor.js train examples/own-layer.ts --limit 2000 --epochs 1
 *
 * More in docs/own-layers.md.
 */
import {
  block,
  conv2d,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  maxPool2d,
  type Recipe,
} from "@tailor-ml/tailor";
import { exp, filledWith, multiply, sigmoid } from "@tailor-ml/tailor/ops";

/** One convolution decides how much of the other passes, place by place (Dauphin et al. 2017). */
function gatedConvolution(channels: number): Layer {
  const convolution = () => conv2d(channels, { kernelSize: 3, padding: 1 });
  return block({
    kind: "gated",
    description: `gated convolution, ${channels}`,
    layers: { value: convolution(), gate: convolution() },
    forward: (x, apply) => multiply(apply("value", x), sigmoid(apply("gate", x))),
    pytorch: ["return self.value(x) * torch.sigmoid(self.gate(x))"],
  });
}

/** y = x * exp(scale): one parameter for all logits, which is never negative as a factor. */
function temperature(): Layer {
  return {
    kind: "temperature",
    description: "learned temperature",
    forward: (x, context) => multiply(x, exp(context.parameter("scale", [1], filledWith(0)))),
  };
}

const recipe: Recipe = {
  name: "gated",
  description: "gated convolutions and a learned temperature",
  model: {
    name: "gated",
    layers: ({ classes }) => [
      gatedConvolution(16),
      maxPool2d(2),
      gatedConvolution(32),
      globalAveragePool(),
      flatten(),
      linear(classes),
      temperature(),
    ],
  },
  epochs: 6,
  batchSize: 128,
  learningRate: 4e-3,
  schedule: { kind: "oneCycle", riseFraction: 0.25, divFactor: 10, finalDivFactor: 100, anneal: "linear" },
  optimizer: { kind: "muon" },
  labelSmoothing: 0.1,
  augmentation: { horizontalFlip: "alternating", shift: 1 },
};

export default recipe;
