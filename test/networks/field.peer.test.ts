import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { gradients } from "../../src/compile/gradients.ts";
import type { Lowering, Program } from "../../src/compile/program.ts";
import { evaluationProgram } from "../../src/evaluation/evaluate.ts";
import { inferenceModel } from "../../src/formats/inference-model.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { FIELD_MODELS } from "../../src/models/field/index.ts";
import { buildModel, type ImageTask, initialTensors, type Model, withoutNormalization } from "../../src/nn/model.ts";
import { modelFacts } from "../../src/nn/model-facts.ts";
import { input } from "../../src/ops/leaves.ts";
import { softmaxCrossEntropy } from "../../src/ops/loss.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { openModel } from "../../src/runtime/node/open-model.ts";
import { needTorch, python } from "../exchange/support/python.ts";
import { hash, uniform } from "../golden/inputs.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { processorLowerings } from "../support/run-program.ts";
import { IS_THOROUGH } from "../support/thorough.ts";

/** torchvision's and timm's numbers for 1,000 classes. */
const PARAMETERS: Readonly<Record<string, number>> = {
  "resnet18-imagenet": 11_689_512,
  resnet34: 21_797_672,
  resnet50: 25_557_032,
  mobilenet_v2: 3_504_872,
  mobilenet_v3_small: 2_542_856,
  mobilenetv3_small_100: 2_542_856,
  efficientnet_b0: 5_288_548,
  densenet121: 7_978_856,
  squeezenet1_1: 1_235_496,
  convnext_atto: 3_695_520,
  vit_tiny_patch16_224: 5_717_416,
  mixer_s16_224: 18_528_264,
  mixer_b16_224: 59_880_472,
};

test.each(FIELD_MODELS)("$name has the published number of parameters", (model) => {
  const { image, classes } = model.published!;
  expect(modelFacts(model, { ...image, classes }).parameters).toBe(PARAMETERS[model.name]);
});

test("every network of the field has a number", () => {
  expect(FIELD_MODELS.map(({ name }) => name)).toEqual(Object.keys(PARAMETERS));
});

/** Small images, and so few places at the end that a wrong padding or an odd size shows. */
const TASK: ImageTask = { channels: 3, height: 64, width: 72, classes: 5 };
const BATCH = 4;
const SCRIPT = resolve(import.meta.dirname, "../golden/field.py");

/** Weights in which every tensor matters: norms and layer scales moved away from where they change nothing. */
function tensorsOf(model: Model) {
  const graph = buildModel(model, { task: TASK, normalization: NORMALIZATION, batchSize: BATCH, mode: "inference" });
  const first = initialTensors(graph, 7);
  const isNormalized = graph.buffers.length > 0 || graph.tensors.some(({ name }) => name.includes("norm"));
  for (const [i, { name, value }] of graph.tensors.entries()) {
    const data = first.get(name)!;
    if (value.shape.length > 1) {
      // Without norms PyTorch's initial weights halve the signal at each layer.
      if (!isNormalized)
        first.set(
          name,
          data.map((weight) => weight * Math.sqrt(6)),
        );
      continue;
    }
    const centre = /running_var$|weight$|gamma$/.test(name) ? 1 : 0;
    data.forEach((_, at) => {
      data[at] = centre + uniform(i, at) / 3;
    });
  }
  return graph.tensors.map(({ name, value }) => ({ name, shape: value.shape, data: first.get(name)! }));
}

const NORMALIZATION = withoutNormalization(TASK);
const pixels = Uint8Array.from({ length: BATCH * 3 * TASK.height * TASK.width }, (_, i) => hash(23, i) % 256);
const labels = Int32Array.from({ length: BATCH }, (_, i) => (3 * i) % TASK.classes);

const gradientName = (parameter: string) => `gradient of ${parameter}`;

/** The gradients of a step without dropout, and the loss. */
function gradientProgram(model: Model): Program {
  const graph = buildModel(model, { task: TASK, batchSize: BATCH, mode: "statistics", normalization: NORMALIZATION });
  const target = input("labels", [BATCH], "int32");
  const loss = softmaxCrossEntropy(graph.logits, target, { labelSmoothing: 0 });
  const derivatives = gradients(
    loss,
    graph.parameters.map(({ value }) => value),
  );
  return {
    name: model.name,
    feeds: [graph.pixels, target],
    parameters: graph.tensors.map(({ value }) => value),
    state: [],
    outputs: {
      loss,
      ...Object.fromEntries(graph.parameters.map(({ name }, i) => [gradientName(name), derivatives[i]!])),
    },
  };
}

async function run(program: Program, lowering: Lowering, tensors: ReturnType<typeof tensorsOf>, feeds: object) {
  const session = await nodeRuntime.open(compile(program, lowering), { threads: 2 });
  try {
    session.load(new Map(tensors.map(({ name, data }) => [name, data])));
    const results = await session.run({ pixels, ...feeds });
    return new Map(Object.entries(results).map(([name, data]) => [name, data.slice()]));
  } finally {
    await session.release();
  }
}

interface Answer {
  readonly logits: readonly (readonly number[])[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly [norm: number, projection: number]>>;
}

/** Of the largest logit; ten times what was measured (AVX2). */
const LOGIT_TOLERANCE = 1e-4;
/**
 * Of a gradient's norm, of half of the tensors and of every one. Of 300,000 ReLUs one or two are on the other side of 0 in
 * float32, which changes the gradients in front of it by up to 1 %; otherwise the error is 2e-5 at most, and 2e-6 without batch norm.
 */
const [USUAL_TOLERANCE, LARGEST_TOLERANCE] = [1e-2, 5e-2];
/** Of the largest gradient's norm: biases in front of a norm have no gradient but what rounding leaves. */
const ROUNDING = 1e-5;

/** Each takes as long as a hundred other tests, and is built of the same layers as a smaller one. */
const LARGE = ["resnet50", "densenet121", "mixer_s16_224"];
/** Only their numbers of parameters are checked: they have more of the blocks of mixer_s16_224 and resnet18-imagenet. */
const COUNTED = ["mixer_b16_224", "resnet34"];
const COMPARED = FIELD_MODELS.filter(({ name }) => !COUNTED.includes(name) && (IS_THOROUGH || !LARGE.includes(name)));

describe("logits and gradients are those of torchvision's network or an independent PyTorch module, which loads the same weights", () => {
  test.for(COMPARED)("$name", async (model, context) => {
    needTorch(context);
    const tensors = tensorsOf(model);
    const folder = temporaryFolder();
    const [weights, given] = [join(folder, "weights.safetensors"), join(folder, "input.safetensors")];
    writeFileSync(weights, encodeSafetensors(tensors));
    const images = Float32Array.from(pixels, (byte) => byte);
    const inputs = [
      { name: "pixels", shape: [BATCH, 3, TASK.height, TASK.width], data: images },
      { name: "labels", shape: [BATCH], data: Float32Array.from(labels) },
    ];
    writeFileSync(given, encodeSafetensors(inputs));
    const answer: Answer = JSON.parse(await python([SCRIPT, model.name, String(TASK.classes), weights, given]));
    const expected = answer.logits.flat();
    const largest = Math.max(...expected.map(Math.abs));
    const tolerance = LOGIT_TOLERANCE * largest;
    const evaluation = evaluationProgram(model, { task: TASK, batchSize: BATCH, normalization: NORMALIZATION });
    const step = gradientProgram(model);
    const lowerings = processorLowerings();
    for (const lowering of LARGE.includes(model.name) ? lowerings.slice(-1) : lowerings) {
      const { logits } = Object.fromEntries(await run(evaluation, lowering, tensors, {}));
      expect(logits).toBeClose(expected, { tolerance });
      const outputs = await run(step, lowering, tensors, { labels });
      expect(Math.abs(outputs.get("loss")![0]! - answer.loss)).toBeLessThan(LOGIT_TOLERANCE * largest);
      expect(new Set([...outputs.keys()].filter((name) => name !== "loss"))).toEqual(
        new Set(Object.keys(answer.gradients).map(gradientName)),
      );
      const largestNorm = Math.max(...Object.values(answer.gradients).map(([norm]) => norm));
      const errors = Object.entries(answer.gradients).map(([name, [norm, projection]]) => {
        const gradient = outputs.get(gradientName(name))!;
        const error = Math.max(Math.abs(normOf(gradient) - norm), Math.abs(projectionOf(gradient) - projection));
        const share = error < ROUNDING * largestNorm ? 0 : error / norm;
        expect(share, `gradient of ${name}`).toBeLessThan(LARGEST_TOLERANCE);
        return error / Math.max(norm, ROUNDING * largestNorm);
      });
      const median = errors.sort((x, y) => x - y)[Math.floor(errors.length / 2)]!;
      expect(median).toBeLessThan(USUAL_TOLERANCE);
    }
    // The exported model has any batch size.
    const classNames = Array.from({ length: TASK.classes }, (_, i) => String(i));
    const data = new Map(tensors.map((tensor) => [tensor.name, tensor.data]));
    const bytes = inferenceModel({ model, task: TASK, normalization: NORMALIZATION, classNames, tensors: data });
    const session = await openModel(bytes, "model.onnx", { threads: 1 });
    try {
      expect(await session.logits(pixels)).toBeClose(expected, { tolerance });
    } finally {
      await session.release();
    }
  });
});

function normOf(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function projectionOf(values: Float32Array): number {
  return values.reduce((sum, value, i) => sum + value * Math.cos(1 + i), 0);
}
