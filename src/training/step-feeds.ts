import type { TrainingBatches } from "../data/batches.ts";
import { sizeOf } from "../graph/shape.ts";
import type { MaskDeclaration, ModelGraph } from "../nn/model.ts";
import type { Averaging } from "../optim/averaging.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { randomStream } from "../random.ts";
import type { TensorData } from "../runtime/runtime.ts";
import { stepSettings } from "./training-program.ts";

export interface StepFeeds {
  /**
   * The feeds of the steps from `first` on, concatenated in each buffer: pixels, labels, dropout masks and the scalars
   * of optimizer and averages. The next call overwrites the buffers.
   *
   * @param first from 0 @param learningRates one per step
   */
  fill(first: number, learningRates: readonly number[]): Readonly<Record<string, TensorData>>;
}

/** Prepares the feeds of training steps; a step's feeds do not depend on how many are prepared at a time. */
export function stepFeeds({
  graph,
  batches,
  optimizer,
  averaging,
  seed,
}: {
  graph: ModelGraph;
  batches: TrainingBatches;
  optimizer: Optimizer;
  averaging: Averaging | undefined;
  seed: number;
}): StepFeeds {
  const masks = dropoutMasks(graph.masks, seed);
  const { batchSize } = batches;
  const imageSize = sizeOf(graph.pixels.shape) / batchSize;
  let capacity = 0;
  let pixels = new Uint8Array();
  let labels = new Int32Array();
  let maskBytes: Uint8Array[] = [];

  function reserve(steps: number): void {
    if (steps <= capacity) return;
    capacity = steps;
    pixels = new Uint8Array(steps * batchSize * imageSize);
    labels = new Int32Array(steps * batchSize);
    maskBytes = masks.map(({ size }) => new Uint8Array(steps * size));
  }

  function fill(first: number, learningRates: readonly number[]): Record<string, TensorData> {
    const steps = learningRates.length;
    reserve(steps);
    for (let i = 0; i < steps; i++) {
      batches.fill(first + i, part(pixels, i, batchSize * imageSize), part(labels, i, batchSize));
      for (const [m, mask] of masks.entries()) mask.fill(first + i, part(maskBytes[m]!, i, mask.size));
    }
    const settings = learningRates.map((rate, i) => stepSettings({ optimizer, averaging }, first + i + 1, rate));
    return {
      pixels: pixels.subarray(0, steps * batchSize * imageSize),
      labels: labels.subarray(0, steps * batchSize),
      ...Object.fromEntries(masks.map(({ name, size }, m) => [name, maskBytes[m]!.subarray(0, steps * size)])),
      ...Object.fromEntries(
        Object.keys(settings[0] ?? {}).map((feed) => [feed, Float32Array.from(settings, (values) => values[feed]!)]),
      ),
    };
  }

  return { fill };
}

/** The `i`th part of a buffer. */
function part<T extends Uint8Array | Int32Array>(buffer: T, i: number, size: number): T {
  return buffer.subarray(i * size, (i + 1) * size) as T;
}

/** A mask's element uses half a random word: rates have a resolution of 1 / 65,536. */
const LEVELS = 2 ** 16;

/** A dropout mask of a model: its feed and its contents. */
export interface DropoutMask {
  /** The feed's name. */
  readonly name: string;
  /** Number of elements of one step's mask. */
  readonly size: number;
  /** Draws the mask of a step, from 0, into `bytes`: 1 keeps, 0 drops. The same step gives the same mask. */
  fill(step: number, bytes: Uint8Array): void;
}

/** The dropout masks of a model, drawn for each step from their own random streams. */
export function dropoutMasks(declarations: readonly MaskDeclaration[], seed: number): DropoutMask[] {
  return declarations.map(({ name, value, rate }, i) => {
    const dropBelow = Math.round(rate * LEVELS);
    return {
      name,
      size: sizeOf(value.shape),
      fill(step, bytes) {
        const stream = randomStream(seed, "dropout", step * declarations.length + i);
        for (let at = 0; at < bytes.length; at += 2) {
          const word = stream.uint32();
          bytes[at] = word >>> 16 >= dropBelow ? 1 : 0;
          if (at + 1 < bytes.length) bytes[at + 1] = (word & (LEVELS - 1)) >= dropBelow ? 1 : 0;
        }
      },
    };
  });
}
