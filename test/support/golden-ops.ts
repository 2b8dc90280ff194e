import { readFileSync } from "node:fs";
import { type Shape, sizeOf } from "../../src/graph/shape.ts";
import type { Value } from "../../src/graph/value.ts";
import { batchNorm } from "../../src/nn/batch-norm.ts";
import type { LayerContext } from "../../src/nn/layer.ts";
import { biasAdd } from "../../src/ops/channels.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { depthwiseConv2d } from "../../src/ops/convolution/depthwise.ts";
import { dropout, silu } from "../../src/ops/elementwise.ts";
import { input } from "../../src/ops/leaves.ts";
import { softmaxCrossEntropy } from "../../src/ops/loss.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { globalAveragePool, maxPool2d } from "../../src/ops/pooling.ts";
import { build, type TensorSpec } from "../golden/inputs.ts";
import type { TestTensor } from "./tensors.ts";

/** A tensor with what PyTorch computed for it. */
export interface Listed {
  readonly name: string;
  readonly shape: Shape;
  readonly values: readonly number[];
}

/** A case of test/golden/ops.json, with its inputs rebuilt. */
export interface GoldenCase {
  readonly name: string;
  readonly op: string;
  readonly attributes: {
    readonly stride?: readonly [number, number];
    readonly padding?: readonly [number, number];
    readonly kernel?: readonly [number, number];
    readonly training?: boolean;
    readonly momentum?: number;
    readonly eps?: number;
    readonly smoothing?: number;
    readonly classWeights?: readonly number[];
    readonly rate?: number;
  };
  readonly inputs: readonly TestTensor[];
  readonly upstream: TestTensor;
  readonly outputs: readonly Listed[];
  readonly gradients: readonly Listed[];
  /** Where maxima tie: PyTorch's rule, the first takes all. */
  readonly firstGradients?: readonly Listed[];
}

type RawCase = Omit<GoldenCase, "inputs" | "upstream"> & { inputs: TensorSpec[]; upstream: TensorSpec };

export function goldenCases(): GoldenCase[] {
  const text = readFileSync(new URL("../golden/ops.json", import.meta.url), "utf8");
  const { cases } = JSON.parse(text) as { cases: RawCase[] };
  const rebuild = (spec: TensorSpec): TestTensor => {
    const dtype = spec.name === "labels" ? "int32" : spec.name === "mask" ? "uint8" : "float32";
    return { value: input(spec.name, spec.shape, dtype), data: build(spec) };
  };
  return cases.map((raw) => ({ ...raw, inputs: raw.inputs.map(rebuild), upstream: rebuild(raw.upstream) }));
}

/** The case's outputs as graph, by PyTorch's names. */
export function goldenOutputs({ op, attributes, inputs }: GoldenCase): Map<string, Value> {
  const byName = new Map(inputs.map(({ value }) => [String(value.attributes.name), value]));
  const at = (name: string) => byName.get(name)!;
  const bias = byName.get("bias");
  const biased = (y: Value) => new Map([["y", bias ? biasAdd(y, bias) : y]]);
  switch (op) {
    case "conv2d":
      return biased(conv2d(at("x"), at("weight"), { stride: attributes.stride![0], padding: attributes.padding! }));
    case "depthwiseConv2d":
      return biased(depthwiseConv2d(at("x"), at("weight"), { padding: attributes.padding! }));
    case "silu":
      return new Map([["y", silu(at("x"))]]);
    case "maxPool2d":
      return new Map([["y", maxPool2d(at("x"), { size: attributes.kernel![0] })]]);
    case "batchNorm":
      return batchNormOutputs(at, attributes);
    case "crossEntropy":
      return new Map([
        [
          "loss",
          softmaxCrossEntropy(at("logits"), at("labels"), {
            labelSmoothing: attributes.smoothing!,
            ...(attributes.classWeights ? { classWeights: attributes.classWeights } : {}),
          }),
        ],
      ]);
    case "linear":
      return biased(matmul(at("x"), at("weight"), { transposeA: false, transposeB: true }));
    case "globalAveragePool":
      return new Map([["y", globalAveragePool(at("x"))]]);
    case "dropout":
      return new Map([["y", dropout(at("x"), at("mask"), { rate: attributes.rate! })]]);
    default:
      throw new Error(`no graph for golden case of ${op}`);
  }
}

/** The layer rather than the operation: what PyTorch updates beside y are the layer's running statistics. */
function batchNormOutputs(at: (name: string) => Value, { training, momentum, eps }: GoldenCase["attributes"]) {
  const outputs = new Map<string, Value>();
  const refuse = () => {
    throw new Error("batch norm asked for something else");
  };
  const context: LayerContext = {
    mode: training ? "training" : "inference",
    statistics: "batch",
    parameter: at,
    buffer: at,
    updateBuffer: (buffer, next) => outputs.set(String(buffer.attributes.name), next),
    dropoutMask: refuse,
    child: refuse,
  };
  const y = batchNorm({ momentum: momentum!, epsilon: eps! }).forward(at("x"), context);
  return new Map([["y", y], ...outputs]);
}

/**
 * The case with channels of zeros added up to a multiple of `block`, so that it fits the blocked layout: none of the
 * results changes, and those of the added channels are zero. Undefined where there are no images.
 */
export function withWholeBlocks(golden: GoldenCase, block: number): GoldenCase | undefined {
  const x = golden.inputs[0]!.value.shape;
  if (x.length !== 4) return undefined;
  const grow = (size: number) => Math.ceil(size / block) * block;
  const isDepthwise = golden.op === "depthwiseConv2d";
  const grown = (name: string, shape: Shape): Shape => {
    if (shape.length === 1) return shape.map(grow);
    const isGrown = name === "weight" ? [true, !isDepthwise] : [false, true];
    return shape.map((size, axis) => (isGrown[axis] ? grow(size) : size));
  };
  const growTensor = ({ value, data }: TestTensor): TestTensor => {
    const name = String(value.attributes.name);
    const shape = grown(name, value.shape);
    return { value: input(name, shape), data: pad(data, value.shape, shape) };
  };
  const growListed = ({ name, shape, values }: Listed): Listed => {
    const larger = grown(name, shape);
    return { name, shape: larger, values: [...pad(Float64Array.from(values), shape, larger)] };
  };
  return {
    ...golden,
    inputs: golden.inputs.map(growTensor),
    upstream: growTensor(golden.upstream),
    outputs: golden.outputs.map(growListed),
    gradients: golden.gradients.map(growListed),
  };
}

/** Data of `shape` at the start of zeros of `larger`. */
function pad(data: Float64Array, shape: Shape, larger: Shape): Float64Array {
  const padded = new Float64Array(sizeOf(larger));
  data.forEach((element, i) => {
    let [rest, position, stride] = [i, 0, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += (rest % shape[axis]!) * stride;
      rest = Math.floor(rest / shape[axis]!);
      stride *= larger[axis]!;
    }
    padded[position] = element;
  });
  return padded;
}
