/** Networks of other programs as backbones: where they are cut, what they are fed, what is refused. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import {
  type BackboneInput,
  featureModel,
  lastFeatures,
  type Pooling,
  readBackboneFile,
  withHead,
} from "../../src/formats/backbone.ts";
import { inferenceModel } from "../../src/formats/inference-model.ts";
import { type ModelProto, ModelProtoSchema, NodeProtoSchema } from "../../src/onnx/generated/onnx_pb.ts";
import { ATTRIBUTE_TYPE, GraphWriter } from "../../src/onnx/graph-writer.ts";
import { transferHead } from "../../src/recipes/transfer.ts";
import { ort } from "../../src/runtime/node/ort.ts";
import { type NetworkOptions, otherNetwork, randomNumbers } from "../training/support/backbones.ts";

const COUNT = 3;
const INPUT: BackboneInput = {
  ...{ channels: 3, height: 16, width: 16, layout: "channels-first", type: "float32" },
  mean: [0.4, 0.5, 0.6],
  standardDeviation: [0.2, 0.25, 0.3],
};
const PIXELS = Uint8Array.from({ length: COUNT * 3 * 16 * 16 }, (_, i) => (i * 37 + (i % 7) * 11) % 256);

async function run(
  model: Uint8Array,
  feed: Record<string, readonly [string, Float32Array | Uint8Array, readonly number[]]>,
) {
  const { InferenceSession, Tensor } = ort();
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  const tensors = Object.entries(feed).map(([name, [type, data, dims]]) => [
    name,
    new Tensor(type as "float32", data as Float32Array, dims),
  ]);
  const results = await session.run(Object.fromEntries(tensors));
  await session.release();
  return results;
}

/** The features of a network of `otherNetwork`, as it computes them itself from images that are prepared here. */
async function expected(options: NetworkOptions, input: BackboneInput, at: string): Promise<Float32Array> {
  const model = fromBinary(ModelProtoSchema, otherNetwork(options));
  const output = model.graph!.output[0]!;
  model.graph!.output = [{ ...output, name: at }].map(({ type: _, ...rest }) => rest);
  const [plane, isFirst] = [16 * 16, input.layout === "channels-first"];
  const values = Float32Array.from(PIXELS, (_, i) => {
    const [image, place] = [Math.floor(i / (3 * plane)), i % (3 * plane)];
    const [channel, pixel] = isFirst ? [Math.floor(place / plane), place % plane] : [place % 3, Math.floor(place / 3)];
    const value = PIXELS[image * 3 * plane + channel * plane + pixel]!;
    return (value / 255 - input.mean[channel]!) / input.standardDeviation[channel]!;
  });
  const data = input.type === "uint8" ? Uint8Array.from(values, Math.round) : values;
  const shape = isFirst ? [COUNT, 3, 16, 16] : [COUNT, 16, 16, 3];
  return (await run(toBinary(ModelProtoSchema, model), { images: [input.type, data, shape] }))[at]!
    .data as Float32Array;
}

const pixelFeed = { pixels: ["float32", Float32Array.from(PIXELS), [COUNT, 3, 16, 16]] } as const;

async function features(bytes: Uint8Array, pooling: Pooling = "none", input = INPUT): Promise<Float32Array> {
  const file = readBackboneFile(bytes, "net.onnx");
  const model = featureModel(file, { tensor: lastFeatures(file), pooling, input }, "net.onnx");
  return (await run(model, pixelFeed)).features!.data as Float32Array;
}

describe("the features", () => {
  test("are the input of the last dense layer, whatever comes behind it", async () => {
    const file = readBackboneFile(otherNetwork(), "net.onnx");
    const at = lastFeatures(file);
    expect(file.graph.node.find(({ opType }) => opType === "MatMul")!.input[0]).toBe(at);
    expect(file.input).toEqual({
      ...{ name: "images", type: "float32", layout: "channels-first", channels: 3, height: 16, width: 16 },
    });
    expect(await features(otherNetwork())).toBeClose(await expected({}, INPUT, at), { tolerance: 1e-5 });
  });

  test("of images with the channels last, and of bytes, are those of the same pixels", async () => {
    const last = { ...INPUT, layout: "channels-last" } as const;
    const at = lastFeatures(readBackboneFile(otherNetwork({ layout: "channels-last" }), "net.onnx"));
    expect(await features(otherNetwork({ layout: "channels-last" }), "none", last)).toBeClose(
      await expected({ layout: "channels-last" }, last, at),
      { tolerance: 1e-5 },
    );
    const bytes: BackboneInput = {
      ...INPUT,
      type: "uint8",
      mean: [0, 0, 0],
      standardDeviation: [1 / 255, 1 / 255, 1 / 255],
    };
    const own = lastFeatures(readBackboneFile(otherNetwork({ type: "uint8" }), "net.onnx"));
    expect(await features(otherNetwork({ type: "uint8" }), "none", bytes)).toBeClose(
      await expected({ type: "uint8" }, bytes, own),
      { tolerance: 1e-3 },
    );
  });

  test("of places are their mean, of tokens the first or the mean", async () => {
    // [batch, 8, 7, 7] -> [batch, 49, 8]
    const tokens = (writer: GraphWriter, x: string) => writer.transpose(writer.reshape(x, [0, 8, 49]), [0, 2, 1]);
    const file = readBackboneFile(otherNetwork({ features: tokens }), "net.onnx");
    const all = await expected({ features: tokens }, INPUT, lastFeatures(file));
    const mean = Float32Array.from({ length: COUNT * 8 }, (_, i) => {
      const [image, channel] = [Math.floor(i / 8), i % 8];
      let sum = 0;
      for (let token = 0; token < 49; token++) sum += all[(image * 49 + token) * 8 + channel]!;
      return sum / 49;
    });
    const first = Float32Array.from({ length: COUNT * 8 }, (_, i) => all[Math.floor(i / 8) * 49 * 8 + (i % 8)]!);
    expect(await features(otherNetwork({ features: tokens }), "tokens")).toBeClose(mean, { tolerance: 1e-5 });
    expect(await features(otherNetwork({ features: tokens }), "token")).toBeClose(first, { tolerance: 1e-5 });
    expect(await features(otherNetwork({ features: (_, x) => x, width: 7 }), "places")).toBeClose(mean, {
      tolerance: 1e-5,
    });
  });

  test("of a network without a dense layer are its output", () => {
    const writer = new GraphWriter({ dynamicBatch: true });
    const images = writer.input("images", "float32", ["batch", 3, 16, 16]);
    writer.output("pooled", writer.node("GlobalAveragePool", [images]), "float32", ["batch", 3, 1, 1]);
    expect(lastFeatures(readBackboneFile(writer.toBytes({ name: "pool" }), "net.onnx"))).toBe("pooled");
  });

  test("may depend on values that are only used inside a branch", async () => {
    const model = fromBinary(ModelProtoSchema, otherNetwork());
    const graph = model.graph!;
    const relu = graph.node.find(({ opType }) => opType === "Relu")!;
    const branch = (name: string) => ({
      name,
      type: ATTRIBUTE_TYPE.graph,
      g: {
        name,
        node: [{ opType: "Relu", input: [relu.input[0]!], output: [`${name}.out`], name: `${name}.node` }],
        output: [{ name: `${name}.out`, type: { value: { case: "tensorType" as const, value: { elemType: 1 } } } }],
      },
    });
    const choice = create(NodeProtoSchema, {
      opType: "If",
      input: ["always"],
      output: relu.output,
      name: "choice",
      attribute: [branch("then_branch"), branch("else_branch")],
    });
    graph.initializer.push({
      ...graph.initializer[0]!,
      name: "always",
      dims: [],
      dataType: 9,
      rawData: Uint8Array.of(1),
    });
    graph.node = graph.node.map((node) => (node === relu ? choice : node));
    expect(await features(toBinary(ModelProtoSchema, model))).toEqual(await features(otherNetwork()));
  });
});

test("with a head it is one file: probabilities are the softmax of the head's products", async () => {
  const file = readBackboneFile(otherNetwork(), "net.onnx");
  const model = featureModel(file, { tensor: lastFeatures(file), pooling: "none", input: INPUT }, "net.onnx");
  const tensors = new Map([
    ["fc1.weight", randomNumbers(2 * 8, 5)],
    ["fc1.bias", randomNumbers(2, 6)],
  ]);
  const head = inferenceModel({
    model: transferHead({ features: 8 }),
    task: { channels: 3, height: 16, width: 16, classes: 2 },
    normalization: INPUT,
    classNames: ["a", "b"],
    confidence: { temperature: 2, unknownBelow: 0.5 },
    tensors,
  });
  const whole = withHead(model, head);
  const results = await run(whole, pixelFeed);
  const own = await features(otherNetwork());
  const logits = Array.from({ length: COUNT * 2 }, (_, i) => {
    const [image, label] = [Math.floor(i / 2), i % 2];
    let sum = tensors.get("fc1.bias")![label]!;
    for (let f = 0; f < 8; f++) sum += own[image * 8 + f]! * tensors.get("fc1.weight")![label * 8 + f]!;
    return sum;
  });
  expect(results.logits!.data).toBeClose(logits, { tolerance: 1e-5 });
  const shares = logits.map((logit, i) => 1 / (1 + Math.exp((logits[i ^ 1]! - logit) / 2)));
  expect(results.probabilities!.data).toBeClose(shares, { tolerance: 1e-5 });
  const facts = new Map(fromBinary(ModelProtoSchema, whole).metadataProps.map(({ key, value }) => [key, value]));
  expect(facts.get("classes")).toBe('["a","b"]');
});

describe("a file is refused", () => {
  const changed = (change: (model: ModelProto) => void) => {
    const model = fromBinary(ModelProtoSchema, otherNetwork());
    change(model);
    return toBinary(ModelProtoSchema, model);
  };

  test.each<[string, Uint8Array, RegExp]>([
    ["of text", new TextEncoder().encode("<html>not found</html>"), /is not an ONNX model/],
    ["that is empty", new Uint8Array(), /is not an ONNX model/],
    ["with a fixed batch", otherNetwork({ batch: 4 }), /"images" has a fixed batch of 4; export it with a dynamic/],
    [
      "with its weights elsewhere",
      changed((model) => {
        model.graph!.initializer[0]!.dataLocation = 1;
      }),
      /weights \("conv.weight"\) are in another file/,
    ],
    [
      "with several inputs",
      changed(({ graph }) => graph!.input.push({ ...graph!.input[0]!, name: "mask" })),
      /has 2 inputs \(images, mask\)/,
    ],
    [
      "of sequences",
      changed(({ graph }) => {
        const type = graph!.input[0]!.type!;
        if (type.value.case === "tensorType") type.value.value.shape!.dim.pop();
      }),
      /"images" has 3 axes; images have four/,
    ],
    [
      "of integers",
      changed(({ graph }) => {
        const type = graph!.input[0]!.type!;
        if (type.value.case === "tensorType") type.value.value.elemType = 7;
      }),
      /"images" must be a tensor of float32, uint8, float16/,
    ],
  ])("%s", (_, bytes, message) => {
    expect(() => readBackboneFile(bytes, "net.onnx")).toThrow(UserError);
    expect(() => readBackboneFile(bytes, "net.onnx")).toThrow(message);
  });

  test("where the value to cut at is missing, or does not depend on the images", () => {
    const file = readBackboneFile(otherNetwork(), "net.onnx");
    const cut = { pooling: "none", input: INPUT } as const;
    expect(() => featureModel(file, { ...cut, tensor: "pooled" }, "net.onnx")).toThrow(
      `net.onnx has no value "pooled"; the input of its last dense layer and its outputs are: ${lastFeatures(file)}, scores`,
    );
    const writer = new GraphWriter({ dynamicBatch: true });
    const images = writer.input("images", "float32", ["batch", 3, 16, 16]);
    const apart = writer.node("Neg", [writer.floats([1, 2], [2])]);
    writer.output("sum", writer.node("Add", [writer.node("ReduceMean", [images]), apart]), "float32", [1]);
    const other = readBackboneFile(writer.toBytes({ name: "apart" }), "net.onnx");
    expect(() => featureModel(other, { ...cut, tensor: apart }, "net.onnx")).toThrow(/does not depend on the images/);
  });
});
