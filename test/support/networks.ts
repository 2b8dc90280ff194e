import type { Value } from "../../src/graph/value.ts";
import {
  batchNorm as batchNormLayer,
  buildModel,
  conv2d as conv2dLayer,
  dropout as dropoutLayer,
  flatten as flattenLayer,
  globalAveragePool as globalAveragePoolLayer,
  type ImageTask,
  linear,
  type Model,
  maxPool2d as maxPool2dLayer,
  relu as reluLayer,
  residual,
} from "../../src/nn/index.ts";
import { initialTensors } from "../../src/nn/model.ts";
import { batchNorm } from "../../src/ops/batch-norm.ts";
import { biasAdd } from "../../src/ops/channels.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { add, dropout, relu } from "../../src/ops/elementwise.ts";
import { input } from "../../src/ops/leaves.ts";
import { softmaxCrossEntropy } from "../../src/ops/loss.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { globalAveragePool, maxPool2d } from "../../src/ops/pooling.ts";
import { flatten } from "../../src/ops/reshape.ts";
import { type TestTensor, tensor } from "./tensors.ts";

/** A small network with its loss, all of its inputs, and those by which the loss is differentiated. */
export interface TestNetwork {
  readonly name: string;
  readonly loss: Value;
  readonly inputs: readonly TestTensor[];
  readonly parameters: readonly TestTensor[];
}

const EPSILON = 1e-5;
/** One that keeps every ReLU of the networks away from its kink. */
const SEED = 5;

/**
 * conv, batch norm, ReLU, pool, conv, residual add, average pool, flatten, linear, batch norm, dropout, loss: ops only.
 */
export function networkOfOps(channels: number): TestNetwork {
  const batch = 4;
  const parameters: TestTensor[] = [];
  const parameter = (name: string, shape: readonly number[], filling: "uniform" | "positive" = "uniform"): Value => {
    const made = tensor(name, shape, filling);
    parameters.push(made);
    return made.value;
  };
  const normalized = (x: Value, name: string) => {
    const features = x.shape[1]!;
    const [weight, bias] = [parameter(`${name}.weight`, [features], "positive"), parameter(`${name}.bias`, [features])];
    return batchNorm(x, weight, bias, { epsilon: EPSILON }).y;
  };

  const x = tensor("x", [batch, 2, 7, 6], "uniform");
  const convolved = conv2d(x.value, parameter("conv1.weight", [channels, 2, 3, 3]), { padding: [1, 1] });
  const pooled = maxPool2d(relu(normalized(convolved, "bn1")), { size: 2 });
  const again = conv2d(pooled, parameter("conv2.weight", [channels, channels, 3, 3]), { padding: [1, 1] });
  const joined = add(biasAdd(again, parameter("conv2.bias", [channels])), pooled);
  const features = flatten(globalAveragePool(relu(joined)));
  const dense = matmul(features, parameter("fc.weight", [5, channels]), { transposeA: false, transposeB: true });
  const mask = tensor("mask", [batch, 5], "mask");
  const logits = dropout(normalized(dense, "bn2"), mask.value, { rate: 0.25 });
  const labels = tensor("labels", [batch], "labels", { limit: 5 });
  const loss = softmaxCrossEntropy(logits, labels.value, { labelSmoothing: 0.1 });
  // Also with respect to the images, so that gradients pass through all layers.
  return { name: "of operations", loss, inputs: [...parameters, x, labels, mask], parameters: [...parameters, x] };
}

/** Residual blocks with and without a shortcut of their own, a strided convolution, dropout: layers of `src/nn`. */
export function networkOfLayers(channels: number): TestNetwork {
  const model: Model = {
    name: "test",
    layers: ({ classes }) => [
      conv2dLayer(channels, { kernelSize: [3, 2], padding: [1, 0] }),
      reluLayer(),
      residual([conv2dLayer(channels, { kernelSize: 3, padding: 1, bias: false }), batchNormLayer(), reluLayer()]),
      maxPool2dLayer(2),
      residual(
        [conv2dLayer(2 * channels, { kernelSize: 3, stride: 2, padding: 1, bias: false }), batchNormLayer()],
        [conv2dLayer(2 * channels, { kernelSize: 1, stride: 2 })],
      ),
      reluLayer(),
      flattenLayer(),
      linear(6, { bias: false }),
      batchNormLayer({ epsilon: 0.01 }),
      reluLayer(),
      dropoutLayer(0.5),
      linear(classes),
    ],
  };
  return networkOfModel(model, "of residual blocks", { channels: 1, height: 9, width: 8, classes: 3 });
}

/** The same with a global average pool at the end, as residual networks have it. */
export function networkWithAveragePool(channels: number): TestNetwork {
  const model: Model = {
    name: "test",
    layers: ({ classes }) => [
      conv2dLayer(channels, { kernelSize: 3, stride: 2, bias: false }),
      batchNormLayer(),
      reluLayer(),
      conv2dLayer(channels, { kernelSize: 1 }),
      globalAveragePoolLayer(),
      flattenLayer(),
      linear(classes),
    ],
  };
  return networkOfModel(model, "with an average pool", { channels: 3, height: 8, width: 7, classes: 4 });
}

function networkOfModel(model: Model, name: string, task: ImageTask): TestNetwork {
  const batchSize = 3;
  const normalization = {
    mean: Array.from({ length: task.channels }, () => 0.4),
    standardDeviation: Array.from({ length: task.channels }, () => 0.3),
  };
  const graph = buildModel(model, { task, batchSize, mode: "training", normalization });
  const initial = initialTensors(graph, SEED);
  const given = graph.tensors.map(({ name, value }) => ({ value, data: Float64Array.from(initial.get(name)!) }));
  const pixels = { value: graph.pixels, data: tensor("pixels", graph.pixels.shape, "bytes").data };
  const masks = graph.masks.map(({ name, value }) => ({ value, data: tensor(name, value.shape, "mask").data }));
  const labels = input("labels", [batchSize], "int32");
  const loss = softmaxCrossEntropy(graph.logits, labels, { labelSmoothing: 0 });
  const answers = { value: labels, data: tensor("labels", [batchSize], "labels", { limit: task.classes }).data };
  return {
    name,
    loss,
    inputs: [...given, pixels, ...masks, answers],
    parameters: given.filter(({ value }) => graph.parameters.some((declared) => declared.value === value)),
  };
}
