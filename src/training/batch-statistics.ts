import { compile } from "../compile/compile.ts";
import type { Lowering, Program } from "../compile/program.ts";
import { trainingBatches } from "../data/batches.ts";
import { type LabelledSet, valuesFor } from "../data/image-set.ts";
import { imageTask } from "../data/training-data.ts";
import { topologicalOrder } from "../graph/value.ts";
import { type BufferDeclaration, buildModel, type ImageTask, type Model, type ModelGraph } from "../nn/model.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { usedTensors } from "./training-program.ts";

/**
 * Running statistics forget their arbitrary initial values by a factor of e in 1 / momentum steps. After ten times as
 * many steps, 5e-5 of them is left.
 */
const TIME_CONSTANTS = 10;

/**
 * The network for inference after a training step: running statistics that cannot have settled yet are re-estimated.
 * The result for the last step is cached.
 */
export function settledNetwork(
  graph: ModelGraph,
  { isPretrained, ...options }: StatisticsOptions & { readonly isPretrained: boolean },
) {
  // Statistics of an earlier training are not arbitrary.
  const settled = isPretrained ? 0 : stepsToSettle(graph);
  let statistics: BatchStatistics | undefined;
  let last: { readonly step: number; readonly tensors: ReadonlyMap<string, Float32Array> } | undefined;
  return {
    /** @param kept all tensors of the training after `step` steps @returns the network's own tensors */
    async after(step: number, kept: ReadonlyMap<string, Float32Array>): Promise<ReadonlyMap<string, Float32Array>> {
      if (last?.step === step) return last.tensors;
      let tensors = usedTensors(graph, kept);
      if (step < settled) {
        statistics ??= await openStatistics(graph, options);
        tensors = await statistics.estimate(tensors);
      }
      last = { step, tensors };
      return tensors;
    },
    async release(): Promise<void> {
      await statistics?.release();
    },
  };
}

/** Number of steps after which a network's running statistics have settled; 0 for a network without any. */
export function stepsToSettle({ buffers }: Pick<ModelGraph, "buffers">): number {
  return Math.max(0, ...buffers.filter(isRunning).map(({ momentum }) => TIME_CONSTANTS / momentum));
}

/** Name of the output with a statistic of one batch. */
const batchName = (statistic: string) => `${statistic}.batch`;

/**
 * The statistics of one batch as a program. Input: pixels uint8 [batch, C, H, W]; outputs: for each running statistic
 * the batch's own, named by `batchName`.
 */
export function statisticsProgram(
  model: Model,
  options: { task: ImageTask; batchSize: number; normalization: PixelNormalization },
): Program {
  const graph = buildModel(model, { ...options, mode: "statistics" });
  const outputs = Object.fromEntries(graph.buffers.filter(isRunning).map(({ name, next }) => [batchName(name), next!]));
  // Operations after the last batch norm are not needed.
  const used = new Set(topologicalOrder(Object.values(outputs)));
  return {
    name: `${model.name} batch statistics`,
    feeds: [graph.pixels],
    parameters: graph.tensors.map(({ value }) => value).filter((value) => used.has(value)),
    state: [],
    outputs,
  };
}

export interface StatisticsOptions {
  readonly model: Model;
  /** The training images. */
  readonly images: LabelledSet;
  readonly normalization: PixelNormalization;
  readonly batchSize: number;
  readonly seed: number;
  readonly threads: number;
  readonly lowering: Lowering;
  readonly runtime: Runtime;
}

/** Estimates a network's statistics over its training images, for any weights. */
export interface BatchStatistics {
  /** @param tensors of the network, by name @returns the same, with re-estimated running statistics */
  estimate(tensors: ReadonlyMap<string, Float32Array>): Promise<Map<string, Float32Array>>;
  release(): Promise<void>;
}

/**
 * Estimates batch norm's running statistics as PyTorch's `torch.optim.swa_utils.update_bn` does: the plain mean, over
 * the batches of one pass, of each batch's mean and unbiased variance. Sums are in float64. The batches are those of
 * the training's first epoch, with its batch size and order (in the folder's order a batch could contain a single
 * class), but without augmentation and dropout, which inference does not have.
 */
export async function openStatistics(
  graph: Pick<ModelGraph, "buffers">,
  options: StatisticsOptions,
): Promise<BatchStatistics> {
  const { model, images, batchSize, seed, threads } = options;
  const batches = trainingBatches({ set: images, batchSize, seed });
  const count = Math.ceil(images.count / batchSize);
  const program = statisticsProgram(model, { ...options, task: imageTask(images) });
  const running = graph.buffers.filter(isRunning).map(({ name }) => name);
  const session = await options.runtime.open(compile(program, options.lowering), { threads });
  return {
    async estimate(tensors) {
      session.load(tensors);
      const pixels = valuesFor(images, batchSize);
      const labels = new Int32Array(batchSize);
      const sums = running.map((name) => new Float64Array(tensors.get(name)!.length));
      for (let batch = 0; batch < count; batch++) {
        batches.fill(batch, pixels, labels);
        const outputs = await session.run({ pixels });
        for (const [i, name] of running.entries()) {
          const values = outputs[batchName(name)]!;
          sums[i] = sums[i]!.map((sum, channel) => sum + values[channel]!);
        }
      }
      const means = running.map((name, i) => [name, Float32Array.from(sums[i]!, (sum) => sum / count)] as const);
      return new Map([...tensors, ...means]);
    },
    release: () => session.release(),
  };
}

function isRunning(buffer: BufferDeclaration): buffer is BufferDeclaration & { readonly momentum: number } {
  return buffer.momentum !== undefined;
}
