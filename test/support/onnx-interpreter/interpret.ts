import { fromBinary } from "@bufbuild/protobuf";
import {
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
} from "../../../src/onnx/generated/onnx_pb.ts";
import { BLOCKED } from "./blocked.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { attributesOf, type Kernels } from "./kernel.ts";
import { PRODUCTS } from "./products.ts";
import { REARRANGE } from "./rearrange.ts";
import { REDUCE } from "./reduce.ts";
import { type Tensor, tensor } from "./tensor.ts";
import { WINDOWS } from "./windows.ts";

/** Kernels by domain, then operator. */
const DOMAINS: Readonly<Record<string, Kernels>> = {
  "": { ...ELEMENTWISE, ...REARRANGE, ...REDUCE, ...PRODUCTS, ...WINDOWS },
  "com.microsoft.nchwc": BLOCKED,
};

/** All that can be interpreted, as `domain:operator`. */
export const INTERPRETED = Object.entries(DOMAINS).flatMap(([domain, kernels]) =>
  Object.keys(kernels).map((operator) => `${domain}:${operator}`),
);

export interface InterpretOptions {
  /** Block size of the blocked layout: what a processor's would be. */
  readonly block: number;
}

/**
 * Computes an ONNX model in float64, node by node, with the plainest code there is: an oracle for the graphs that tailor
 * writes, above all for block sizes that the processor at hand does not have. It knows only what those graphs hold and
 * throws at anything else. Its own oracle is ONNX Runtime (`onnx-interpreter.test.ts`).
 *
 * @param feeds numbers for every input of the model, in its layout
 * @returns the model's outputs by name
 */
export function interpret(
  model: Uint8Array,
  feeds: Readonly<Record<string, ArrayLike<number>>>,
  { block }: InterpretOptions,
): Map<string, Tensor> {
  const { graph } = fromBinary(ModelProtoSchema, model);
  if (!graph) throw new Error("a model without a graph");
  const values = new Map<string, Tensor>(graph.initializer.map((proto) => [proto.name, constant(proto)]));
  for (const { name, shape } of declared(graph.input)) {
    const data = feeds[name];
    if (!data) throw new Error(`input ${name} was given no numbers`);
    values.set(name, tensor(shape, data));
  }
  for (const node of graph.node) values.set(node.output[0]!, run(node, values, block));
  return new Map(
    declared(graph.output).map(({ name, shape }) => {
      const value = values.get(name);
      if (String(value?.shape) !== String(shape))
        throw new Error(`output ${name} is [${value?.shape}], declared as [${shape}]`);
      return [name, value!];
    }),
  );
}

function run(node: NodeProto, values: ReadonlyMap<string, Tensor>, block: number): Tensor {
  const kernel = DOMAINS[node.domain]?.[node.opType];
  if (!kernel) throw new Error(`${node.domain}:${node.opType} is not interpreted`);
  const attributes = attributesOf(node.attribute);
  const inputs = node.input.map((name) => {
    if (name !== "" && !values.has(name)) throw new Error(`${node.name} reads ${name} before it is made`);
    return values.get(name);
  });
  try {
    const result = kernel({ inputs, attributes, block });
    const unread = attributes.unread();
    if (unread.length > 0) throw new Error(`attributes ${unread} are not interpreted`);
    return result;
  } catch (error) {
    const shapes = inputs.map((input) => `[${input?.shape}]`).join(" ");
    throw new Error(`${node.name} (${node.opType} of ${shapes}): ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

function declared(infos: GraphProto["input"]): { name: string; shape: number[] }[] {
  return infos.map(({ name, type }) => {
    const sizes = type?.value.case === "tensorType" ? type.value.value.shape?.dim : undefined;
    const shape = (sizes ?? []).map(({ value }) => {
      if (value.case !== "dimValue") throw new Error(`${name}: only fixed sizes are interpreted`);
      return Number(value.value);
    });
    return { name, shape };
  });
}

/** Constants, whose bytes are little-endian (as every machine that Node runs on is). */
function constant({ name, dataType, dims, rawData }: TensorProto): Tensor {
  const bytes = rawData.slice().buffer;
  const shape = dims.map(Number);
  switch (dataType) {
    case 1:
      return tensor(shape, new Float32Array(bytes));
    case 6:
      return tensor(shape, new Int32Array(bytes));
    case 7:
      return tensor(shape, Float64Array.from(new BigInt64Array(bytes), Number));
    default:
      throw new Error(`constant ${name} of type ${dataType} is not interpreted`);
  }
}
