import { compile } from "../compile/compile.ts";
import { evaluationBatches } from "../data/batches.ts";
import { createImageSet, type ImageSet, selectImages } from "../data/image-set.ts";
import type { LoadedData } from "../data/node/chain.ts";
import { UserError } from "../errors.ts";
import { evaluationBatchSize, evaluationProgram } from "../evaluation/evaluate.ts";
import type { NamedTensor } from "../formats/safetensors.ts";
import type { ImageTask } from "../nn/model.ts";
import { randomStream } from "../random.ts";
import { chooseLowering } from "../runtime/lowering.ts";
import type { ModelSession } from "../runtime/model-session.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { TrainedNetwork } from "./network.ts";

/** Number of test images for comparing logits. */
const TEST_IMAGES = 1000;
const NOISE_IMAGES = 64;

/** The first test images; deterministic noise if there are none of the network's size. */
export function imagesToCompare(
  task: ImageTask,
  data: LoadedData | undefined,
): { images: ImageSet; imagesFrom: "test" | "noise" } {
  const { channels, height, width } = task;
  const test = data?.test;
  if (test && test.channels === channels && test.height === height && test.width === width) {
    const first = new Uint32Array(Math.min(TEST_IMAGES, test.count)).map((_, i) => i);
    return { images: selectImages(test, first), imagesFrom: "test" };
  }
  return { images: noiseImages(task), imagesFrom: "noise" };
}

/** Deterministic uniform noise from 0 to 255; the labels are meaningless. */
export function noiseImages({ channels, height, width }: ImageTask): ImageSet {
  const random = randomStream(0, "check", 0);
  const images = new Uint8Array(NOISE_IMAGES * channels * height * width).map(() => random.below(256));
  return createImageSet(
    { images, labels: new Uint8Array(NOISE_IMAGES), channels, height, width, classNames: ["noise"] },
    "noise",
  );
}

/**
 * Logits [count, classes] of the training engine: the weights are fed to the validation graph, with batch norm not
 * folded, in the lowering of training.
 */
export async function engineLogits(
  { model, task, normalization }: TrainedNetwork,
  tensors: readonly NamedTensor[],
  images: ImageSet,
  { runtime, threads }: { runtime: Runtime; threads: number },
): Promise<Float32Array> {
  const batchSize = evaluationBatchSize(images, images.count);
  const program = evaluationProgram(model, { task, batchSize, normalization });
  const session = await runtime.open(compile(program, await chooseLowering(runtime)), { threads });
  try {
    session.load(new Map(tensors.map(({ name, data }) => [name, data])));
    const logits = new Float32Array(images.count * task.classes);
    for (const { pixels, start, count } of evaluationBatches(images, batchSize)) {
      const batch = (await session.run({ pixels })).logits!;
      logits.set(batch.subarray(0, count * task.classes), start * task.classes);
    }
    return logits;
  } finally {
    await session.release();
  }
}

/**
 * Logits [count, classes] of a model file: the first image alone, the others in larger batches, to test the dynamic
 * batch.
 */
export async function fileLogits(session: ModelSession, images: ImageSet): Promise<Float32Array> {
  const logits = new Float32Array(images.count * session.classes);
  for (let start = 0, end = 1; start < images.count; start = end, end += evaluationBatchSize(images)) {
    const pixels = images.images.read(start, Math.min(end, images.count));
    logits.set(await session.logits(pixels), start * session.classes);
  }
  return logits;
}

/** @throws UserError when a logit is not a finite number */
function requireFinite(logits: Float32Array, fileName: string): void {
  if (logits.every(Number.isFinite)) return;
  throw new UserError(`${fileName} gives logits that are not finite numbers; train the network again`);
}

/**
 * The largest absolute difference between corresponding logits.
 *
 * @throws UserError when a logit is not finite
 */
export function largestDifference(one: Float32Array, other: Float32Array, fileName: string): number {
  if (one.length !== other.length) throw new Error(`${fileName}: ${one.length} logits and ${other.length}`);
  for (const logits of [one, other]) requireFinite(logits, fileName);
  return one.reduce((largest, logit, i) => Math.max(largest, Math.abs(logit - other[i]!)), 0);
}
