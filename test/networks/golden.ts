import { readFileSync } from "node:fs";
import { gradients } from "../../src/compile/gradients.ts";
import type { Program } from "../../src/compile/program.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { base, enhanced } from "../../src/models/study.ts";
import { buildModel, type ImageTask, type Model, type ModelGraph } from "../../src/nn/model.ts";
import { dropout } from "../../src/nn/stateless.ts";
import { input } from "../../src/ops/leaves.ts";
import { softmaxCrossEntropy } from "../../src/ops/loss.ts";
import type { TensorData } from "../../src/runtime/runtime.ts";
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

/** Rebuilds the networks and inputs of test/golden/networks.json, whose schema is in its README. */

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
export const NORMALIZATION = { mean: [PIXEL_MEAN], standardDeviation: [PIXEL_DEVIATION] };

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
