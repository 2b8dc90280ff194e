import { FUSION_RULES } from "../compile/fusion-rules.ts";
import { type Rule, rewrite } from "../compile/rewrite.ts";
import { evaluateReference } from "../graph/evaluate.ts";
import { sizeOf } from "../graph/shape.ts";
import { isOp, topologicalOrder, type Value } from "../graph/value.ts";
import type { Preparation } from "../imaging/preparation.ts";
import { buildModel, type ImageTask, type Model } from "../nn/model.ts";
import { GraphWriter, OPSET_VERSION } from "../onnx/graph-writer.ts";
import { biasAdd, biasAddOp, channelAffineOp } from "../ops/channels.ts";
import { conv2dOp } from "../ops/convolution/conv2d.ts";
import { depthwiseConv2dOp } from "../ops/convolution/depthwise.ts";
import { multiply } from "../ops/elementwise.ts";
import { constant, input, inputName, inputOp } from "../ops/leaves.ts";
import { softmax } from "../ops/loss.ts";
import { matmulOp } from "../ops/matmul.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import { type ConfidenceFit, factsToText } from "./network-facts.ts";

/** Content of a model file. */
export interface InferenceModelParts {
  readonly model: Model;
  readonly task: ImageTask;
  readonly normalization: PixelNormalization;
  readonly classNames: readonly string[];
  /** How pictures are converted to the network's input. Default: as garments, like Fashion-MNIST. */
  readonly preparation?: Preparation | undefined;
  /** How probabilities follow from logits. Default: temperature 1. */
  readonly confidence?: ConfidenceFit | undefined;
  /** Parameters and running statistics, by name. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** Additional metadata, besides that of every file (`factsToText`) and its opset. */
  readonly facts?: Readonly<Record<string, string>>;
}

/**
 * Writes a trained network as an ONNX file with standard operators only. Input: `pixels` float32 [batch, channels,
 * height, width], 0 to 255; outputs: `logits` and `probabilities`, softmax(logits / temperature), [batch, classes]. The file includes weights,
 * normalisation and class names; batch norm is folded into the preceding layer, and the batch size is dynamic.
 */
export function inferenceModel({
  model,
  task,
  normalization,
  classNames,
  preparation,
  confidence,
  tensors,
  facts = {},
}: InferenceModelParts): Uint8Array {
  const graph = buildModel(model, { task, normalization, batchSize: 1, mode: "inference", pixelType: "float32" });
  const constants = new Map<string, Float32Array>(tensors);
  const probabilities = softmax(
    confidence ? multiply(graph.logits, constant(1 / confidence.temperature)) : graph.logits,
  );
  const folded = rewrite([graph.logits, probabilities], [foldRule(constants)]);
  const [logits, scores] = rewrite(folded, FUSION_RULES);

  const writer = new GraphWriter({ dynamicBatch: true });
  const names = new Map<Value, string>();
  for (const value of topologicalOrder([logits!, scores!])) names.set(value, write(writer, value, names, constants));
  writer.output("logits", names.get(logits!)!, "float32", ["batch", task.classes]);
  writer.output("probabilities", names.get(scores!)!, "float32", ["batch", task.classes]);
  return writer.toBytes({
    name: model.name,
    metadata: {
      ...facts,
      opset: String(OPSET_VERSION),
      ...factsToText({ model: model.name, task, classNames, normalization, preparation, confidence }),
    },
  });
}

function write(
  writer: GraphWriter,
  value: Value,
  names: ReadonlyMap<Value, string>,
  constants: ReadonlyMap<string, Float32Array>,
): string {
  if (isOp(value, inputOp)) {
    const { name } = value.attributes;
    if (name === "pixels") return writer.input(name, "float32", ["batch", ...value.shape.slice(1)]);
    return writer.initializer(name, tensorOf(value, constants), value.shape);
  }
  if (!value.op.lower) throw new Error(`${value.op.name} has no lowering`);
  writer.label = value.op.name;
  return value.op.lower.standard(
    writer,
    value.inputs.map((other) => names.get(other)!),
    value,
  );
}

function tensorOf(value: Value, constants: ReadonlyMap<string, Float32Array>): Float32Array {
  const name = inputName(value);
  const data = constants.get(name);
  if (data?.length !== sizeOf(value.shape))
    throw new Error(`"${name}" needs ${sizeOf(value.shape)} elements, got ${data?.length ?? "none"}`);
  return data;
}

/**
 * channelAffine(layer(x, weight) [+ bias], scale, shift) -> layer(x, weight * scale) + (bias * scale + shift), where
 * the layer is a convolution or a dense layer and scale, shift and bias are constants: batch norm then costs nothing in
 * inference. The new constants are computed in float64 and added to `constants`.
 */
function foldRule(constants: Map<string, Float32Array>): Rule {
  const numbers = (value: Value): Float64Array => {
    const inputs = topologicalOrder([value]).filter((other) => isOp(other, inputOp));
    return evaluateReference([value], new Map(inputs.map((other) => [other, tensorOf(other, constants)])))[0]!;
  };
  const isConstant = (value: Value) =>
    topologicalOrder([value]).every((other) => !isOp(other, inputOp) || constants.has(inputName(other)));
  const constant = (name: string, like: Value, data: Float64Array): Value => {
    constants.set(name, Float32Array.from(data));
    return input(name, like.shape);
  };

  return {
    name: "foldBatchNorm",
    rewrite(value, { uses }) {
      if (!isOp(value, channelAffineOp)) return undefined;
      const [below, scaleValue, shiftValue] = value.inputs;
      const isBiased = isOp(below!, biasAddOp);
      const layer = isBiased ? below.inputs[0]! : below!;
      const isWeighted = isOp(layer, conv2dOp) || isOp(layer, depthwiseConv2dOp) || isOp(layer, matmulOp);
      if (uses(below!) > 1 || uses(layer) > 1 || !isWeighted) return undefined;
      const [x, weight] = layer.inputs;
      const added = isBiased ? [below.inputs[1]!] : [];
      if (![weight!, scaleValue!, shiftValue!, ...added].every(isConstant)) return undefined;

      const scale = numbers(scaleValue!);
      const bias = added[0] && numbers(added[0]);
      const perOutput = sizeOf(weight!.shape) / scale.length;
      const name = inputName(weight!);
      const foldedWeight = constant(
        `${name} * batch norm`,
        weight!,
        numbers(weight!).map((element, i) => element * scale[Math.floor(i / perOutput)]!),
      );
      const foldedBias = constant(
        `${name} bias of batch norm`,
        shiftValue!,
        numbers(shiftValue!).map((element, i) => element + (bias ? bias[i]! * scale[i]! : 0)),
      );
      return biasAdd({ ...layer, inputs: [x!, foldedWeight] }, foldedBias);
    },
  };
}
