import { loadFashionMnist } from "../data/node/fashion-mnist.ts";
import { imageTask, normalizationOf } from "../data/training-data.ts";
import { UserError } from "../errors.ts";
import { inferenceModel } from "../formats/inference-model.ts";
import { buildModel, initialTensors } from "../nn/model.ts";
import { peakMemoryBytes } from "../runs/node/environment.ts";
import { modelNamed } from "../runs/node/recipe-file.ts";
import { openModel } from "../runtime/node/open-model.ts";
import { openModelOnGpu } from "../runtime/webgpu/node/index.ts";
import { differences, median } from "./time-steps.ts";
import type { BenchDevice, BenchResult } from "./training.ts";

/** Number of untimed calls first, which allocate memory and fill caches. */
const WARM_UP_CALLS = 5;

/** Settings of a measurement. */
export interface InferenceBenchTask {
  readonly kind: "infer";
  readonly model: string;
  readonly threads: number;
  readonly device: BenchDevice;
  readonly batchSize: number;
  /** Number of timed calls. */
  readonly steps: number;
  readonly dataFolder: string;
}

/**
 * Measures inference of a network with its initial weights: the model file of `train`, opened as in `evaluate`, called
 * with the first test images as bytes, one call after the other.
 *
 * @throws UserError when the batch is larger than the test set
 */
export async function benchInference({
  model: name,
  threads,
  device,
  batchSize,
  steps,
  dataFolder,
}: InferenceBenchTask): Promise<BenchResult> {
  const { test: images, train } = await loadFashionMnist({ folder: dataFolder });
  if (batchSize > images.count) {
    throw new UserError(`batch size: ${batchSize} is more than the ${images.count} test images`, { exitCode: 2 });
  }
  const task = imageTask(images);
  const normalization = normalizationOf(train);
  const model = await modelNamed(name);
  const graph = buildModel(model, { task, normalization, batchSize: 1, mode: "inference" });
  const tensors = initialTensors(graph, 1);
  const file = inferenceModel({ model, task, normalization, classNames: images.classNames, tensors });
  const open = device === "gpu" ? openModelOnGpu : openModel;
  const session = await open(file, `the model file of ${name}`, { threads });
  try {
    const pixels = images.images.read(0, batchSize).slice();
    const ends: number[] = [];
    for (let call = 0; call < WARM_UP_CALLS + steps; call++) {
      await session.logits(pixels);
      ends.push(performance.now());
    }
    const moments = ends.slice(WARM_UP_CALLS - 1);
    return {
      model: model.name,
      threads,
      device,
      batchSize,
      lowering: null,
      imagesPerSecond: (steps * batchSize * 1000) / (moments.at(-1)! - moments[0]!),
      millisecondsPerStep: median(differences(moments)),
      peakMemoryBytes: peakMemoryBytes(),
    };
  } finally {
    await session.release();
  }
}
