/** Networks of others, and of ours with weights in fewer bits, as backbones: features are those of plain ONNX Runtime. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { lastFeatures, readBackboneFile } from "../../src/formats/backbone.ts";
import { inferenceModel } from "../../src/formats/inference-model.ts";
import { base } from "../../src/models/study.ts";
import { buildModel, initialTensors } from "../../src/nn/model.ts";
import { cutAt } from "../../src/onnx/cut-and-connect.ts";
import {
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from "../../src/onnx/generated/onnx_pb.ts";
import { ATTRIBUTE_TYPE } from "../../src/onnx/graph-writer.ts";
import { modelFileOptions, ort } from "../../src/runtime/node/ort.ts";
import { openBackbone, openFeatureSession, readFeatureModel } from "../../src/training/node/open-backbone.ts";
import { put } from "../data/picture-fixtures.ts";
import { OCR_CLASSIFIER } from "./support/backbones.ts";
import { sharedFolder } from "./support/small-data.ts";

const FOLDER = sharedFolder();
const IMAGES = 3;
const OPTIONS = { range: "0-1", threads: 1, report: () => {} } as const;
/** ONNX's numbers of types. */
const TYPES = { float32: 1, uint8: 2, int8: 3, float16: 10 } as const;

const pixelsOf = (size: number) =>
  Uint8Array.from({ length: IMAGES * 3 * size ** 2 }, (_, i) => (i * 37 + (i % 7) * 11) % 256);

/** The features as a run of this project computes them. */
async function features(file: string, size: number, range: "0-1" | "0-255" = "0-1"): Promise<Float32Array> {
  const { backbone } = await openBackbone(file, { ...OPTIONS, range, size });
  const session = await openFeatureSession(readFeatureModel(backbone), 1, file);
  const found = await session.run(pixelsOf(size), [IMAGES, 3, size, size]);
  await session.release();
  return found;
}

/** The same value of the file as it is, in a plain session. */
async function plainFeatures(bytes: Uint8Array, size: number, scale = 255): Promise<Float32Array> {
  const file = readBackboneFile(bytes, "net.onnx");
  const model = toBinary(ModelProtoSchema, cutAt(file.model, lastFeatures(file)));
  const { InferenceSession, Tensor } = ort();
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  const values = Float32Array.from(pixelsOf(size), (pixel) => pixel / scale);
  const results = await session.run({ [file.input.name]: new Tensor("float32", values, [IMAGES, 3, size, size]) });
  await session.release();
  return results[session.outputNames[0]!]!.data as Float32Array;
}

test("a classifier of text direction by others, in operators of 2019, with open sizes and batch", async () => {
  const file = OCR_CLASSIFIER;
  const found = await features(file, 48);
  expect(found).toHaveLength(IMAGES * 200);
  expect(found).toBeClose(await plainFeatures(readFileSync(file), 48), { tolerance: 1e-5 });
});

describe("a network of ours with weights", () => {
  const SIZE = 16;
  const [task, normalization] = [
    { channels: 3, height: SIZE, width: SIZE, classes: 4 },
    { mean: [0.3, 0.4, 0.5], standardDeviation: [0.2, 0.25, 0.3] },
  ];
  const tensors = initialTensors(buildModel(base, { task, normalization, batchSize: 1, mode: "inference" }), 1);
  const floats = inferenceModel({ model: base, task, normalization, classNames: ["a", "b", "c", "d"], tensors });

  /** The network with another tensor in place of each weight, and the nodes that make floats of it. */
  function withWeights(
    change: (weight: TensorProto, values: Float32Array) => { constants: TensorProto[]; node: NodeProto },
  ) {
    const model = fromBinary(ModelProtoSchema, floats);
    const graph = model.graph!;
    const nodes: NodeProto[] = [];
    graph.initializer = graph.initializer.flatMap((weight) => {
      if (weight.dims.length < 2 || weight.dataType !== TYPES.float32) return [weight];
      const { constants, node } = change(weight, new Float32Array(weight.rawData!.slice().buffer));
      nodes.push(node);
      return constants;
    });
    expect(nodes.length).toBeGreaterThan(3);
    graph.node.unshift(...nodes);
    return toBinary(ModelProtoSchema, model);
  }

  const nodeOf = (
    opType: string,
    input: string[],
    output: string,
    attribute: MessageInitShape<typeof NodeProtoSchema>["attribute"] = [],
  ) => create(NodeProtoSchema, { opType, input, output: [output], name: `of ${output}`, attribute });

  /** Whole numbers of so many bits around a zero point, with one scale for each tensor. */
  const quantised = (type: "int8" | "uint8") =>
    withWeights((weight, values) => {
      const zero = type === "uint8" ? 128 : 0;
      const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
      const name = weight.name!;
      const whole = Uint8Array.from(values, (value) => Math.round(value / scale) + zero);
      return {
        constants: [
          { ...weight, name: `${name}.whole`, dataType: TYPES[type], rawData: whole },
          { ...weight, name: `${name}.scale`, dims: [], rawData: new Uint8Array(Float32Array.of(scale).buffer) },
          { ...weight, name: `${name}.zero`, dims: [], dataType: TYPES[type], rawData: Uint8Array.of(zero) },
        ],
        node: nodeOf("DequantizeLinear", [`${name}.whole`, `${name}.scale`, `${name}.zero`], name),
      };
    });

  /** The upper bits of each number, without rounding; what is below the least normal half is 0. */
  function halfOf(value: number): number {
    const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
    const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
    return exponent <= 0 ? 0 : ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff);
  }

  const halves = () =>
    withWeights((weight, values) => ({
      constants: [
        {
          ...weight,
          name: `${weight.name}.half`,
          dataType: TYPES.float16,
          rawData: new Uint8Array(Uint16Array.from(values, halfOf).buffer),
        },
      ],
      node: nodeOf("Cast", [`${weight.name}.half`], weight.name!, [
        { name: "to", type: ATTRIBUTE_TYPE.int, i: BigInt(TYPES.float32) },
      ]),
    }));

  test.each<[string, () => Uint8Array, number]>([
    ["as float16 behind Cast", halves, 1e-2],
    ["as int8 behind DequantizeLinear", () => quantised("int8"), 0.1],
    ["as uint8 behind DequantizeLinear", () => quantised("uint8"), 0.1],
  ])("%s", async (name, make, error) => {
    const bytes = make();
    const file = `${name.split(" ")[1]}.onnx`;
    put(FOLDER, { [file]: bytes, "floats.onnx": floats });
    const found = await features(join(FOLDER, file), SIZE, "0-255");
    expect(found).toBeClose(await plainFeatures(bytes, SIZE, 1), { tolerance: 1e-4 });
    const exact = await features(join(FOLDER, "floats.onnx"), SIZE, "0-255");
    const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(found).toBeClose(exact, { tolerance: error * largest });
    expect(found).not.toEqual(exact);
  });

  test("quantised alone are computed as floats at the start, with quantised activations they stay whole numbers", () => {
    const folds = { session: { disable_quant_qdq: "1" } };
    expect(modelFileOptions(quantised("int8"), 1).extra).toMatchObject(folds);
    const model = fromBinary(ModelProtoSchema, quantised("int8"));
    model.graph!.node.push(nodeOf("QuantizeLinear", ["a", "b"], "c"));
    expect(modelFileOptions(toBinary(ModelProtoSchema, model), 1).extra).toBeUndefined();
  });
});
