import type { Lowering } from "../compile/program.ts";
import { loadFashionMnist } from "../data/sources/fashion-mnist.ts";
import { normalizationOf, trainingData } from "../data/training-data.ts";
import { findModel } from "../models/index.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { peakMemoryBytes } from "../runs/environment.ts";
import { nodeRuntime } from "../runtime/node/index.ts";
import { train } from "./train.ts";

/** What is measured. */
export interface BenchTask {
  readonly model: string;
  readonly lowering: Lowering;
  readonly threads: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly dataFolder: string;
}

export interface BenchResult {
  readonly model: string;
  readonly threads: number;
  readonly batchSize: number;
  readonly lowering: Lowering["kind"];
  /** Over all timed steps together. */
  readonly imagesPerSecond: number;
  /** Median of the timed steps. */
  readonly millisecondsPerStep: number;
  /** Largest resident memory of the process, data set included. */
  readonly peakMemoryBytes: number;
}

/** Steps that are not timed: the first ones allocate and fill caches. */
const WARM_UP_STEPS = 5;

/**
 * Times the real training loop on real data: a step is batch preparation with augmentation, the session's run and the
 * loop's own work. Adam, horizontal flips, as the study's networks are trained.
 */
export async function benchTraining({
  model,
  lowering,
  threads,
  batchSize,
  steps,
  dataFolder,
}: BenchTask): Promise<BenchResult> {
  const loaded = await loadFashionMnist({ folder: dataFolder });
  const data = { train: trainingData(loaded.train, { trainOn: "all", limit: null }).train, validation: null };
  const totalSteps = steps + WARM_UP_STEPS;
  const recipe: Recipe = {
    name: "bench",
    description: "speed only",
    model: findModel(model),
    epochs: Math.ceil((totalSteps * batchSize) / data.train.count),
    batchSize,
    learningRate: 1e-3,
    schedule: { kind: "constant" },
    optimizer: { kind: "adam" },
    labelSmoothing: 0,
    augmentation: { horizontalFlip: "random" },
  };
  const ends: number[] = [];
  await train(
    { recipe, data, normalization: normalizationOf(data.train), seed: 1, threads, lowering, runtime: nodeRuntime },
    { onStep: () => ends.push(performance.now()), isStopRequested: () => ends.length >= totalSteps },
  );
  const timed = ends.slice(WARM_UP_STEPS - 1);
  const durations = timed.slice(1).map((end, i) => end - timed[i]!);
  return {
    model,
    threads,
    batchSize,
    lowering: lowering.kind,
    imagesPerSecond: (durations.length * batchSize * 1000) / (timed.at(-1)! - timed[0]!),
    millisecondsPerStep: median(durations),
    peakMemoryBytes: peakMemoryBytes(),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
