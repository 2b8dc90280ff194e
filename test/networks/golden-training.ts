import { compile } from "../../src/compile/compile.ts";
import type { Lowering, Program } from "../../src/compile/program.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { buildModel } from "../../src/nn/model.ts";
import { adam } from "../../src/optim/adam.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import type { Session } from "../../src/runtime/runtime.ts";
import { settingName, slotName, trainingProgram } from "../../src/training/training-program.ts";
import { BATCH_SIZE, HEIGHT, imageBatch, WIDTH } from "../golden/inputs.ts";
import { type GoldenNetwork, golden, goldenFeeds, goldenTensors, MODELS, NORMALIZATION, TASK } from "./golden.ts";

/** State after ten steps of Adam. */
export interface Trained {
  readonly objectives: readonly number[];
  readonly losses: readonly number[];
  readonly correct: readonly number[];
  /** Parameters, running statistics and optimizer state by name. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/** Trains as networks.py does: batch t at step t, Adam with its defaults. */
export async function trainGolden(network: GoldenNetwork, lowering: Lowering, threads: number): Promise<Trained> {
  const optimizer = adam();
  const { program, graph } = trainingProgram(MODELS[network.name], {
    task: TASK,
    batchSize: BATCH_SIZE,
    normalization: NORMALIZATION,
    optimizer,
    labelSmoothing: golden.labelSmoothing,
  });
  const slots = network.parameters.flatMap(({ name, shape }) =>
    optimizer.slotsOf(shape).map((slot) => [slotName(name, slot), new Float32Array(sizeOf(shape))] as const),
  );
  const session = await nodeRuntime.open(compile(program, lowering), { threads });
  return using(session, async () => {
    session.load(new Map([...goldenTensors(network), ...slots]));
    const outputs: Record<"objective" | "loss" | "correct", number[]> = { objective: [], loss: [], correct: [] };
    for (let step = 0; step < golden.steps; step++) {
      const settings = optimizer.settingsAt(step + 1, golden.learningRate);
      const scalars = Object.entries(settings).map(([name, value]) => [settingName(name), Float32Array.of(value)]);
      const results = await session.run({ ...goldenFeeds(graph, step), ...Object.fromEntries(scalars) });
      for (const [name, values] of Object.entries(outputs)) values.push(results[name]![0]!);
    }
    const { objective: objectives, loss: losses, correct } = outputs;
    return { objectives, losses, correct, tensors: await session.save() };
  });
}

/** Logits [images, classes] of the first images of batch 0, by running statistics and without dropout. */
export async function evaluateGolden(
  network: GoldenNetwork,
  tensors: ReadonlyMap<string, Float32Array>,
  lowering: Lowering,
): Promise<Float32Array> {
  const images = network.training.float64.evaluationLogits.length;
  const graph = buildModel(MODELS[network.name], {
    task: TASK,
    batchSize: images,
    mode: "inference",
    normalization: NORMALIZATION,
  });
  const program: Program = {
    name: `${network.name} evaluation`,
    feeds: [graph.pixels],
    parameters: graph.tensors.map(({ value }) => value),
    state: [],
    outputs: { logits: graph.logits },
  };
  const session = await nodeRuntime.open(compile(program, lowering), { threads: 1 });
  return using(session, async () => {
    session.load(tensors);
    const { logits } = await session.run({ pixels: imageBatch(0).pixels.subarray(0, images * HEIGHT * WIDTH) });
    return logits!.slice();
  });
}

/** Runs a session's work and releases it, whatever happens. */
export async function using<T>(session: Session, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await session.release();
  }
}
