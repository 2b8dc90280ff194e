/** Networks with tensors in which every layer matters, and what the training engine says of them. */
import { compile } from "../../../src/compile/compile.ts";
import type { Lowering } from "../../../src/compile/program.ts";
import { evaluationProgram } from "../../../src/evaluation/evaluate.ts";
import { photos } from "../../../src/models/photos.ts";
import { base, enhanced } from "../../../src/models/study.ts";
import { tiny } from "../../../src/models/tiny.ts";
import {
  adaptiveAveragePool2d,
  averagePool2d,
  batchNorm,
  block as blockOf,
  classToken,
  conv2d,
  convTranspose2d,
  depthwiseConv2d,
  dropout,
  elu,
  exchangeTokens,
  firstToken,
  flatten,
  gelu,
  globalAveragePool,
  groupNorm,
  hardSigmoid,
  hardSwish,
  instanceNorm,
  type Layer,
  layerNorm,
  layerNorm2d,
  layerScale,
  leakyRelu,
  linear,
  maxPool2d,
  meanOfTokens,
  multiHeadAttention,
  named,
  positionEmbedding,
  relu,
  relu6,
  residual,
  sequential,
  sigmoid,
  silu,
  softplus,
  squeezeExcitation,
  stochasticDepth,
  tanh,
  tokens,
  zeroPad2d,
} from "../../../src/nn/index.ts";
import { buildModel, type ImageTask, initialTensors, type Model } from "../../../src/nn/model.ts";
import { sigmoid as sigmoidOp } from "../../../src/ops/activations.ts";
import { add, multiply } from "../../../src/ops/elementwise.ts";
import { nodeRuntime } from "../../../src/runtime/node/index.ts";
import { hash, uniform } from "../../golden/inputs.ts";

const block = (channels: number, stride: number): Layer =>
  residual(
    [
      conv2d(channels, { kernelSize: 3, stride, padding: 1, bias: false }),
      batchNorm({ epsilon: 1e-2 }),
      relu(),
      conv2d(channels, { kernelSize: 3, padding: 1 }),
      batchNorm(),
    ],
    stride === 1 ? [] : [conv2d(channels, { kernelSize: 1, stride }), batchNorm()],
  );

/** Convolutions, pools, norms and activations in all their forms. */
export const imageNetwork: Model = {
  name: "images",
  layers: ({ classes }) => [
    named(
      "stem",
      sequential([conv2d(12, { kernelSize: [3, 5], padding: "same" }), groupNorm(4, { epsilon: 1e-3 }), relu6()]),
    ),
    zeroPad2d([1, 0, 2, 3]),
    conv2d(12, { kernelSize: 3, dilation: [1, 2], groups: 3 }),
    leakyRelu(0.2),
    maxPool2d(3, { stride: [1, 2], padding: 1, ceilMode: true }),
    depthwiseConv2d({ kernelSize: 3, stride: 2, padding: 1, multiplier: 2, bias: false }),
    layerNorm2d({ epsilon: 1e-6 }),
    elu(0.5),
    averagePool2d(2, { stride: 1, padding: 1, countIncludePad: false }),
    convTranspose2d(18, { kernelSize: 3, stride: [2, 1], padding: 1, outputPadding: [1, 0], groups: 2 }),
    instanceNorm({ affine: true }),
    hardSwish(),
    residual([squeezeExcitation(4, { activation: "silu", gate: "hardSigmoid" }), stochasticDepth(0.1)]),
    squeezeExcitation(4),
    averagePool2d([2, 1]),
    layerScale(0.3),
    softplus(),
    blockOf({
      kind: "own",
      description: "two ways",
      layers: {
        left: conv2d(18, { kernelSize: 1 }),
        right: sequential([tanh(), conv2d(18, { kernelSize: 1, bias: false })]),
      },
      forward: (x, apply) => multiply(apply("left", x), sigmoidOp(apply("right", x))),
      pytorch: ["return self.left(x) * torch.sigmoid(self.right(x))"],
    }),
    adaptiveAveragePool2d([3, 2]),
    flatten(),
    linear(classes),
  ],
};

/** Layers on tokens. */
export const tokenNetwork: Model = {
  name: "tokens",
  layers: ({ classes }) => [
    conv2d(12, { kernelSize: 4, stride: 4 }),
    tokens(),
    named("cls_token", classToken()),
    named("pos_embed", positionEmbedding()),
    residual([layerNorm({ epsilon: 1e-6 }), multiHeadAttention(3)]),
    residual([layerNorm({ affine: false }), linear(20), gelu(), linear(12, { bias: false })]),
    residual([
      multiHeadAttention(2),
      exchangeTokens(),
      linear(7),
      gelu({ approximate: "tanh" }),
      linear(7),
      exchangeTokens(),
    ]),
    sigmoid(),
    blockOf({
      kind: "both",
      description: "first token and mean",
      layers: { first: firstToken(), mean: sequential([meanOfTokens(), hardSigmoid()]) },
      forward: (x, apply) => add(apply("first", x), apply("mean", x)),
      pytorch: ["return x[:, 0] + self.mean(x)"],
    }),
    linear(classes),
  ],
};

/** Everything else that src/nn has: oblong kernels, strides, shortcuts with several statements, blocks in blocks. */
export const residualNetwork: Model = {
  name: 'residual "network"',
  layers: ({ classes }) => [
    conv2d(16, { kernelSize: [3, 1], padding: [1, 0] }),
    batchNorm(),
    relu(),
    block(16, 1),
    relu(),
    block(16, 1),
    relu(),
    maxPool2d(2),
    block(32, 2),
    residual([residual([relu(), conv2d(32, { kernelSize: 1 })]), relu()], [conv2d(32, { kernelSize: 1 }), relu()]),
    // Its body is one call and its shortcut several statements: the order of the two matters.
    residual([conv2d(32, { kernelSize: 1 })], [conv2d(32, { kernelSize: 1 }), conv2d(32, { kernelSize: 1 }), relu()]),
    depthwiseConv2d({ kernelSize: [3, 1], padding: [1, 0] }),
    residual([depthwiseConv2d({ kernelSize: 3, padding: 1, bias: false }), batchNorm(), silu()]),
    globalAveragePool(),
    flatten(),
    dropout(0.5),
    linear(12, { bias: false }),
    batchNorm({ momentum: 0.2 }),
    relu(),
    linear(classes),
  ],
};

const FASHION: ImageTask = { channels: 1, height: 28, width: 28, classes: 10 };
const COLOUR: ImageTask = { channels: 3, height: 13, width: 10, classes: 4 };

export const NETWORKS: readonly { model: Model; task: ImageTask }[] = [
  { model: base, task: FASHION },
  { model: enhanced, task: FASHION },
  { model: tiny, task: FASHION },
  { model: photos, task: { channels: 3, height: 21, width: 34, classes: 4 } },
  { model: residualNetwork, task: COLOUR },
  { model: imageNetwork, task: COLOUR },
  { model: tokenNetwork, task: COLOUR },
];

/** A network, its normalisation different for each channel, and batch norm moved away from where it changes nothing. */
export function networkOf(model: Model, task: ImageTask) {
  const normalization = {
    mean: Array.from({ length: task.channels }, (_, i) => 0.3 + i / 10),
    standardDeviation: Array.from({ length: task.channels }, (_, i) => 0.35 - i / 20),
  };
  const graph = buildModel(model, { task, normalization, batchSize: 1, mode: "inference" });
  const first = initialTensors(graph, 5);
  for (const [name, data] of first) {
    if (!/\bbn\d|_bn\d/.test(name)) continue;
    const move = name.endsWith("running_var") ? (u: number) => 1 + u / 2 : (u: number) => u + Math.sign(u) / 2;
    data.forEach((_, i) => {
      data[i] = move(uniform(name.length, i));
    });
  }
  const tensors = graph.tensors.map(({ name, value }) => ({ name, shape: value.shape, data: first.get(name)! }));
  const classNames = Array.from({ length: task.classes }, (_, i) => `class "${i}" \\ ü`);
  return { model, task, normalization, classNames, tensors };
}

/** Pixels of `count` images, 0 to 255. */
export const pixelsFor = ({ channels, height, width }: ImageTask, count: number) =>
  Uint8Array.from({ length: count * channels * height * width }, (_, i) => hash(17, i) % 256);

/** Logits [count, classes] of the graph that validation runs. */
export async function engineLogitsOf(
  { model, task, normalization, tensors }: ReturnType<typeof networkOf>,
  pixels: Uint8Array,
  lowering: Lowering,
): Promise<Float32Array> {
  const batchSize = pixels.length / (task.channels * task.height * task.width);
  const program = evaluationProgram(model, { task, batchSize, normalization });
  const session = await nodeRuntime.open(compile(program, lowering), { threads: 1 });
  try {
    session.load(new Map(tensors.map(({ name, data }) => [name, data])));
    return (await session.run({ pixels })).logits!.slice();
  } finally {
    await session.release();
  }
}
