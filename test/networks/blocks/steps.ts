import { nextName } from "../../../src/compile/compile.ts";
import type { Program } from "../../../src/compile/program.ts";
import { evaluateReference } from "../../../src/graph/evaluate.ts";
import { sizeOf } from "../../../src/graph/shape.ts";
import type { Value } from "../../../src/graph/value.ts";
import {
  batchNorm,
  conv2d,
  depthwiseConv2d,
  dropout,
  flatten,
  globalAveragePool,
  type ImageTask,
  linear,
  type Model,
  maxPool2d,
  relu,
  residual,
  silu,
} from "../../../src/nn/index.ts";
import { inputName } from "../../../src/ops/leaves.ts";
import { adam } from "../../../src/optim/adam.ts";
import type { Averaging } from "../../../src/optim/averaging.ts";
import type { Optimizer } from "../../../src/optim/optimizer.ts";
import { sgd } from "../../../src/optim/sgd.ts";
import { stepSettings, trainingProgram } from "../../../src/training/training-program.ts";
import { hash, uniform } from "../../golden/inputs.ts";

/** Complete training steps, including the optimizer, on small networks, with all resulting tensors. */

const STEP = 3;
const LEARNING_RATE = 0.02;

export interface Step {
  readonly name: string;
  readonly program: Program;
  /** Numbers for every feed and state tensor. */
  readonly numbers: ReadonlyMap<string, ArrayLike<number>>;
}

/** Channels 16 and 32 are whole blocks of either size; 24 is only of 8, so that at 16 the layouts change on the way. */
const plain: Model = {
  name: "plain",
  layers: ({ classes }) => [
    conv2d(16, { kernelSize: 3, padding: 1 }),
    relu(),
    maxPool2d(2),
    conv2d(24, { kernelSize: 3, padding: 1, bias: false }),
    batchNorm(),
    relu(),
    conv2d(32, { kernelSize: 3, padding: 1 }),
    relu(),
    maxPool2d(2),
    flatten(),
    linear(20, { bias: false }),
    batchNorm(),
    relu(),
    dropout(0.25),
    linear(classes),
  ],
};

const residuals: Model = {
  name: "residual",
  layers: ({ classes }) => [
    conv2d(16, { kernelSize: 3, padding: 1, bias: false }),
    batchNorm(),
    relu(),
    residual([
      conv2d(16, { kernelSize: 3, padding: 1, bias: false }),
      batchNorm(),
      relu(),
      conv2d(16, { kernelSize: 3, padding: 1 }),
    ]),
    relu(),
    residual(
      [conv2d(32, { kernelSize: 3, stride: 2, padding: 1, bias: false }), batchNorm()],
      [conv2d(32, { kernelSize: 1, stride: 2 })],
    ),
    relu(),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ],
};

const separable: Model = {
  name: "separable",
  layers: ({ classes }) => [
    conv2d(16, { kernelSize: 3, padding: 1, bias: false }),
    batchNorm(),
    silu(),
    residual([
      depthwiseConv2d({ kernelSize: 3, padding: 1, bias: false }),
      batchNorm(),
      silu(),
      conv2d(16, { kernelSize: 1, bias: false }),
      batchNorm(),
    ]),
    maxPool2d(2),
    depthwiseConv2d({ kernelSize: [3, 2], padding: [1, 0] }),
    conv2d(24, { kernelSize: 1 }),
    silu(),
    depthwiseConv2d({ kernelSize: 2, bias: false }),
    batchNorm(),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ],
};

/** Channels that are whole blocks of neither size, and are filled up to them: `compile/whole-blocks.ts`. */
const uneven: Model = {
  name: "uneven",
  layers: ({ classes }) => [
    conv2d(12, { kernelSize: 3, padding: 1 }),
    relu(),
    residual([conv2d(12, { kernelSize: 3, padding: 1, bias: false }), batchNorm(), silu()]),
    maxPool2d(2),
    depthwiseConv2d({ kernelSize: 3, padding: 1 }),
    batchNorm(),
    conv2d(28, { kernelSize: 1, bias: false }),
    batchNorm(),
    relu(),
    conv2d(28, { kernelSize: 3, stride: 2, padding: 1, bias: false }),
    batchNorm(),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ],
};

/**
 * A step with made-up weights and state; second moments lie far from 0, where Adam's update would be all but a sign.
 */
function stepOf(
  model: Model,
  task: ImageTask,
  { batchSize, optimizer, averaging }: { batchSize: number; optimizer: Optimizer; averaging?: Averaging },
): Step {
  const normalization = {
    mean: task.channels === 1 ? [0.4] : [0.4, 0.5, 0.6],
    standardDeviation: new Array<number>(task.channels).fill(0.3),
  };
  const options = { task, batchSize, normalization, optimizer, averaging, labelSmoothing: 0.1 };
  const { program, graph } = trainingProgram(model, options);
  const settings = stepSettings({ optimizer, averaging }, STEP, LEARNING_RATE);
  const numbers = new Map<string, ArrayLike<number>>();
  [...program.feeds, ...program.state.map(({ input }) => input)].forEach((value, tag) => {
    numbers.set(inputName(value), numbersFor(value, 6200 + tag, task.classes));
  });
  for (const [feed, value] of Object.entries(settings)) numbers.set(feed, [Math.fround(value)]);
  for (const { name, value } of graph.masks) numbers.set(name, numbersFor(value, 6300, 2));
  const averaged = averaging ? ", averaged" : "";
  return { name: `${model.name}, batch ${batchSize}, ${optimizer.name}${averaged}`, program, numbers };
}

function numbersFor(value: Value, tag: number, limit: number): Float32Array {
  const name = inputName(value);
  const isPositive = /exp_avg_sq|running_var|bn\d+\.weight/.test(name);
  const scale = value.shape.length > 1 ? 1 / Math.sqrt(sizeOf(value.shape.slice(1))) : 0.1;
  return Float32Array.from({ length: sizeOf(value.shape) }, (_, i) => {
    if (value.dtype === "uint8" && name === "pixels") return hash(tag, i) % 256;
    if (value.dtype !== "float32") return hash(tag, i) % limit;
    return isPositive ? 1 + uniform(tag, i) / 2 : uniform(tag, i) * scale;
  });
}

const AVERAGING: Averaging = { kind: "exponential", decay: 0.99 };

export const STEPS = [
  stepOf(plain, { channels: 1, height: 9, width: 11, classes: 5 }, { batchSize: 5, optimizer: adam() }),
  stepOf(
    plain,
    { channels: 1, height: 8, width: 8, classes: 5 },
    { batchSize: 18, optimizer: sgd({ momentum: 0.9, nesterov: true }), averaging: AVERAGING },
  ),
  stepOf(
    residuals,
    { channels: 3, height: 8, width: 7, classes: 4 },
    { batchSize: 6, optimizer: adam({ weightDecay: 0.01 }), averaging: AVERAGING },
  ),
  stepOf(
    residuals,
    { channels: 3, height: 7, width: 8, classes: 4 },
    { batchSize: 19, optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }) },
  ),
  stepOf(separable, { channels: 1, height: 7, width: 8, classes: 4 }, { batchSize: 7, optimizer: adam() }),
  stepOf(uneven, { channels: 1, height: 8, width: 8, classes: 4 }, { batchSize: 6, optimizer: adam() }),
];

/** Outputs and next state by name, in float64. */
export function referenceOf({ program, numbers }: Step): Map<string, Float64Array> {
  const inputs = [...program.feeds, ...program.state.map(({ input }) => input)];
  const names = [...Object.keys(program.outputs), ...program.state.map(({ name }) => nextName(name))];
  const values = [...Object.values(program.outputs), ...program.state.map(({ next }) => next)];
  const results = evaluateReference(values, new Map(inputs.map((value) => [value, numbers.get(inputName(value))!])));
  return new Map(names.map((name, i) => [name, results[i]!]));
}
