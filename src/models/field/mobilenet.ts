import {
  batchNorm,
  block,
  conv2d,
  dropout,
  flatten,
  globalAveragePool,
  hardSwish,
  type Layer,
  linear,
  type Model,
  named,
  relu,
  relu6,
  sequential,
  silu,
  squeezeExcitation,
  stochasticDepth,
} from "../../nn/index.ts";
import { add } from "../../ops/elementwise.ts";
import { convolutionNorm, IMAGENET, MAX_DEFAULT_SIZE, roundedToEight } from "./parts.ts";
import { timmNames } from "./timm-names.ts";

/**
 * Networks of inverted residual blocks: 1x1 convolution to more channels, depthwise convolution, 1x1 convolution to fewer.
 * Names are torchvision's; `published.otherNames` are timm's.
 */

/** The layers under one name, and the input added where the shape stays the same. */
function inverted(name: "conv" | "block", layers: readonly Layer[], isResidual: boolean): Layer {
  return block({
    kind: "inverted",
    description: "inverted residual",
    layers: { [name]: sequential(layers) } as Record<typeof name, Layer>,
    forward: (x, apply) => (isResidual ? add(x, apply(name, x)) : apply(name, x)),
    pytorch: [isResidual ? `return x + self.${name}(x)` : `return self.${name}(x)`],
  });
}

/** Stages of MobileNetV2: channels inside per channel of the input, channels of the result, blocks, stride of the first. */
const V2_STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** MobileNetV2 (Sandler et al. 2018). 3,504,872 parameters for 1,000 classes. */
export const mobilenetV2: Model = {
  name: "mobilenet_v2",
  published: {
    ...IMAGENET,
    otherNames: timmNames({
      kind: "conv",
      blocks: V2_STAGES.flatMap(([expansion, , count], stage) =>
        Array.from({ length: count }, (_, i) => ({ place: `${stage}.${i}`, isExpanded: expansion > 1 })),
      ).map((block, i) => ({ ...block, ours: `features.${1 + i}` })),
      last: { convolution: "conv_head", norm: "bn2", ours: "features.18" },
      classifier: { classifier: "classifier.1" },
    }),
  },
  maxDefaultSize: MAX_DEFAULT_SIZE,
  layers({ classes }) {
    const blocks: Layer[] = [];
    let inputs = 32;
    for (const [expansion, outputs, count, first] of V2_STAGES)
      for (let i = 0; i < count; i++) {
        const stride = i === 0 ? first : 1;
        const inside = inputs * expansion;
        const layers = [
          ...(expansion === 1 ? [] : [convolutionNorm(inside, { kernel: 1, activation: relu6() })]),
          convolutionNorm(inside, { kernel: 3, stride, isDepthwise: true, activation: relu6() }),
          conv2d(outputs, { kernelSize: 1, bias: false }),
          batchNorm(),
        ];
        blocks.push(inverted("conv", layers, stride === 1 && inputs === outputs));
        inputs = outputs;
      }
    const stem = convolutionNorm(32, { kernel: 3, stride: 2, activation: relu6() });
    const last = convolutionNorm(1280, { kernel: 1, activation: relu6() });
    return [
      named("features", sequential([stem, ...blocks, last])),
      globalAveragePool(),
      flatten(),
      named("classifier", sequential([dropout(0.2), linear(classes)])),
    ];
  },
};

/** Blocks of MobileNetV3: kernel, channels inside, of the result, squeeze and excitation, hard swish or ReLU, stride. */
const V3_SMALL = [
  [3, 16, 16, true, false, 2],
  [3, 72, 24, false, false, 2],
  [3, 88, 24, false, false, 1],
  [5, 96, 40, true, true, 2],
  [5, 240, 40, true, true, 1],
  [5, 240, 40, true, true, 1],
  [5, 120, 48, true, true, 1],
  [5, 144, 48, true, true, 1],
  [5, 288, 96, true, true, 2],
  [5, 576, 96, true, true, 1],
  [5, 576, 96, true, true, 1],
] as const;

/** MobileNetV3, the small one (Howard et al. 2019). 2,542,856 parameters for 1,000 classes. */
export const mobilenetV3Small: Model = {
  name: "mobilenet_v3_small",
  published: IMAGENET,
  maxDefaultSize: MAX_DEFAULT_SIZE,
  layers: ({ classes }) => v3Small(classes, { epsilon: 1e-3, momentum: 0.01 }),
};

/** Blocks of each stage in timm, which counts the last convolution as one more. */
const V3_TIMM_STAGES = [1, 2, 3, 2, 3] as const;

/** The same network as timm trains it: batch norm with PyTorch's defaults, so that weights of the one are not those of the other. */
export const mobilenetV3Small100: Model = {
  name: "mobilenetv3_small_100",
  published: {
    ...IMAGENET,
    otherNames: timmNames({
      kind: "block",
      blocks: V3_TIMM_STAGES.flatMap((count, stage) => Array.from({ length: count }, (_, i) => `${stage}.${i}`)).map(
        (place, i) => ({ place, ours: `features.${1 + i}`, isExpanded: i > 0, isSqueezed: V3_SMALL[i]![3] }),
      ),
      last: { convolution: "blocks.5.0.conv", norm: "blocks.5.0.bn1", ours: "features.12" },
      classifier: { conv_head: "classifier.0", classifier: "classifier.3" },
    }),
  },
  maxDefaultSize: MAX_DEFAULT_SIZE,
  layers: ({ classes }) => v3Small(classes, {}),
};

function v3Small(classes: number, norm: Parameters<typeof batchNorm>[0]): Layer[] {
  let inputs = 16;
  const blocks = V3_SMALL.map(([kernel, inside, outputs, isSqueezed, isSwish, stride]) => {
    const activation = isSwish ? hardSwish() : relu();
    const squeezed = squeezeExcitation(roundedToEight(Math.floor(inside / 4)), { gate: "hardSigmoid" });
    const layers = [
      ...(inside === inputs ? [] : [convolutionNorm(inside, { kernel: 1, activation, norm })]),
      convolutionNorm(inside, { kernel, stride, isDepthwise: true, activation, norm }),
      ...(isSqueezed ? [squeezed] : []),
      convolutionNorm(outputs, { kernel: 1, norm }),
    ];
    const made = inverted("block", layers, stride === 1 && inputs === outputs);
    inputs = outputs;
    return made;
  });
  const stem = convolutionNorm(16, { kernel: 3, stride: 2, activation: hardSwish(), norm });
  const last = convolutionNorm(576, { kernel: 1, activation: hardSwish(), norm });
  return [
    named("features", sequential([stem, ...blocks, last])),
    globalAveragePool(),
    flatten(),
    named("classifier", sequential([linear(1024), hardSwish(), dropout(0.2), linear(classes)])),
  ];
}

/** Stages of EfficientNet-B0: channels inside per channel, kernel, stride of the first block, channels, blocks. */
const B0_STAGES = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

/** Probability to skip the last block in training; it rises from 0 at the first. */
const B0_STOCHASTIC_DEPTH = 0.2;

/** EfficientNet-B0 (Tan and Le 2019). 5,288,548 parameters for 1,000 classes. */
export const efficientnetB0: Model = {
  name: "efficientnet_b0",
  published: {
    ...IMAGENET,
    otherNames: timmNames({
      kind: "block",
      blocks: B0_STAGES.flatMap(([expansion, , , , count], stage) =>
        Array.from({ length: count }, (_, i) => ({
          place: `${stage}.${i}`,
          ours: `features.${1 + stage}.${i}`,
          isExpanded: expansion > 1,
          isSqueezed: true,
        })),
      ),
      last: { convolution: "conv_head", norm: "bn2", ours: "features.8" },
      classifier: { classifier: "classifier.1" },
    }),
  },
  maxDefaultSize: MAX_DEFAULT_SIZE,
  layers({ classes }) {
    const total = B0_STAGES.reduce((sum, [, , , , count]) => sum + count, 0);
    let [inputs, index] = [32, 0];
    const stages = B0_STAGES.map(([expansion, kernel, first, outputs, count]) =>
      sequential(
        Array.from({ length: count }, (_, i) => {
          const stride = i === 0 ? first : 1;
          const inside = inputs * expansion;
          const isResidual = stride === 1 && inputs === outputs;
          const made = inverted(
            "block",
            [
              ...(expansion === 1 ? [] : [convolutionNorm(inside, { kernel: 1, activation: silu() })]),
              convolutionNorm(inside, { kernel, stride, isDepthwise: true, activation: silu() }),
              squeezeExcitation(Math.max(1, Math.floor(inputs / 4)), { activation: "silu" }),
              convolutionNorm(outputs, { kernel: 1 }),
              ...(isResidual ? [stochasticDepth((B0_STOCHASTIC_DEPTH * index) / total)] : []),
            ],
            isResidual,
          );
          inputs = outputs;
          index++;
          return made;
        }),
      ),
    );
    const stem = convolutionNorm(32, { kernel: 3, stride: 2, activation: silu() });
    const last = convolutionNorm(1280, { kernel: 1, activation: silu() });
    return [
      named("features", sequential([stem, ...stages, last])),
      globalAveragePool(),
      flatten(),
      named("classifier", sequential([dropout(0.2), linear(classes)])),
    ];
  },
};
