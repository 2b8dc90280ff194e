import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "./generated/onnx_pb.ts";

/** Element types that tailor's graphs use, with their numbers in `TensorProto.DataType`. */
const DATA_TYPE = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;
/** Element types of tensors. */
export type OnnxType = keyof typeof DATA_TYPE;

/** `AttributeProto.AttributeType`. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, graph: 5, floats: 6, ints: 7 } as const;

/** A node's attribute: plain numbers are integers, as most are; floats are wrapped. */
export type OnnxAttribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] };

/** ONNX's own operators, ONNX Runtime's extensions, and the operators of its CPU provider's blocked layout. */
export type OnnxDomain = "" | "com.microsoft" | "com.microsoft.nchwc";

/** A dimension: a size, or the name of a dynamic one. */
export type OnnxDimension = number | string;

const IR_VERSION = 8n;
/** The version of ONNX's default operator set that every written model requires. */
export const OPSET_VERSION = 17;
/** Constants up to this many elements are looked up by their contents, so that equal ones are stored once. */
const SHARED_CONSTANT_ELEMENTS = 64;

/** Metadata of an ONNX model. */
export interface ModelFacts {
  readonly name: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes one ONNX graph, node by node. Values are identified by name; every method that creates one returns its name.
 */
export class GraphWriter {
  readonly #nodes: MessageInitShape<typeof NodeProtoSchema>[] = [];
  readonly #constants: MessageInitShape<typeof TensorProtoSchema>[] = [];
  readonly #inputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = [];
  readonly #outputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = [];
  readonly #shared = new Map<string, string>();
  readonly #domains = new Set<OnnxDomain>([""]);
  /** Results of nodes, and the output names of those that are outputs. */
  readonly #results = new Set<string>();
  readonly #outputNames = new Map<string, string>();
  #written: string[] = [];
  /** Prefix of the names of the nodes written next, by which a profile is attributed. */
  label = "graph";
  /** Whether the batch size is dynamic: then no node may contain it. */
  readonly dynamicBatch: boolean;

  constructor({ dynamicBatch = false } = {}) {
    this.dynamicBatch = dynamicBatch;
  }

  /** Declares an input of the graph. @returns its name */
  input(name: string, type: OnnxType, shape: readonly OnnxDimension[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Declares `source` as the graph's output `name`. */
  output(name: string, source: string, type: OnnxType, shape: readonly OnnxDimension[]): void {
    // A node's result is renamed to the output's name, so that nothing is copied; any other source is copied.
    if (this.#results.has(source) && !this.#outputNames.has(source)) this.#outputNames.set(source, name);
    else this.#nodes.push({ opType: "Identity", input: [source], output: [name], name: `output/${name}` });
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** Labels the nodes written next. @returns a live list of the names of their results */
  begin(label: string): readonly string[] {
    this.label = label;
    this.#written = [];
    return this.#written;
  }

  /** Adds a node with one output and returns the output's name. `undefined` omits an optional input. */
  node(
    opType: string,
    inputs: readonly (string | undefined)[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain: OnnxDomain = "",
  ): string {
    return this.#write(1, opType, inputs, attributes, domain)[0]!;
  }

  /**
   * Cuts x along its first axis into parts of these lengths, with one node.
   *
   * @returns the parts' names
   */
  split(x: string, lengths: readonly number[]): string[] {
    return this.#write(lengths.length, "Split", [x, this.integers(lengths)], { axis: 0 }, "");
  }

  /** Adds a node, named after its first output. @returns the names of its outputs */
  #write(
    outputs: number,
    opType: string,
    inputs: readonly (string | undefined)[],
    attributes: Readonly<Record<string, OnnxAttribute>>,
    domain: OnnxDomain,
  ): string[] {
    const names = Array.from({ length: outputs }, (_, i) => `v${this.#results.size + i}`);
    for (const name of names) this.#results.add(name);
    this.#written.push(names[0]!);
    this.#domains.add(domain);
    this.#nodes.push({
      opType,
      domain,
      name: `${this.label}/${names[0]}`,
      input: inputs.map((input) => input ?? ""),
      output: names,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    return names;
  }

  /** A node of ONNX Runtime's blocked (NCHWc) layout. */
  blocked(
    opType: string,
    inputs: readonly (string | undefined)[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    return this.node(opType, inputs, attributes, "com.microsoft.nchwc");
  }

  /** A float32 constant, scalar when `shape` is empty. */
  floats(values: Float32Array | readonly number[], shape: readonly number[]): string {
    const data = Float32Array.from(values);
    return this.#constant("float32", new Uint8Array(data.buffer), data.length, shape);
  }

  /** A float32 constant without axes. */
  scalar(value: number): string {
    return this.floats([value], []);
  }

  /** An int64 vector constant, the type of shapes and axes. */
  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#constant("int64", new Uint8Array(data.buffer), data.length, [data.length]);
  }

  /** A float32 constant that keeps its name: a trained weight. */
  initializer(name: string, data: Float32Array, shape: readonly number[]): string {
    const rawData = new Uint8Array(data.slice().buffer);
    this.#constants.push({ name, dataType: DATA_TYPE.float32, dims: shape.map(BigInt), rawData });
    return name;
  }

  /** An int32 constant, scalar when `shape` is empty. */
  int32s(values: readonly number[], shape: readonly number[]): string {
    const data = Int32Array.from(values);
    return this.#constant("int32", new Uint8Array(data.buffer), data.length, shape);
  }

  #constant(type: OnnxType, bytes: Uint8Array, elements: number, shape: readonly number[]): string {
    const key = elements <= SHARED_CONSTANT_ELEMENTS ? `${type} ${shape} ${bytes}` : undefined;
    const known = key === undefined ? undefined : this.#shared.get(key);
    if (known !== undefined) return known;
    const name = `c${this.#constants.length}`;
    this.#constants.push({ name, dataType: DATA_TYPE[type], dims: shape.map(BigInt), rawData: bytes });
    if (key !== undefined) this.#shared.set(key, name);
    return name;
  }

  /** Reshapes x. In `shape`, -1 infers one axis from the rest and 0 keeps an axis. */
  reshape(x: string, shape: readonly number[]): string {
    return this.node("Reshape", [x, this.integers(shape)]);
  }

  /** Permutes axes: axis i of the result is axis `permutation[i]` of x. */
  transpose(x: string, permutation: readonly number[]): string {
    return this.node("Transpose", [x], { perm: permutation });
  }

  /** Sum over axes, which are removed. */
  reduceSum(x: string, axes: readonly number[]): string {
    return this.node("ReduceSum", [x, this.integers(axes)], { keepdims: 0 });
  }

  /** Converts the elements' type. */
  cast(x: string, type: OnnxType): string {
    return this.node("Cast", [x], { to: DATA_TYPE[type] });
  }

  /** The finished model in ONNX's binary form. */
  toBytes({ name, metadata = {} }: ModelFacts): Uint8Array {
    const finalName = (value: string) => this.#outputNames.get(value) ?? value;
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: "tailor",
      opsetImport: [...this.#domains].map((domain) => ({
        domain,
        version: domain === "" ? BigInt(OPSET_VERSION) : 1n,
      })),
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name,
        node: this.#nodes.map((node) => ({
          ...node,
          input: node.input?.map(finalName) ?? [],
          output: node.output?.map(finalName) ?? [],
        })),
        initializer: this.#constants,
        input: this.#inputs,
        output: this.#outputs,
      },
    });
    return toBinary(ModelProtoSchema, model);
  }
}

function attribute(name: string, value: OnnxAttribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "number") return { name, i: BigInt(value), type: ATTRIBUTE_TYPE.int };
  if (typeof value === "string") return { name, s: new TextEncoder().encode(value), type: ATTRIBUTE_TYPE.string };
  if ("float" in value) return { name, f: value.float, type: ATTRIBUTE_TYPE.float };
  if ("floats" in value) return { name, floats: [...value.floats], type: ATTRIBUTE_TYPE.floats };
  return { name, ints: value.map(BigInt), type: ATTRIBUTE_TYPE.ints };
}

function valueInfo(
  name: string,
  type: OnnxType,
  shape: readonly OnnxDimension[],
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape.map((size) =>
    typeof size === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(size) } }
      : { value: { case: "dimParam" as const, value: size } },
  );
  return { name, type: { value: { case: "tensorType", value: { elemType: DATA_TYPE[type], shape: { dim } } } } };
}
