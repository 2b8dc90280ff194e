import { readFileSync } from "node:fs";
import { compile } from "../../src/compile/compile.ts";
import { gradients } from "../../src/compile/gradients.ts";
import type { Lowering, Program } from "../../src/compile/program.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { base } from "../../src/models/base.ts";
import { enhanced } from "../../src/models/enhanced.ts";
import { buildModel, type ImageTask, type Model, type ModelGraph } from "../../src/nn/model.ts";
import { dropout } from "../../src/nn/stateless.ts";
import { input } from "../../src/ops/input.ts";
import { softmaxCrossEntropy } from "../../src/ops/softmaxCrossEntropy.ts";
import { adam } from "../../src/optim/adam.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import type { Session, TensorData } from "../../src/runtime/runtime.ts";
import { settingName, slotName, trainingProgram } from "../../src/training/training-program.ts";
import {
  BATCH_SIZE,
  build,
  CLASSES,
  DROPOUT_RATE,
  dropoutMask,
  HEIGHT,
  imageBatch,
  PIXEL_DEVIATION,
  PIXEL_MEAN,
  type TensorSpec,
  WIDTH,
} from "../golden/inputs.ts";

/** Everything that rebuilds the networks and inputs of test/golden/networks.json, whose schema its README gives. */

export interface Fingerprint {
  readonly name: string;
  readonly norm: number;
  readonly projection: number;
}

export interface GradientFingerprint extends Fingerprint {
  readonly sum: number;
  readonly first: readonly number[];
  readonly strided: readonly number[];
}

export interface GoldenTraining {
  readonly losses: readonly number[];
  readonly parameters: readonly Fingerprint[];
  readonly statistics: readonly (Fingerprint & { readonly first: readonly number[] })[];
  readonly evaluationLogits: readonly (readonly number[])[];
}

export interface GoldenNetwork {
  readonly name: "base" | "enhanced";
  readonly parameterCount: number;
  readonly parameters: readonly TensorSpec[];
  readonly statistics: readonly { readonly name: string; readonly shape: number[]; readonly initial: 0 | 1 }[];
  readonly initial: readonly Fingerprint[];
  readonly firstStep: {
    readonly loss: number;
    readonly unsmoothedLoss: number;
    readonly correct: number;
    readonly gradients: { readonly shared: readonly GradientFingerprint[]; readonly first: readonly Fingerprint[] };
  };
  readonly training: Readonly<Record<"float64" | "float32", GoldenTraining>>;
}

export interface NetworksGolden {
  readonly steps: number;
  readonly learningRate: number;
  readonly labelSmoothing: number;
  readonly dropoutRate: number;
  readonly projectionTag: number;
  readonly statisticProjectionTag: number;
  readonly networks: readonly GoldenNetwork[];
}

export const golden = JSON.parse(
  readFileSync(new URL("../golden/networks.json", import.meta.url), "utf8"),
) as NetworksGolden;

export const TASK: ImageTask = { channels: 1, height: HEIGHT, width: WIDTH, classes: CLASSES };
const NORMALIZATION = { mean: [PIXEL_MEAN], standardDeviation: [PIXEL_DEVIATION] };

/** The study's networks, with the golden values' dropout rate. */
export const MODELS: Readonly<Record<GoldenNetwork["name"], Model>> = {
  base,
  enhanced: {
    name: "enhanced",
    layers: (task) => enhanced.layers(task).map((layer) => (layer.kind === "dropout" ? dropout(DROPOUT_RATE) : layer)),
  },
};

/** First parameters and running statistics by name. */
export function goldenTensors({ parameters, statistics }: GoldenNetwork): Map<string, Float32Array> {
  return new Map([
    ...parameters.map((spec) => [spec.name, Float32Array.from(build(spec))] as const),
    ...statistics.map(({ name, shape, initial }) => [name, new Float32Array(sizeOf(shape)).fill(initial)] as const),
  ]);
}

/** Pixels, labels and dropout masks of a step, as feeds. */
export function goldenFeeds(graph: ModelGraph, step: number): Record<string, TensorData> {
  const { pixels, labels } = imageBatch(step);
  const masks = graph.masks.map(({ name, value }) => [name, dropoutMask(step, sizeOf(value.shape))]);
  return { pixels, labels: Int32Array.from(labels), ...Object.fromEntries(masks) };
}

/** The output that holds a parameter's gradient. */
export function gradientName(parameter: string): string {
  return `gradient of ${parameter}`;
}

/** A program whose outputs are the gradients of the first step. */
export function gradientProgram(model: Model): { program: Program; graph: ModelGraph } {
  const graph = buildModel(model, {
    task: TASK,
    batchSize: BATCH_SIZE,
    mode: "training",
    normalization: NORMALIZATION,
  });
  const labels = input("labels", [BATCH_SIZE], "int32");
  const loss = softmaxCrossEntropy(graph.logits, labels, { labelSmoothing: golden.labelSmoothing });
  const values = gradients(
    loss,
    graph.parameters.map(({ value }) => value),
  );
  const program: Program = {
    name: `${model.name} gradients`,
    feeds: [graph.pixels, labels, ...graph.masks.map(({ value }) => value)],
    parameters: graph.tensors.map(({ value }) => value),
    state: [],
    outputs: Object.fromEntries(graph.parameters.map(({ name }, i) => [gradientName(name), values[i]!])),
  };
  return { program, graph };
}

/** What ten steps of Adam leave behind. */
export interface Trained {
  readonly objectives: readonly number[];
  readonly losses: readonly number[];
  readonly correct: readonly number[];
  /** Parameters, running statistics and optimizer state by name. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/** Trains as networks.py does: batch t at step t, Adam with its defaults. */
export async function trainGolden(network: GoldenNetwork, lowering: Lowering, threads: number): Promise<Trained> {
  const optimizer = adam();
  const { program, graph } = trainingProgram(MODELS[network.name], {
    task: TASK,
    batchSize: BATCH_SIZE,
    normalization: NORMALIZATION,
    optimizer,
    labelSmoothing: golden.labelSmoothing,
  });
  const slots = network.parameters.flatMap(({ name, shape }) =>
    optimizer.slots.map((slot) => [slotName(name, slot), new Float32Array(sizeOf(shape))] as const),
  );
  const session = await nodeRuntime.open(compile(program, lowering), { threads });
  return using(session, async () => {
    session.load(new Map([...goldenTensors(network), ...slots]));
    const outputs: Record<"objective" | "loss" | "correct", number[]> = { objective: [], loss: [], correct: [] };
    for (let step = 0; step < golden.steps; step++) {
      const settings = optimizer.settingsAt(step + 1, golden.learningRate);
      const scalars = Object.entries(settings).map(([name, value]) => [settingName(name), Float32Array.of(value)]);
      const results = await session.run({ ...goldenFeeds(graph, step), ...Object.fromEntries(scalars) });
      for (const [name, values] of Object.entries(outputs)) values.push(results[name]![0]!);
    }
    const { objective: objectives, loss: losses, correct } = outputs;
    return { objectives, losses, correct, tensors: session.save() };
  });
}

/** Logits [images, classes] of the first images of batch 0, by running statistics and without dropout. */
export async function evaluateGolden(
  network: GoldenNetwork,
  tensors: ReadonlyMap<string, Float32Array>,
  lowering: Lowering,
): Promise<Float32Array> {
  const images = network.training.float64.evaluationLogits.length;
  const graph = buildModel(MODELS[network.name], {
    task: TASK,
    batchSize: images,
    mode: "inference",
    normalization: NORMALIZATION,
  });
  const program: Program = {
    name: `${network.name} evaluation`,
    feeds: [graph.pixels],
    parameters: graph.tensors.map(({ value }) => value),
    state: [],
    outputs: { logits: graph.logits },
  };
  const session = await nodeRuntime.open(compile(program, lowering), { threads: 1 });
  return using(session, async () => {
    session.load(tensors);
    const { logits } = await session.run({ pixels: imageBatch(0).pixels.subarray(0, images * HEIGHT * WIDTH) });
    return logits!.slice();
  });
}

/** Runs a session's work and releases it, whatever happens. */
export async function using<T>(session: Session, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await session.release();
  }
}
