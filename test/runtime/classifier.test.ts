import { clone, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { inferenceModel } from "../../src/formats/inference-model.ts";
import { flatten, linear, type Model, relu } from "../../src/nn/index.ts";
import { type ModelProto, ModelProtoSchema } from "../../src/onnx/generated/onnx_pb.ts";
import { GraphWriter } from "../../src/onnx/graph-writer.ts";
import { openModel } from "../../src/runtime/node/open-model.ts";
import { networkOf } from "../exchange/support/networks.ts";
import { failureOf } from "../training/support/failure.ts";

const small: Model = { name: "small", layers: ({ classes }) => [flatten(), linear(6), relu(), linear(classes)] };
const { tensors, ...network } = networkOf(small, { channels: 1, height: 3, width: 2, classes: 4 });
const BYTES = inferenceModel({ ...network, tensors: new Map(tensors.map(({ name, data }) => [name, data])) });
const PARSED = fromBinary(ModelProtoSchema, BYTES);

const open = (bytes: Uint8Array) => openModel(bytes, "some/model.onnx", { threads: 1 });

/** The file with contradictory contents. */
function lying(change: (model: ModelProto) => void): Uint8Array {
  const model = clone(ModelProtoSchema, PARSED);
  change(model);
  return toBinary(ModelProtoSchema, model);
}

const weight = (model: ModelProto) => model.graph!.initializer.find(({ name }) => name === "fc1.weight")!;

test("a whole model opens", async () => {
  const session = await open(BYTES);
  expect(session).toMatchObject({ imageShape: { channels: 1, height: 3, width: 2 }, classes: 4 });
  expect(await session.logits(new Uint8Array(12))).toHaveLength(8);
  await session.release();
});

describe("a model that opens is refused when it is used", () => {
  test.each([
    ["NaN", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
  ])("for outputs that are not finite: a weight of %s", async (_, value) => {
    const session = await open(
      lying((model) => {
        const { rawData } = model.graph!.initializer.find(({ name }) => name === "fc2.bias")!;
        new DataView(rawData.buffer, rawData.byteOffset).setFloat32(0, value, true);
      }),
    );
    for (const output of ["logits", "probabilities"] as const) {
      const { message } = await failureOf(session[output](new Uint8Array(6)));
      expect(message).toMatch(
        new RegExp(`^some/model\\.onnx gives ${output} that are not finite numbers; restore the file`),
      );
    }
    await session.release();
  });

  test("for a shape that does not fit its images", async () => {
    const writer = new GraphWriter({ dynamicBatch: true });
    const pixels = writer.input("pixels", "float32", ["batch", 1, 3, 2]);
    writer.output("logits", writer.reshape(pixels, [-1, 4]), "float32", ["batch", 4]);
    const session = await open(writer.toBytes({ name: "reshape" }));
    const { message } = await failureOf(session.logits(new Uint8Array(6)));
    expect(message).toMatch(/^some\/model\.onnx cannot be run by ONNX Runtime \(.*\); train or export it again$/);
    await session.release();
  });
});

test("a session that does not spin between its runs gives bitwise the same result", async () => {
  const pixels = Uint8Array.from({ length: 60 }, (_, i) => (i * 41) % 256);
  const [alone, beside] = [await open(BYTES), await openModel(BYTES, "x", { threads: 2, isAlone: false })];
  const expected = Float32Array.from(await alone.logits(pixels));
  expect(Float32Array.from(await beside.logits(pixels))).toEqual(expected);
  await alone.release();
  await beside.release();
});

describe("an inconsistent model file is refused by name, without a crash", () => {
  test.each<[string, (model: ModelProto) => void]>([
    ["a tensor larger than its data", (model) => (weight(model).dims = [6n, 600n])],
    ["a tensor smaller than its data", (model) => (weight(model).dims = [6n, 1n])],
    ["a tensor of a negative size", (model) => (weight(model).dims = [-6n, -6n])],
    ["a tensor past counting", (model) => (weight(model).dims = [2n ** 40n, 2n ** 40n])],
    ["a tensor without data", (model) => (weight(model).rawData = new Uint8Array())],
    ["another type than the data's", (model) => (weight(model).dataType = 11)],
    ["a type that does not exist", (model) => (weight(model).dataType = 999)],
    ["no weight", (model) => model.graph!.initializer.splice(0)],
    ["an unknown operator", (model) => (model.graph!.node[0]!.opType = "Nothing")],
    ["operators of the future", (model) => (model.opsetImport[0]!.version = 9_999n)],
    ["no graph", (model) => Reflect.deleteProperty(model, "graph")],
  ])("%s", async (_, change) => {
    const error = await failureOf(open(lying(change)));
    expect(error.message).toMatch(
      /^some\/model\.onnx is not a model that ONNX Runtime can read; train or export it again$/,
    );
  });

  test("cut anywhere", async () => {
    for (let length = 0; length < BYTES.length; length += 37) {
      const error = await failureOf(open(BYTES.subarray(0, length)));
      expect(error.message).toMatch(/^some\/model\.onnx (is not a model|has no input "pixels")/);
    }
  });

  test.each<[string, (model: ModelProto) => void]>([
    ["another input", (model) => rename(model, "pixels", "image")],
    ["another output", (model) => rename(model, "logits", "scores")],
  ])("%s", async (_, change) => {
    const error = await failureOf(open(lying(change)));
    expect(error.message).toMatch(/has no input "pixels" \[batch, channels, height, width\] and output "logits"/);
  });
});

function rename({ graph }: ModelProto, from: string, to: string): void {
  for (const value of [...graph!.input, ...graph!.output]) if (value.name === from) value.name = to;
  for (const node of graph!.node) {
    node.input = node.input.map((name) => (name === from ? to : name));
    node.output = node.output.map((name) => (name === from ? to : name));
  }
}
