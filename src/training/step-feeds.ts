import type { TrainingBatches } from "../data/batches.ts";
import { sizeOf } from "../graph/shape.ts";
import type { MaskDeclaration, ModelGraph } from "../nn/model.ts";
import type { Averaging } from "../optim/averaging.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { randomStream } from "../random.ts";
import type { TensorData } from "../runtime/runtime.ts";
import { MIXING, stepSettings } from "./training-program.ts";

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
  isMixed = false,
  seed,
  stageStart = 0,
  rateFactors,
}: {
  graph: ModelGraph;
  batches: TrainingBatches;
  optimizer: Optimizer;
  averaging: Averaging | undefined;
  isMixed?: boolean;
  seed: number;
  /** Steps before the stage, from which those of optimizer and averages are counted. */
  stageStart?: number;
  /** Factors of the learning rate. Default: 1 only. */
  rateFactors?: readonly number[];
}): StepFeeds {
  const masks = dropoutMasks(graph.masks, seed);
  const { batchSize } = batches;
  const imageSize = sizeOf(graph.pixels.shape) / batchSize;
  let capacity = 0;
  const Values = graph.pixels.dtype === "float32" ? Float32Array : Uint8Array;
  let pixels: Uint8Array | Float32Array = new Values();
  let labels = new Int32Array();
  let maskBytes: Uint8Array[] = [];

  function reserve(steps: number): void {
    if (steps <= capacity) return;
    capacity = steps;
    pixels = new Values(steps * batchSize * imageSize);
    labels = new Int32Array(steps * batchSize);
    maskBytes = masks.map(({ size }) => new Uint8Array(steps * size));
  }

  function fill(first: number, learningRates: readonly number[]): Record<string, TensorData> {
    const steps = learningRates.length;
    reserve(steps);
    const shares = new Float32Array(steps);
    for (let i = 0; i < steps; i++) {
      shares[i] = batches.fill(first + i, part(pixels, i, batchSize * imageSize), part(labels, i, batchSize));
      for (const [m, mask] of masks.entries()) mask.fill(first + i, part(maskBytes[m]!, i, mask.size));
    }
    const settings = learningRates.map((rate, i) =>
      stepSettings({ optimizer, averaging, rateFactors }, first + i + 1 - stageStart, rate),
    );
    return {
      pixels: pixels.subarray(0, steps * batchSize * imageSize),
      labels: labels.subarray(0, steps * batchSize),
      ...(isMixed ? { [MIXING.labels]: reversedBatches(labels, steps, batchSize), [MIXING.share]: shares } : {}),
      ...Object.fromEntries(masks.map(({ name, size }, m) => [name, maskBytes[m]!.subarray(0, steps * size)])),
      ...Object.fromEntries(
        Object.keys(settings[0] ?? {}).map((feed) => [feed, Float32Array.from(settings, (values) => values[feed]!)]),
      ),
    };
  }

  return { fill };
}

/** The labels of each batch in reverse: those of the images that are mixed in. */
function reversedBatches(labels: Int32Array, steps: number, batchSize: number): Int32Array {
  return Int32Array.from({ length: steps * batchSize }, (_, i) => {
    const row = i % batchSize;
    return labels[i - row + (batchSize - 1 - row)]!;
  });
}

/** The `i`th part of a buffer. */
function part<T extends Uint8Array | Int32Array | Float32Array>(buffer: T, i: number, size: number): T {
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
