import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { Lowering } from "../../src/compile/program.ts";
import { evaluate, evaluationProgram } from "../../src/evaluation/evaluate.ts";
import { base, enhanced } from "../../src/models/study.ts";
import { initialTensors } from "../../src/nn/model.ts";
import type { Averaging } from "../../src/optim/averaging.ts";
import { createOptimizer, type OptimizerSpec } from "../../src/optim/index.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { MIXING, trainingProgram } from "../../src/training/training-program.ts";
import { allRows } from "../support/all-rows.ts";
import { lowerings } from "../support/run-program.ts";
import { smallSets } from "./support/jobs.ts";

const TASK = { channels: 1, height: 28, width: 28, classes: 10 };
const NORMALIZATION = { mean: [0.286], standardDeviation: [0.353] };
const BATCH = 12;
const LABEL_SMOOTHING = 0.2;

function programOf(
  model = base,
  optimizer: OptimizerSpec = { kind: "sgd" },
  averaging?: Averaging,
  isMixed = false,
  objective: { classWeights?: readonly number[]; maxGradientNorm?: number } = {},
) {
  return trainingProgram(model, {
    task: TASK,
    batchSize: BATCH,
    normalization: NORMALIZATION,
    optimizer: createOptimizer(optimizer),
    labelSmoothing: LABEL_SMOOTHING,
    averaging,
    isMixed,
    ...objective,
  });
}

describe("a training step's outputs", () => {
  test("the objective of a mixed batch is the mixture of those for both labels, and so are the gradients", async () => {
    const { train: set } = smallSets(BATCH, null);
    const [pixels, labels] = [allRows(set.images), Int32Array.from(set.labels)];
    const others = labels.toReversed();
    const share = 0.3;
    const step = async (isMixed: boolean, feeds: Record<string, Int32Array | Float32Array>) => {
      const { program, graph } = programOf(base, { kind: "sgd" }, undefined, isMixed);
      const before = initialTensors(graph, 1);
      const session = await nodeRuntime.open(compile(program, { kind: "standard" }), { threads: 1 });
      session.load(before);
      const { objective } = await session.run({ pixels, "optimizer.rate": Float32Array.of(1), ...feeds });
      const saved = await session.save();
      const moved = saved.get("fc2.bias")!.map((value, i) => value - before.get("fc2.bias")![i]!);
      const result = [objective![0]!, ...moved];
      await session.release();
      return result;
    };
    const mixing = { [MIXING.labels]: others, [MIXING.share]: Float32Array.of(share) };
    const [own, other] = [await step(false, { labels }), await step(false, { labels: others })];
    const mixed = await step(true, { labels, ...mixing });
    mixed.forEach((value, i) => {
      expect(value).toBeCloseTo(share * own[i]! + (1 - share) * other[i]!, 5);
    });
  });

  const normOf = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

  /** What one step of SGD with rate 1 takes from each parameter, and the objective. */
  async function stepOf(lowering: Lowering, settings: { classWeights?: readonly number[]; maxGradientNorm?: number }) {
    const { train: set } = smallSets(BATCH, null);
    const { program, graph } = programOf(base, { kind: "sgd" }, undefined, false, settings);
    const before = initialTensors(graph, 1);
    const session = await nodeRuntime.open(compile(program, lowering), { threads: 1 });
    session.load(before);
    const feeds = {
      pixels: allRows(set.images),
      labels: Int32Array.from(set.labels),
      "optimizer.rate": Float32Array.of(1),
    };
    const objective = (await session.run(feeds)).objective![0]!;
    const saved = await session.save();
    await session.release();
    const moved = graph.parameters.flatMap(({ name }) =>
      Array.from(saved.get(name)!, (value, i) => before.get(name)![i]! - value),
    );
    return { objective, moved };
  }

  test.each(lowerings())("gradients of all parameters are clipped to a norm together ($kind)", async (lowering) => {
    const free = (await stepOf(lowering, {})).moved;
    const clipped = (await stepOf(lowering, { maxGradientNorm: 0.5 })).moved;
    const norm = normOf(free);
    expect(norm).toBeGreaterThan(1);
    expect(normOf(clipped)).toBeCloseTo(0.5, 4);
    expect(clipped).toBeClose(
      free.map((value) => (value * 0.5) / norm),
      { tolerance: 1e-5 },
    );
    expect((await stepOf(lowering, { maxGradientNorm: 2 * norm })).moved).toEqual(free);
  });

  test.each(lowerings())("equal class weights change nothing, others the objective ($kind)", async (lowering) => {
    const plain = await stepOf(lowering, {});
    const equal = await stepOf(lowering, { classWeights: Array<number>(10).fill(3) });
    expect(equal.objective).toBeCloseTo(plain.objective, 5);
    expect(equal.moved).toBeClose(plain.moved, { tolerance: 1e-5 });
    const other = await stepOf(lowering, { classWeights: [9, 1, 1, 1, 1, 1, 1, 1, 1, 1] });
    expect(Math.abs(other.objective - plain.objective)).toBeGreaterThan(1e-3);
  });

  test.each(lowerings())("are those of the weights before the update ($kind)", async (lowering) => {
    const { program, graph } = programOf();
    const { train: set } = smallSets(BATCH, null);
    const tensors = initialTensors(graph, 1);
    const [pixels, labels] = [allRows(set.images), Int32Array.from(set.labels)];

    const session = await nodeRuntime.open(compile(program, lowering), { threads: 1 });
    session.load(tensors);
    const outputs = await session.run({ pixels, labels, "optimizer.rate": Float32Array.of(0.1) });
    const [loss, objective, correct] = [outputs.loss![0]!, outputs.objective![0]!, outputs.correct![0]!];
    await session.release();

    // The same batch through the evaluation program, its losses in float64.
    const evaluation = evaluationProgram(base, { task: TASK, batchSize: BATCH, normalization: NORMALIZATION });
    const evaluating = await nodeRuntime.open(compile(evaluation, lowering), { threads: 1 });
    evaluating.load(tensors);
    const logits = (await evaluating.run({ pixels })).logits!.slice();
    await evaluating.release();
    const metrics = await evaluate(set, async () => logits, { batchSize: BATCH });

    expect(loss).toBeCloseTo(metrics.loss, 5);
    expect(correct).toBe(metrics.correct);
    // PyTorch's smoothing: a share of the target spread evenly over all classes. The mean over them of
    // -log(probability):
    const spread = Array.from({ length: BATCH }, (_, row) => {
      const scores = [...logits.subarray(row * 10, row * 10 + 10)];
      const logSum = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
      return scores.reduce((sum, score) => sum + (logSum - score) / 10, 0) / BATCH;
    }).reduce((sum, value) => sum + value, 0);
    expect(objective).toBeCloseTo((1 - LABEL_SMOOTHING) * metrics.loss + LABEL_SMOOTHING * spread, 5);
    expect(Math.abs(objective - loss)).toBeGreaterThan(1e-4);
  });
});

describe("a training step's state", () => {
  test("consists of parameters with the optimizer's slots in the same layout, then running statistics", () => {
    const { program } = programOf(enhanced, { kind: "adam" });
    const state = program.state.map(({ name, like }) => `${name}${like === undefined ? "" : ` like ${like}`}`);
    expect(state.slice(0, 6)).toEqual([
      "conv1.weight",
      "conv1.weight.exp_avg like conv1.weight",
      "conv1.weight.exp_avg_sq like conv1.weight",
      "bn1.weight",
      "bn1.weight.exp_avg like bn1.weight",
      "bn1.weight.exp_avg_sq like bn1.weight",
    ]);
    expect(state.slice(-2)).toEqual(["bn6.running_mean", "bn6.running_var"]);
    expect(state).toHaveLength(20 * 3 + 12);
  });

  test("has no slots if the optimizer has none", () => {
    expect(programOf().program.state.map(({ name }) => name)).toEqual([
      "conv1.weight",
      "conv1.bias",
      "conv2.weight",
      "conv2.bias",
      "fc1.weight",
      "fc1.bias",
      "fc2.weight",
      "fc2.bias",
    ]);
  });

  test("ends with the averages of parameters and running statistics, in their layouts, and no others", () => {
    const { program } = programOf(enhanced, { kind: "adam" }, { kind: "exponential", decay: 0.99 });
    const averages = program.state.filter(({ name }) => name.endsWith(".average"));
    expect(program.state.slice(-32)).toEqual(averages);
    const averaged = program.state.map(({ name }) => name).filter((name) => !/exp_avg|average/.test(name));
    expect(averages.map(({ name }) => name)).toEqual(averaged.map((name) => `${name}.average`));
    expect(averages.map(({ like }) => like)).toEqual(averaged);
    expect(program.feeds.at(-1)!.attributes.name).toBe("averaging.share");
  });

  test("is fed pixels and masks as bytes, labels as integers, and the optimizer's scalars by name", () => {
    const { program } = programOf(enhanced, { kind: "adamw" });
    expect(program.feeds.map(({ attributes, dtype, shape }) => [attributes.name, dtype, shape])).toEqual([
      ["pixels", "uint8", [BATCH, 1, 28, 28]],
      ["labels", "int32", [BATCH]],
      ["dropout1.mask", "uint8", [BATCH, 256]],
      ["optimizer.stepSize", "float32", []],
      ["optimizer.scaledEpsilon", "float32", []],
      ["optimizer.keep", "float32", []],
    ]);
  });
});
