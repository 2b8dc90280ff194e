import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import {
  allLogits,
  evaluate,
  evaluationBatchSize,
  evaluationProgram,
  type LogitsOf,
} from "../../src/evaluation/evaluate.ts";
import { base } from "../../src/models/study.ts";
import { buildModel, initialTensors } from "../../src/nn/model.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { numberedSet } from "../data/fixtures.ts";
import { lowerings, processorLowerings } from "../support/run-program.ts";
import { smallSets } from "../training/support/jobs.ts";

const CLASSES = 3;
const WIDTH = 2;

/** Images of one row of two pixels, image i: [i, 10 + i]; label i mod 3. */
const setOf = (count: number) =>
  numberedSet(count, { height: 1, width: WIDTH, classes: CLASSES, pixel: (image, at) => image + 10 * at });

/** Logits by the first pixel, which is the label modulo 3. Records its calls. */
function byFirstPixel() {
  const batches: number[][] = [];
  const logitsOf: LogitsOf = async (pixels) => {
    const firsts = Array.from(pixels).filter((_, i) => i % WIDTH === 0);
    batches.push(firsts);
    return Float32Array.from(firsts.flatMap((first) => [0, 1, 2].map((label) => (first % CLASSES === label ? 5 : 0))));
  };
  return { batches, logitsOf };
}

describe("evaluate", () => {
  test.each([
    [7, 3, 3],
    [6, 3, 2],
    [2, 5, 1],
    [1, 1, 1],
  ])(
    "asks for each of %i images once, in batches of exactly %i, padded in the last",
    async (count, batchSize, length) => {
      const { batches, logitsOf } = byFirstPixel();
      const metrics = await evaluate(setOf(count), logitsOf, { batchSize });
      expect(batches).toHaveLength(length);
      expect(batches.every((batch) => batch.length === batchSize)).toBe(true);
      expect(batches.flat().slice(0, count)).toEqual(Array.from({ length: count }, (_, i) => i));
      expect(metrics).toMatchObject({ total: count, correct: count, accuracy: 1 });
      expect(metrics.perClass.map(({ support }) => support)).toEqual(
        [0, 1, 2].map((label) => Math.floor((count + 2 - label) / CLASSES)),
      );
    },
  );

  test("does not count padding", async () => {
    // Padding is a copy of image 0, which this classifier gets right; the one real image of the last batch it does not.
    const logitsOf: LogitsOf = async (pixels) =>
      Float32Array.from({ length: (pixels.length / WIDTH) * CLASSES }, (_, i) => (i % CLASSES === 0 ? 1 : 0));
    const { confusion, loss } = await evaluate(setOf(5), logitsOf, { batchSize: 4 });
    expect(confusion).toEqual([
      [2, 0, 0],
      [2, 0, 0],
      [1, 0, 0],
    ]);
    expect(loss).toBeCloseTo(Math.log(Math.E + 2) - 2 / 5, 6);
  });

  test("keeps a batch's logits although the session writes the next ones to the same memory", async () => {
    const shared = new Float32Array(2 * CLASSES);
    const { logitsOf } = byFirstPixel();
    const reusing: LogitsOf = async (pixels) => {
      shared.set(await logitsOf(pixels));
      return shared;
    };
    const options = { batchSize: 2, averageFlips: true };
    expect(await evaluate(setOf(5), reusing, options)).toEqual(await evaluate(setOf(5), logitsOf, options));
  });
});

describe("averaging with the mirror image", () => {
  test("evaluates each batch also mirrored left to right, and takes the mean of the logits", async () => {
    const asked: number[][] = [];
    // The first pixel decides: image i says class i mod 3, its mirror image class (10 + i) mod 3 with twice the weight.
    const logitsOf: LogitsOf = async (pixels) => {
      asked.push([...pixels]);
      const firsts = Array.from(pixels).filter((_, i) => i % WIDTH === 0);
      return Float32Array.from(
        firsts.flatMap((first) => [0, 1, 2].map((label) => (first % CLASSES === label ? (first < 10 ? 2 : 4) : 0))),
      );
    };
    const metrics = await evaluate(setOf(2), logitsOf, { batchSize: 2, averageFlips: true });
    expect(asked).toEqual([
      [0, 10, 1, 11],
      [10, 0, 11, 1],
    ]);
    // Image 0: logits [1, 2, 0], image 1: [0, 1, 2]; labels 0 and 1.
    expect(metrics.confusion).toEqual([
      [0, 1, 0],
      [0, 0, 1],
      [0, 0, 0],
    ]);
    expect(metrics.loss).toBeCloseTo(Math.log(1 + Math.E + Math.E ** 2) - 1, 6);
  });

  test("is off by default", async () => {
    const { batches, logitsOf } = byFirstPixel();
    await evaluate(setOf(4), logitsOf, { batchSize: 2 });
    expect(batches).toHaveLength(2);
  });
});

describe("the evaluation program", () => {
  test.each(lowerings())("gives the same metrics in any batch size ($kind)", async (lowering) => {
    const { train: set } = smallSets(31, null);
    const task = { channels: 1, height: 28, width: 28, classes: 10 };
    const normalization = { mean: [0.286], standardDeviation: [0.353] };
    const tensors = initialTensors(buildModel(base, { task, normalization, batchSize: 1, mode: "inference" }), 3);
    const results = [];
    for (const batchSize of [31, 8, 1]) {
      const program = evaluationProgram(base, { task, batchSize, normalization });
      const session = await nodeRuntime.open(compile(program, lowering), { threads: 1 });
      session.load(tensors);
      results.push(await evaluate(set, async (pixels) => (await session.run({ pixels })).logits!, { batchSize }));
      await session.release();
    }
    for (const { loss, confusion } of results.slice(1)) {
      expect(confusion).toEqual(results[0]!.confusion);
      // Means of 31 losses near ln 10, of float32 logits below 1 that are sums in another order.
      expect(loss).toBeCloseTo(results[0]!.loss, 6);
    }
  });
});

test.each(processorLowerings())(
  "the logits of few images are the same with any number of threads, $kind lowering",
  async (lowering) => {
    const task = { channels: 1, height: 28, width: 28, classes: CLASSES };
    const normalization = { mean: [0.3], standardDeviation: [0.3] };
    const graph = buildModel(base, { task, batchSize: 1, normalization, mode: "inference" });
    const tensors = initialTensors(graph, 1);
    for (const count of [1, 2, 3]) {
      const set = numberedSet(count, { ...task, pixel: (image, at) => (37 * image + 11 * at) % 256 });
      const batchSize = evaluationBatchSize(set, count);
      const compiled = compile(evaluationProgram(base, { task, batchSize, normalization }), lowering);
      const results: Float32Array[] = [];
      for (const threads of [1, 4]) {
        const session = await nodeRuntime.open(compiled, { threads });
        session.load(tensors);
        results.push(await allLogits(set, async (pixels) => (await session.run({ pixels })).logits!, batchSize));
        await session.release();
      }
      expect({ count, logits: results[1] }).toEqual({ count, logits: results[0] });
    }
  },
);
