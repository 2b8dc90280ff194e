import { fromBinary } from "@bufbuild/protobuf";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { evaluationProgram } from "../../src/evaluation/evaluate.ts";
import { inferenceModel } from "../../src/formats/inference-model.ts";
import { base, enhanced } from "../../src/models/study.ts";
import {
  batchNorm,
  conv2d,
  dropout,
  flatten,
  globalAveragePool,
  linear,
  maxPool2d,
  relu,
  residual,
} from "../../src/nn/index.ts";
import { buildModel, type ImageTask, initialTensors, type Model } from "../../src/nn/model.ts";
import { ModelProtoSchema } from "../../src/onnx/generated/onnx_pb.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { hash, uniform } from "../golden/inputs.ts";

const FASHION: ImageTask = { channels: 1, height: 28, width: 28, classes: 10 };
const COLOUR: ImageTask = { channels: 3, height: 12, width: 9, classes: 4 };
const BATCH = 7;

/**
 * Strides, odd kernels, biases before batch norm, a shortcut, a mean over each channel, batch norm after dense layers.
 */
const mixed: Model = {
  name: "mixed",
  layers: ({ classes }) => [
    conv2d(8, { kernelSize: [3, 1], padding: [1, 0] }),
    batchNorm(),
    relu(),
    residual(
      [
        conv2d(16, { kernelSize: 3, stride: 2, padding: 1, bias: false }),
        batchNorm(),
        relu(),
        conv2d(16, { kernelSize: 3, padding: 1 }),
        batchNorm({ epsilon: 1e-3 }),
      ],
      [conv2d(16, { kernelSize: 1, stride: 2 }), batchNorm()],
    ),
    relu(),
    globalAveragePool(),
    flatten(),
    linear(12),
    batchNorm(),
    relu(),
    dropout(0.5),
    linear(classes),
  ],
};

/**
 * Batch norms that must not be folded: behind a sum and a pool, and behind a convolution whose result is used twice.
 */
const unfoldable: Model = {
  name: "unfoldable",
  layers: ({ classes }) => [
    batchNorm(),
    conv2d(8, { kernelSize: 3 }),
    residual([batchNorm(), relu()]),
    batchNorm(),
    maxPool2d(2),
    batchNorm(),
    flatten(),
    linear(classes),
  ],
};

const CASES: { model: Model; task: ImageTask }[] = [
  { model: base, task: FASHION },
  { model: enhanced, task: FASHION },
  { model: mixed, task: COLOUR },
  { model: unfoldable, task: COLOUR },
];

/** All contents of a model file. Batch norm's tensors are changed from the identity. */
function partsOf(model: Model, task: ImageTask) {
  const normalization = {
    mean: Array.from({ length: task.channels }, (_, i) => 0.3 + i / 10),
    standardDeviation: Array.from({ length: task.channels }, (_, i) => 0.35 - i / 20),
  };
  const tensors = initialTensors(buildModel(model, { task, normalization, batchSize: 1, mode: "inference" }), 5);
  for (const [name, data] of tensors) {
    if (!/\bbn\d/.test(name)) continue;
    // Scales of both signs: a fold that used their absolute value would pass with positive ones only.
    const move = name.endsWith("running_var") ? (u: number) => 1 + u / 2 : (u: number) => u + Math.sign(u) / 2;
    data.forEach((_, i) => {
      data[i] = move(uniform(name.length, i));
    });
  }
  const classNames = Array.from({ length: task.classes }, (_, i) => `class "${i}"`);
  return { model, task, normalization, tensors, classNames };
}

const pixelsFor = ({ channels, height, width }: ImageTask) =>
  Uint8Array.from({ length: BATCH * channels * height * width }, (_, i) => hash(17, i) % 256);

/** Logits of the validation graph: weights fed, batch norm not folded. */
async function fedLogits({ model, task, normalization, tensors }: ReturnType<typeof partsOf>, pixels: Uint8Array) {
  const program = evaluationProgram(model, { task, batchSize: BATCH, normalization });
  const session = await nodeRuntime.open(compile(program, { kind: "standard" }), { threads: 1 });
  session.load(tensors);
  const { logits } = await session.run({ pixels });
  const copy = logits!.slice();
  await session.release();
  return copy;
}

/** Runs a model file on plain ONNX Runtime. */
async function run(session: InferenceSession, { channels, height, width }: ImageTask, pixels: Uint8Array) {
  const data = Float32Array.from(pixels);
  const shape = [data.length / (channels * height * width), channels, height, width];
  const { logits, probabilities } = await session.run({ pixels: new Tensor("float32", data, shape) });
  return {
    shapes: [logits!.dims, probabilities!.dims],
    logits: await floats(logits!),
    probabilities: await floats(probabilities!),
  };
}

async function floats(tensor: Tensor): Promise<Float32Array> {
  const data = await tensor.getData();
  if (!(data instanceof Float32Array)) throw new Error(`expected float32, got ${tensor.type}`);
  return data;
}

const decode = (bytes: Uint8Array) => fromBinary(ModelProtoSchema, bytes);
const nodeTypes = (bytes: Uint8Array) => decode(bytes).graph!.node.map(({ opType }) => opType);
const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe.each(CASES)("model.onnx of $model.name", ({ model, task }) => {
  const parts = partsOf(model, task);
  const pixels = pixelsFor(task);
  const bytes = inferenceModel(parts);

  test("gives the logits of the validation graph, in batches of 1, 3 and 7", async () => {
    const expected = await fedLogits(parts, pixels);
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    // Rounding of float32 sums grows like the root of their terms, at most 3,136 here, and adds up over up to 7 layers
    // in each of the two computations: 2 x 7 x 56 x 2^-24 = 5e-5 of the numbers' size.
    const tolerance = 2 * 7 * Math.sqrt(3136) * 2 ** -24 * largest(expected);
    expect(largest(expected)).toBeGreaterThan(0.05);
    for (const batch of [1, 3, BATCH]) {
      const { logits, shapes } = await run(session, task, pixels.subarray(0, (pixels.length / BATCH) * batch));
      expect(shapes).toEqual([
        [batch, task.classes],
        [batch, task.classes],
      ]);
      expect(logits).toBeClose(expected.subarray(0, batch * task.classes), { tolerance });
    }
    await session.release();
  });

  test("gives probabilities: the softmax of the logits, which sums to 1", async () => {
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const { logits, probabilities } = await run(session, task, pixels);
    await session.release();
    for (let row = 0; row < BATCH; row++) {
      const part = (values: Float32Array) => [...values.subarray(row * task.classes, (row + 1) * task.classes)];
      const exponentials = part(logits).map(Math.exp);
      const sum = exponentials.reduce((a, b) => a + b, 0);
      // A handful of float32 operations on numbers up to 1.
      expect(part(probabilities)).toBeClose(
        exponentials.map((value) => value / sum),
        { tolerance: 1e-6 },
      );
      expect(part(probabilities).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    }
  });

  test("has standard operators only, and a dynamic batch size", () => {
    const { opsetImport, graph } = decode(bytes);
    expect(opsetImport.map(({ domain }) => domain)).toEqual([""]);
    const dims = [...graph!.input, ...graph!.output].map(({ name, type }) => {
      const tensor = type?.value.case === "tensorType" ? type.value.value : undefined;
      return [name, tensor?.elemType, tensor?.shape?.dim.map(({ value }) => value.value)];
    });
    const sizes = [task.channels, task.height, task.width].map(BigInt);
    const classes = BigInt(task.classes);
    expect(dims).toEqual([
      ["pixels", 1, ["batch", ...sizes]],
      ["logits", 1, ["batch", classes]],
      ["probabilities", 1, ["batch", classes]],
    ]);
  });

  test("has metadata about the network and its classes", () => {
    const facts = { recipe: "a recipe", seed: "3" };
    const { metadataProps, graph } = decode(inferenceModel({ ...parts, facts }));
    const metadata = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
    const { mean, standardDeviation } = parts.normalization;
    expect(metadata).toEqual({
      ...facts,
      opset: "17",
      model: model.name,
      image: `${task.channels}x${task.height}x${task.width}`,
      classes: JSON.stringify(parts.classNames),
      mean: JSON.stringify(mean),
      standardDeviation: JSON.stringify(standardDeviation),
    });
    expect(graph!.name).toBe(model.name);
  });
});

describe("batch norm", () => {
  const isNormalization = (type: string) => ["Mul", "Add", "Sub", "Div", "Sqrt", "BatchNormalization"].includes(type);

  test.each([enhanced, mixed])("is folded into the layer before it: $name", (model) => {
    const task = model === enhanced ? FASHION : COLOUR;
    // The remaining ones are the normalisation of the pixels; a residual's sum is one more, and each dense bias may be.
    const left = nodeTypes(inferenceModel(partsOf(model, task))).filter(isNormalization);
    expect(left.filter((type) => type !== "Add")).toEqual(["Mul"]);
    expect(left.filter((type) => type === "Add")).toHaveLength(model === enhanced ? 1 : 2);
  });

  test("is computed where it cannot be folded", () => {
    expect(nodeTypes(inferenceModel(partsOf(unfoldable, COLOUR))).filter((type) => type === "Sqrt")).toHaveLength(4);
  });

  test("scales each output's weights and bias, computed in float64: (bias - mean) * scale + shift", () => {
    const model: Model = {
      name: "one",
      layers: ({ classes }) => [conv2d(3, { kernelSize: 1 }), batchNorm(), flatten(), linear(classes)],
    };
    const task = { channels: 2, height: 1, width: 1, classes: 2 };
    const tensors = new Map([
      ["conv1.weight", Float32Array.of(1, 2, 3, 4, 5, 6)],
      ["conv1.bias", Float32Array.of(1, -1, 0.5)],
      ["bn1.weight", Float32Array.of(2, -1, 0.1)],
      ["bn1.bias", Float32Array.of(0.25, 0, 7)],
      ["bn1.running_mean", Float32Array.of(0.5, 3, -1)],
      ["bn1.running_var", Float32Array.of(4, 0.25, 1)],
      ["fc1.weight", new Float32Array(6).fill(1)],
      ["fc1.bias", Float32Array.of(0, 0)],
    ]);
    const before = new Map([...tensors].map(([name, data]) => [name, data.slice()]));
    const { graph } = decode(inferenceModel({ ...partsOf(model, task), tensors }));
    const stored = (wanted: string) => {
      const { rawData } = graph!.initializer.find(({ name }) => name === wanted)!;
      return new Float32Array(rawData.slice().buffer);
    };
    const scale = [2, -1, 0.1].map((weight, i) => Math.fround(weight) / Math.sqrt([4, 0.25, 1][i]! + 1e-5));
    expect(stored("conv1.weight * batch norm")).toEqual(
      Float32Array.from([1, 2, 3, 4, 5, 6], (weight, i) => weight * scale[Math.floor(i / 2)]!),
    );
    expect(stored("conv1.weight bias of batch norm")).toEqual(
      Float32Array.of((1 - 0.5) * scale[0]! + 0.25, (-1 - 3) * scale[1]!, (0.5 + 1) * scale[2]! + 7),
    );
    expect(tensors).toEqual(before);
    expect(graph!.initializer.map(({ name }) => name)).not.toContain("bn1.running_var");
  });
});

test("a missing tensor, or one of another size, is refused by name", () => {
  const parts = partsOf(base, FASHION);
  const without = new Map(parts.tensors);
  without.delete("fc2.bias");
  expect(() => inferenceModel({ ...parts, tensors: without })).toThrow('"fc2.bias" needs 10 elements, got none');
  const short = new Map(parts.tensors).set("conv1.weight", new Float32Array(9));
  expect(() => inferenceModel({ ...parts, tensors: short })).toThrow('"conv1.weight" needs 288 elements, got 9');
});
