import type { Lowering } from "../compile/program.ts";
import { loadFashionMnist } from "../data/node/fashion-mnist.ts";
import { normalizationOf, trainingData } from "../data/training-data.ts";
import type { FineTune } from "../recipes/fine-tune.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { peakMemoryBytes } from "../runs/node/environment.ts";
import { modelNamed } from "../runs/node/recipe-file.ts";
import { nodeRuntime } from "../runtime/node/index.ts";
import type { DeviceChoice } from "../runtime/webgpu/device.ts";
import { gpuRuntime } from "../runtime/webgpu/node/index.ts";
import type { TrainingJob } from "../training/train.ts";
import { medianStep, timeSteps, totalOf } from "./time-steps.ts";

/** What is measured. */
export type BenchDevice = Exclude<DeviceChoice, "auto">;

/** Settings of a measurement. */
export interface BenchTask {
  readonly kind: "train";
  readonly model: string;
  readonly lowering: Lowering;
  readonly threads: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly dataFolder: string;
  /** Layers that are not trained, as in a recipe. Default: none. */
  readonly fineTune?: Pick<FineTune, "frozen" | "batchNorm"> | undefined;
}

export interface BenchResult {
  readonly model: string;
  /** Layers that were not trained, by the beginnings of their names. */
  readonly frozen?: readonly string[];
  readonly device: BenchDevice;
  readonly threads: number;
  readonly batchSize: number;
  /** Null for a model file, which ONNX Runtime optimises itself. */
  readonly lowering: Lowering["kind"] | null;
  /** Over all timed training steps or calls of a model file. */
  readonly imagesPerSecond: number;
  /** Median of the timed runs of steps, or of the calls. */
  readonly millisecondsPerStep: number;
  /** Peak resident memory of the process, including the data set. */
  readonly peakMemoryBytes: number;
}

/** A training with Adam and horizontal flips, like the study's. */
export async function benchJob({
  model,
  lowering,
  threads,
  batchSize,
  dataFolder,
  fineTune,
}: Omit<BenchTask, "kind" | "steps">): Promise<TrainingJob> {
  const loaded = await loadFashionMnist({ folder: dataFolder });
  const data = { train: trainingData(loaded.train, { trainOn: "all", limit: null }).train, validation: null };
  const recipe: Recipe = {
    name: "bench",
    description: "speed only",
    model: await modelNamed(model),
    epochs: 1,
    batchSize,
    learningRate: 1e-3,
    schedule: { kind: "constant" },
    optimizer: { kind: "adam" },
    labelSmoothing: 0,
    augmentation: { horizontalFlip: "random" },
    ...(fineTune ? { fineTune } : {}),
  };
  const normalization = normalizationOf(data.train);
  return {
    recipe,
    data,
    normalization,
    seed: 1,
    threads,
    lowering,
    runtime: lowering.kind === "gpu" ? gpuRuntime() : nodeRuntime,
  };
}

/** Measures a network's training speed and memory. */
export async function benchTraining(task: BenchTask): Promise<BenchResult> {
  const { lowering, threads, batchSize, steps, fineTune } = task;
  const job = await benchJob(task);
  const runs = await timeSteps(job, steps);
  const total = totalOf(runs);
  return {
    model: job.recipe.model.name,
    ...(fineTune?.frozen ? { frozen: fineTune.frozen } : {}),
    threads,
    device: lowering.kind === "gpu" ? "gpu" : "cpu",
    batchSize,
    lowering: lowering.kind,
    imagesPerSecond: (total.steps * batchSize * 1000) / total.milliseconds,
    millisecondsPerStep: medianStep(runs),
    peakMemoryBytes: peakMemoryBytes(),
  };
}
