import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { Lowering } from "../../src/compile/program.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { enhanced } from "../../src/models/study.ts";
import { initialTensors } from "../../src/nn/model.ts";
import { channelDot, channelSum } from "../../src/ops/channels.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { conv2dInputGradient } from "../../src/ops/convolution/input-gradient.ts";
import { conv2dWeightGradient } from "../../src/ops/convolution/weight-gradient.ts";
import { fusedMatmul, matmul } from "../../src/ops/matmul.ts";
import { adam } from "../../src/optim/adam.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { settingName, trainingProgram } from "../../src/training/training-program.ts";
import { dropoutMask, imageBatch } from "../golden/inputs.ts";
import { processorLowerings, runValues } from "../support/run-program.ts";
import { feedsOf, tensor } from "../support/tensors.ts";

const THREADS = [2, 4];

/** Rows, columns and terms of products whose columns would be split among threads, and of some whose rows are. */
const PRODUCTS: readonly (readonly [rows: number, columns: number, terms: number])[] = [
  [32, 1152, 256],
  [32, 256, 1152],
  [7, 515, 129],
  [16, 128, 3136],
  [1, 1000, 300],
  [1000, 1, 300],
  [515, 1, 129],
  [300, 40, 700],
];

const TRANSPOSITIONS = [
  { transposeA: false, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
];

/** Equal exactly when all bits are equal. */
function bits(numbers: Float32Array): string {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return createHash("sha256").update(bytes).digest("hex");
}

describe("a product is bitwise the same with 1, 2 and 4 threads", () => {
  test.each(PRODUCTS)("%i rows, %i columns, %i terms", async (rows, columns, terms) => {
    for (const { transposeA, transposeB } of TRANSPOSITIONS) {
      const a = tensor("a", transposeA ? [terms, rows] : [rows, terms], "uniform");
      const b = tensor("b", transposeB ? [columns, terms] : [terms, columns], "uniform");
      const bias = tensor("bias", [columns], "uniform");
      const outputs = [
        matmul(a.value, b.value, { transposeA, transposeB }),
        fusedMatmul(a.value, b.value, bias.value, { transposeA, transposeB }),
      ];
      const run = (threads: number) =>
        runValues(outputs, feedsOf([a, b, bias]), { lowering: { kind: "standard" }, threads });
      const alone = (await run(1)).map(bits);
      for (const threads of THREADS) expect((await run(threads)).map(bits), `${threads} threads`).toEqual(alone);
    }
  });
});

/**
 * Batch, channels in and out, image, stride. With fewer images than threads ONNX Runtime's canonical convolution and
 * product split an image's sums among threads, and the results differ: a batch needs as many images as threads.
 */
const CONVOLUTIONS: readonly (readonly number[])[] = [
  [8, 8, 16, 14, 1],
  [8, 5, 16, 28, 1],
  [8, 32, 16, 20, 1],
  [9, 16, 32, 14, 2],
  [8, 7, 13, 17, 2],
];

describe.each(processorLowerings())("a convolution in the $kind lowering", (lowering) => {
  test.each(CONVOLUTIONS)(
    "has the same bits with 1, 2 and 4 threads: batch %i, channels %i to %i, image %i, stride %i",
    async (batch, channels, outputs, size, stride) => {
      const x = tensor("x", [batch!, channels!, size!, size!], "uniform");
      const weight = tensor("weight", [outputs!, channels!, 3, 3], "uniform");
      const attributes = { stride: stride!, padding: [1, 1] as const };
      const y = conv2d(x.value, weight.value, attributes);
      const dy = tensor("dy", y.shape, "uniform");
      const values = [
        y,
        conv2dInputGradient(dy.value, weight.value, { ...attributes, shape: x.value.shape }),
        conv2dWeightGradient(x.value, dy.value, { ...attributes, shape: weight.value.shape }),
        channelSum(dy.value),
        channelDot(dy.value, y),
      ];
      const run = (threads: number) => runValues(values, feedsOf([x, weight, dy]), { lowering, threads });
      const alone = (await run(1)).map(bits);
      for (const threads of THREADS) expect((await run(threads)).map(bits), `${threads} threads`).toEqual(alone);
    },
  );
});

const STEPS = 2;
const BATCH_SIZE = 16;

/** The bits of the state, and the losses after some training steps on realistic images. */
async function train(lowering: Lowering, threads: number): Promise<Record<string, string>> {
  const optimizer = adam();
  const { program, graph } = trainingProgram(enhanced, {
    task: { channels: 1, height: 28, width: 28, classes: 10 },
    batchSize: BATCH_SIZE,
    normalization: { mean: [0.286], standardDeviation: [0.353] },
    optimizer,
    labelSmoothing: 0.1,
  });
  const initial = initialTensors(graph, 1);
  const zeros = program.state.map(({ name, input }) => [name, new Float32Array(sizeOf(input.shape))] as const);
  const session = await nodeRuntime.open(compile(program, lowering), { threads });
  try {
    session.load(new Map([...zeros, ...initial]));
    const losses: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      const { pixels, labels } = imageBatch(step);
      const size = sizeOf(graph.pixels.shape);
      const settings = Object.entries(optimizer.settingsAt(step + 1, 0.001));
      const masks = graph.masks.map(({ name, value }) => [name, dropoutMask(step, sizeOf(value.shape))]);
      const { loss } = await session.run({
        pixels: pixels.subarray(0, size),
        labels: Int32Array.from(labels.subarray(0, BATCH_SIZE)),
        ...Object.fromEntries(masks),
        ...Object.fromEntries(settings.map(([name, value]) => [settingName(name), Float32Array.of(value)])),
      });
      losses.push(loss![0]!);
    }
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(new Set(losses).size).toBe(STEPS);
    const state = [...(await session.save())].map(([name, numbers]) => [name, bits(numbers)]);
    return { ...Object.fromEntries(state), losses: losses.join() };
  } finally {
    await session.release();
  }
}

describe.each(processorLowerings())("training the enhanced network in the $kind lowering", (lowering) => {
  test("gives the same weights, optimizer state and losses, bit for bit, with 1, 2 and 4 threads", async () => {
    const alone = await train(lowering, 1);
    for (const threads of THREADS) {
      const together = await train(lowering, threads);
      const differing = Object.keys(alone).filter((name) => alone[name] !== together[name]);
      expect(differing, `${threads} threads`).toEqual([]);
    }
  });
});
