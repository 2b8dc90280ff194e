import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { below, connect, cutAt, fedInputs, producersOf } from "../onnx/cut-and-connect.ts";
import { type GraphProto, type ModelProto, ModelProtoSchema } from "../onnx/generated/onnx_pb.ts";
import { GraphWriter } from "../onnx/graph-writer.ts";

/** Element types of inputs that can be fed. */
const INPUT_TYPES = { float32: 1, uint8: 2, float16: 10 } as const;

/** What a frozen network is fed. */
export interface BackboneInput {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  /** Order of the axes after the batch. */
  readonly layout: "channels-first" | "channels-last";
  readonly type: "float32" | "uint8" | "float16";
  /** (pixel / 255 - mean) / standardDeviation, per channel. */
  readonly mean: readonly number[];
  readonly standardDeviation: readonly number[];
}

/**
 * How features become one vector. none: they are [batch, features] already; places: mean over an image's height and width;
 * token: the first token; tokens: mean over all.
 */
export type Pooling = "none" | "places" | "token" | "tokens";

/** A frozen network as plain data: which file, where it is cut, what it is fed. */
export interface Backbone {
  /** Absolute path of the ONNX file. */
  readonly file: string;
  /** Where it was fetched from, with the commit: `hf:OWNER/NAME/PATH@COMMIT`. */
  readonly source?: string;
  readonly sha256: string;
  /** The value in its graph that is used. */
  readonly tensor: string;
  readonly pooling: Pooling;
  /** Number of features. */
  readonly features: number;
  /** Of the forward pass of one image, in convolutions and matrix products; quantised ones are not counted. */
  readonly multiplyAdds: number;
  readonly input: BackboneInput;
}

/** Schema of a backbone in a recipe. */
export const backboneSchema: z.ZodType<Backbone> = z.strictObject({
  file: z.string(),
  source: z.string().exactOptional(),
  sha256: z.string(),
  tensor: z.string(),
  pooling: z.enum(["none", "places", "token", "tokens"]),
  features: z.int().min(1),
  multiplyAdds: z.int().min(0),
  input: z.strictObject({
    channels: z.union([z.literal(1), z.literal(3)]),
    height: z.int().min(1),
    width: z.int().min(1),
    layout: z.enum(["channels-first", "channels-last"]),
    type: z.enum(["float32", "uint8", "float16"]),
    mean: z.array(z.number()),
    standardDeviation: z.array(z.number().positive()),
  }),
});

/** What a file says of its input; undefined where a dimension is dynamic. */
export interface StatedInput {
  readonly name: string;
  readonly type: BackboneInput["type"];
  readonly layout: BackboneInput["layout"];
  readonly channels: 1 | 3;
  readonly height: number | undefined;
  readonly width: number | undefined;
}

/** An ONNX network that was read to be used as a backbone. */
export interface BackboneFile {
  readonly model: ModelProto;
  readonly graph: GraphProto;
  readonly input: StatedInput;
  /** Text fields of the file's metadata. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The output of `featureModel`, and its input. */
const [FEATURES, PIXELS] = ["features", "pixels"] as const;

/**
 * Reads a network that may become a backbone.
 *
 * @param fileName for error messages
 * @throws UserError when it is no ONNX model, has its weights in other files, or not one input of images in batches of any size
 */
export function readBackboneFile(bytes: Uint8Array, fileName: string): BackboneFile {
  const fail = (problem: string) => new UserError(`${fileName} cannot be a backbone: ${problem}`);
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new UserError(`${fileName} is not an ONNX model; give the .onnx file of a trained network`, { cause });
  }
  const { graph } = model;
  if (!graph || graph.node.length === 0 || graph.output.length === 0) {
    throw new UserError(`${fileName} is not an ONNX model; give the .onnx file of a trained network`);
  }
  const outside = graph.initializer.find(({ dataLocation, externalData }) => dataLocation === 1 || externalData.length);
  if (outside) {
    throw fail(
      `its weights ("${outside.name}") are in another file; save it as one file (onnx.save_model without save_as_external_data)`,
    );
  }
  const fed = fedInputs(graph);
  const inputs = graph.input.filter(({ name }) => fed.includes(name!));
  if (inputs.length !== 1) {
    throw fail(
      `it has ${inputs.length} inputs (${inputs.map(({ name }) => name).join(", ")}); it must have one, the images`,
    );
  }
  const [{ name, type }] = inputs as [(typeof inputs)[number]];
  const tensor = type?.value.case === "tensorType" ? type.value.value : undefined;
  const found = Object.entries(INPUT_TYPES).find(([, number]) => number === tensor?.elemType);
  if (!found) throw fail(`its input "${name}" must be a tensor of ${Object.keys(INPUT_TYPES).join(", ")}`);
  const dims = tensor!.shape?.dim ?? [];
  if (dims.length !== 4) {
    throw fail(`its input "${name}" has ${dims.length} axes; images have four, [batch, 3, height, width]`);
  }
  const [batch, ...sizes] = dims.map(({ value }) => (value.case === "dimValue" ? Number(value.value) : undefined));
  if (batch !== undefined && batch > 0) {
    throw fail(`its input "${name}" has a fixed batch of ${batch}; export it with a dynamic batch axis`);
  }
  const isColour = (size: number | undefined): size is 1 | 3 => size === 1 || size === 3;
  const [first, second, last] = sizes;
  const layout = isColour(first) ? "channels-first" : isColour(last) ? "channels-last" : undefined;
  if (!layout) {
    throw fail(`its input "${name}" has no axis of 1 or 3 channels: [${dims.map(dimText).join(", ")}]`);
  }
  const channels = layout === "channels-first" ? first : last;
  const [height, width] = layout === "channels-first" ? [second, last] : [first, second];
  const positive = (size: number | undefined) => (size !== undefined && size > 0 ? size : undefined);
  return {
    model,
    graph,
    input: {
      name: name!,
      type: found[0] as BackboneInput["type"],
      layout,
      channels: channels as 1 | 3,
      height: positive(height),
      width: positive(width),
    },
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key!, value!])),
  };
}

/** Operators between a network's last dense layer and its output. */
const AFTER_DENSE = new Set([
  ...["Softmax", "LogSoftmax", "Sigmoid", "Identity", "Cast", "Squeeze", "Reshape", "Flatten", "Add", "Mul", "Div"],
  ...["DequantizeLinear", "QuantizeLinear"],
]);
const DENSE = new Set(["Gemm", "MatMul", "MatMulInteger", "QLinearMatMul", "QGemm"]);

/**
 * The value where a network is cut unless one is named: the input of its last dense layer; its first output if that is
 * not computed by one.
 */
export function lastFeatures({ graph, input }: BackboneFile): string {
  const producers = producersOf(graph);
  const output = graph.output[0]!.name!;
  const isOfImages = (name: string) => below([name], producers).values.has(input.name);
  for (let value: string | undefined = output; value !== undefined; ) {
    const node = producers.get(value);
    const computed: string[] = node?.input.filter(isOfImages) ?? [];
    if (!node || computed.length !== 1) break;
    if (DENSE.has(node.opType!)) return computed[0]!;
    value = AFTER_DENSE.has(node.opType!) ? computed[0] : undefined;
  }
  return output;
}

/** Where a network is cut, how its features are pooled, and what it is fed. */
export type Cut = Pick<Backbone, "tensor" | "pooling" | "input">;

/**
 * The network up to a value as an ONNX model of its own. Input: `pixels` float32 [batch, channels, height, width], 0 to
 * 255; output: `features` float32, after pooling [batch, features].
 *
 * @param fileName for error messages
 * @throws UserError when there is no such value, or it does not depend on the images
 */
export function featureModel(file: BackboneFile, cut: Cut, fileName: string): Uint8Array {
  requireOfImages(file, cut.tensor, fileName);
  const body = cutAt(file.model, cut.tensor);
  return toBinary(ModelProtoSchema, connect([preparing(cut.input), body, pooled(cut.pooling)], body));
}

/** Operators that give sequences or maps. */
const NO_TENSORS = new Set([
  "SequenceConstruct",
  "SequenceEmpty",
  "SequenceErase",
  "SequenceInsert",
  "SequenceMap",
  "SplitToSequence",
  "ZipMap",
]);

/** @throws UserError unless there is such a value, it is a tensor, and it depends on the images */
function requireOfImages(file: BackboneFile, tensor: string, fileName: string): void {
  const producers = producersOf(file.graph);
  if (!producers.has(tensor)) {
    const names = new Set([lastFeatures(file), ...file.graph.output.map(({ name }) => name!)]);
    throw new UserError(
      `${fileName} has no value "${tensor}"; the input of its last dense layer and its outputs are: ${[...names].join(", ")}`,
      { exitCode: 2 },
    );
  }
  if (NO_TENSORS.has(producers.get(tensor)!.opType!)) {
    throw new UserError(`${fileName}: "${tensor}" is a sequence or map, no tensor; choose another value with #NAME`, {
      exitCode: 2,
    });
  }
  if (!below([tensor], producers).values.has(file.input.name)) {
    throw new UserError(`${fileName}: "${tensor}" does not depend on the images; choose another value`, {
      exitCode: 2,
    });
  }
}

/** Operators of heads, which mean the same in each version of ONNX's operators since 7. */
const HEAD_OPERATORS = new Set([
  ...["Add", "Cast", "Div", "Flatten", "Gemm", "Identity", "MatMul", "Mul", "Relu", "Softmax", "Sqrt", "Sub"],
]);

/**
 * A backbone with a trained head as one model file: pixels in, logits and probabilities out, with the head's metadata.
 *
 * @param features from `featureModel`
 * @param head from `inferenceModel`, of a network whose input is features
 */
export function withHead(features: Uint8Array, head: Uint8Array): Uint8Array {
  const [body, top] = [features, head].map((bytes) => fromBinary(ModelProtoSchema, bytes)) as [ModelProto, ModelProto];
  const unknown = top.graph!.node.find(({ opType, domain }) => domain || !HEAD_OPERATORS.has(opType!));
  if (unknown) throw new Error(`the head's operator ${unknown.opType} may differ between versions of ONNX's operators`);
  return toBinary(ModelProtoSchema, connect([body, top], body));
}

/** A convolution or matrix product of a network. */
interface Product {
  /** What it computes, and the value of which `termAxes` are the axes that one of its numbers is a sum over. */
  readonly output: string;
  readonly factor: string;
  readonly termAxes: (dims: readonly number[]) => readonly number[];
}

/** A run of a network up to some value, which finds out the shapes that are not in the file. */
export interface ShapeTrial {
  /** Its outputs: the value, and what its multiply-adds follow from. */
  readonly outputs: readonly string[];
  /** The network with these outputs; its input is as in the file. */
  readonly model: Uint8Array;
  /** Multiply-adds of a batch up to the value. @param shapes of the outputs for that batch */
  multiplyAdds(shapes: ReadonlyMap<string, readonly number[]>): number;
}

/** @throws UserError as `featureModel` does */
export function shapeTrial(file: BackboneFile, tensor: string, fileName: string): ShapeTrial {
  requireOfImages(file, tensor, fileName);
  const { graph, model } = file;
  const producers = producersOf(graph);
  const products = [...below([tensor], producers).nodes].flatMap(({ opType, input, output }): Product[] => {
    const [result, [x, weights]] = [output[0]!, input as [string, string]];
    // Weights are [outputs, inputs of a group, height, width].
    if (opType === "Conv") return [{ output: result, factor: weights, termAxes: (dims) => dims.slice(1) }];
    const isProduct = opType === "Gemm" || opType === "MatMul";
    return isProduct ? [{ output: result, factor: x, termAxes: (dims) => dims.slice(-1) }] : [];
  });
  const known = new Map(graph.initializer.map(({ name, dims }) => [name!, dims.map(Number)]));
  const asked = new Set([tensor, ...products.flatMap(({ output, factor }) => [output, factor])]);
  const outputs = [...asked].filter((name) => producers.has(name));
  return {
    outputs,
    model: toBinary(ModelProtoSchema, cutAt(model, ...outputs)),
    multiplyAdds(shapes) {
      const dimsOf = (name: string) => shapes.get(name) ?? known.get(name) ?? [];
      const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1);
      return products.reduce(
        (sum, { output, factor, termAxes }) => sum + product(dimsOf(output)) * product(termAxes(dimsOf(factor))),
        0,
      );
    },
  };
}

/** Makes a backbone's input of pixels from 0 to 255. */
function preparing({ channels, height, width, layout, type, mean, standardDeviation }: BackboneInput): ModelProto {
  const writer = new GraphWriter({ dynamicBatch: true });
  const pixels = writer.input(PIXELS, "float32", ["batch", channels, height, width]);
  const perChannel = [channels, 1, 1];
  const scale = writer.floats(
    standardDeviation.map((deviation) => 1 / (255 * deviation)),
    perChannel,
  );
  const shift = writer.floats(
    mean.map((centre, channel) => -centre / standardDeviation[channel]!),
    perChannel,
  );
  const scaled = writer.node("Add", [writer.node("Mul", [pixels, scale]), shift]);
  const ordered = layout === "channels-last" ? writer.transpose(scaled, [0, 2, 3, 1]) : scaled;
  return part(writer, type === "float32" ? ordered : writer.node("Cast", [ordered], { to: INPUT_TYPES[type] }));
}

/** Makes one float32 vector of an image's features. */
function pooled(pooling: Pooling): ModelProto {
  const writer = new GraphWriter({ dynamicBatch: true });
  const value = writer.cast(writer.input("value", "float32", ["batch"]), "float32");
  const flat = (x: string) => writer.node("Flatten", [x]);
  // The tokens become the places of an image: a mean over an axis is written differently in each version of ONNX.
  const places = () =>
    writer.node("GlobalAveragePool", [pooling === "tokens" ? writer.transpose(value, [0, 2, 1]) : value]);
  if (pooling === "none") return part(writer, value);
  return part(
    writer,
    flat(pooling === "token" ? writer.node("Gather", [value, writer.integers([0])], { axis: 1 }) : places()),
  );
}

/** A model with one output, whose type and shape ONNX Runtime derives. */
function part(writer: GraphWriter, result: string): ModelProto {
  writer.output(FEATURES, result, "float32", []);
  const model = fromBinary(ModelProtoSchema, writer.toBytes({ name: FEATURES }));
  for (const output of model.graph!.output) delete output.type;
  return model;
}

function dimText({ value }: { value: { case?: string | undefined; value?: unknown } }): string {
  return value.case === undefined ? "?" : String(value.value);
}
