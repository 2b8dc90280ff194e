import { compile } from "../compile/compile.ts";
import type { Lowering, Program } from "../compile/program.ts";
import { trainingBatches } from "../data/batches.ts";
import { type ImageSet, imageBytes } from "../data/image-set.ts";
import { imageTask } from "../data/training-data.ts";
import { topologicalOrder } from "../graph/value.ts";
import { type BufferDeclaration, buildModel, type ImageTask, type Model, type ModelGraph } from "../nn/model.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { usedTensors } from "./training-program.ts";

/**
 * Running statistics forget their first values, which belong to no image, by a factor of e in 1 / momentum steps. After ten
 * times as many, 5e-5 of them is left.
 */
const TIME_CONSTANTS = 10;

/**
 * The network as it is used after a step of its training: where the running statistics cannot have settled yet, they are
 * estimated again. A step that is asked about once more is not computed again.
 */
export function settledNetwork(graph: ModelGraph, options: StatisticsOptions) {
  const settled = stepsToSettle(graph);
  let statistics: BatchStatistics | undefined;
  let last: { readonly step: number; readonly tensors: ReadonlyMap<string, Float32Array> } | undefined;
  return {
    /** @param kept all that training keeps after `step` steps @returns the network's own tensors */
    async after(step: number, kept: ReadonlyMap<string, Float32Array>): Promise<ReadonlyMap<string, Float32Array>> {
      const tensors = usedTensors(graph, kept);
      if (step >= settled) return tensors;
      if (last?.step !== step) {
        statistics ??= await openStatistics(graph, options);
        last = { step, tensors: await statistics.estimate(tensors) };
      }
      return last.tensors;
    },
    async release(): Promise<void> {
      await statistics?.release();
    },
  };
}

/** Steps after which a network's running statistics are its own; 0 for a network without any. */
export function stepsToSettle({ buffers }: Pick<ModelGraph, "buffers">): number {
  return Math.max(0, ...buffers.filter(isRunning).map(({ momentum }) => TIME_CONSTANTS / momentum));
}

/** The output that gives a running statistic of one batch. */
const batchName = (statistic: string) => `${statistic}.batch`;

/**
 * The statistics of one batch as a program: pixels uint8 [batch, C, H, W] in; for each running statistic the batch's own
 * out, named as `batchName` says.
 */
export function statisticsProgram(
  model: Model,
  options: { task: ImageTask; batchSize: number; normalization: PixelNormalization },
): Program {
  const graph = buildModel(model, { ...options, mode: "statistics" });
  const outputs = Object.fromEntries(graph.buffers.filter(isRunning).map(({ name, next }) => [batchName(name), next!]));
  // What lies behind the last batch norm is not needed.
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
  /** The images that train. */
  readonly images: ImageSet;
  readonly normalization: PixelNormalization;
  readonly batchSize: number;
  readonly seed: number;
  readonly threads: number;
  readonly lowering: Lowering;
  readonly runtime: Runtime;
}

/** A network's statistics over its training images, estimated as often as its weights are new. */
export interface BatchStatistics {
  /** @param tensors of the network, by name @returns the same, with its running statistics estimated again */
  estimate(tensors: ReadonlyMap<string, Float32Array>): Promise<Map<string, Float32Array>>;
  release(): Promise<void>;
}

/**
 * Estimates batch norm's running statistics as PyTorch's `torch.optim.swa_utils.update_bn` does: the plain mean, over the
 * batches of one pass, of each batch's mean and unbiased variance. Sums are in float64. The batches are those of the
 * training's first epoch, of its size and in its order (in the folder's order a batch would hold one class only), but the
 * images as they are: augmentation and dropout do not belong to the network in use.
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
      const pixels = new Uint8Array(batchSize * imageBytes(images));
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
