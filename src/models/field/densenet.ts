import {
  averagePool2d,
  batchNorm,
  block,
  conv2d,
  dropout,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  type Model,
  maxPool2d,
  named,
  relu,
  sequential,
} from "../../nn/index.ts";
import { relu as reluOp } from "../../ops/elementwise.ts";
import { concat } from "../../ops/reshape.ts";
import { IMAGENET, MAX_DEFAULT_SIZE } from "./parts.ts";

/** Networks that join channels: their names are torchvision's. */

/** Channels that each dense layer adds, and those of its 1x1 convolution. */
const [GROWTH, INNER] = [32, 128];
const STAGES = [6, 12, 24, 16];

/** Batch norm, ReLU and convolution twice; the result is joined to the input. */
function denseLayer(): Layer {
  return block({
    kind: "dense",
    description: `dense layer, ${GROWTH} more channels`,
    layers: {
      norm1: batchNorm(),
      conv1: conv2d(INNER, { kernelSize: 1, bias: false }),
      norm2: batchNorm(),
      conv2: conv2d(GROWTH, { kernelSize: 3, padding: 1, bias: false }),
    },
    forward(x, apply) {
      const inner = apply("conv1", reluOp(apply("norm1", x)));
      return concat([x, apply("conv2", reluOp(apply("norm2", inner)))], 1);
    },
    pytorch: [
      "y = self.conv1(F.relu(self.norm1(x)))",
      "y = self.conv2(F.relu(self.norm2(y)))",
      "return torch.cat([x, y], 1)",
    ],
  });
}

/** Half of the channels, half of the image. */
function transition(channels: number): Layer {
  return sequential([
    named("norm", batchNorm()),
    named("relu", relu()),
    named("conv", conv2d(channels, { kernelSize: 1, bias: false })),
    named("pool", averagePool2d(2)),
  ]);
}

/** DenseNet-121 (Huang et al. 2017). 7,978,856 parameters for 1,000 classes. Images of at least 29x29. */
export const densenet121: Model = {
  name: "densenet121",
  published: IMAGENET,
  maxDefaultSize: MAX_DEFAULT_SIZE,
  layers({ classes }) {
    let channels = 64;
    const stages = STAGES.flatMap((count, stage) => {
      const layers = Array.from({ length: count }, (_, i) => named(`denselayer${i + 1}`, denseLayer()));
      const joined = named(`denseblock${stage + 1}`, sequential(layers));
      channels += count * GROWTH;
      if (stage === STAGES.length - 1) return [joined];
      channels /= 2;
      return [joined, named(`transition${stage + 1}`, transition(channels))];
    });
    const features = sequential([
      named("conv0", conv2d(64, { kernelSize: 7, stride: 2, padding: 3, bias: false })),
      named("norm0", batchNorm()),
      named("relu0", relu()),
      named("pool0", maxPool2d(3, { stride: 2, padding: 1 })),
      ...stages,
      named("norm5", batchNorm()),
    ]);
    return [named("features", features), relu(), globalAveragePool(), flatten(), named("classifier", linear(classes))];
  },
};

/** A 1x1 convolution to few channels, and 1x1 and 3x3 convolutions side by side. */
function fire(squeezed: number, expanded: number): Layer {
  return block({
    kind: "fire",
    description: `fire, ${squeezed} to ${2 * expanded}`,
    layers: {
      squeeze: conv2d(squeezed, { kernelSize: 1 }),
      expand1x1: conv2d(expanded, { kernelSize: 1 }),
      expand3x3: conv2d(expanded, { kernelSize: 3, padding: 1 }),
    },
    forward(x, apply) {
      const inner = reluOp(apply("squeeze", x));
      return concat([reluOp(apply("expand1x1", inner)), reluOp(apply("expand3x3", inner))], 1);
    },
    pytorch: [
      "x = F.relu(self.squeeze(x))",
      "return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)",
    ],
  });
}

/** SqueezeNet 1.1 (Iandola et al. 2016). 1,235,496 parameters for 1,000 classes. */
export const squeezenet11: Model = {
  name: "squeezenet1_1",
  published: IMAGENET,
  maxDefaultSize: MAX_DEFAULT_SIZE,
  layers({ classes }) {
    const pool = () => maxPool2d(3, { stride: 2, ceilMode: true });
    const features = [
      conv2d(64, { kernelSize: 3, stride: 2 }),
      relu(),
      pool(),
      fire(16, 64),
      fire(16, 64),
      pool(),
      fire(32, 128),
      fire(32, 128),
      pool(),
      fire(48, 192),
      fire(48, 192),
      fire(64, 256),
      fire(64, 256),
    ];
    return [
      named("features", sequential(features)),
      named("classifier", sequential([dropout(0.5), conv2d(classes, { kernelSize: 1 }), relu(), globalAveragePool()])),
      flatten(),
    ];
  },
};
