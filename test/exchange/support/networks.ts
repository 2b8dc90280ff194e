/** Networks with tensors in which every layer matters, and what the training engine says of them. */
import { compile } from "../../../src/compile/compile.ts";
import type { Lowering } from "../../../src/compile/program.ts";
import { evaluationProgram } from "../../../src/evaluation/evaluate.ts";
import { photos } from "../../../src/models/photos.ts";
import { base, enhanced } from "../../../src/models/study.ts";
import { tiny } from "../../../src/models/tiny.ts";
import {
  batchNorm,
  conv2d,
  depthwiseConv2d,
  dropout,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  maxPool2d,
  relu,
  residual,
  silu,
} from "../../../src/nn/index.ts";
import { buildModel, type ImageTask, initialTensors, type Model } from "../../../src/nn/model.ts";
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

/** Everything that src/nn has: oblong kernels, strides, shortcuts with several statements, blocks in blocks. */
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
