import { UserError } from "../errors.ts";
import { randomStream, shuffle } from "../random.ts";
import { type Augmentation, augmentImage, checkAugmentation } from "./augmentation.ts";
import { balancedEpochs } from "./class-balance.ts";
import { imageBytes, type LabelledSet, type ValuesOf, valuesFor } from "./image-set.ts";
import { mixBatch } from "./mixing.ts";
import { type Augment, augmentWith } from "./own-augmentation.ts";

/** A batch contains images of one epoch, or of two consecutive ones. */
const CACHED_EPOCHS = 2;

/** Concatenated epochs, each of as many images as there are. */
export interface EpochChain {
  /** Images per epoch. */
  readonly imageCount: number;
  /**
   * The image indices of one epoch in their order, [imageCount]. A view of the cache: read it before calling this for
   * another epoch, and do not write to it.
   */
  epoch(epoch: number): Uint32Array;
}

/**
 * The endless chain of epochs determined by `seed`. Epochs can be read in any order; the two used last are cached.
 *
 * @param draw writes the images of an epoch into `order`. Default: a permutation of all images
 */
export function epochChain(
  imageCount: number,
  seed: number,
  draw: (epoch: number, order: Uint32Array) => void = permutations(seed),
): EpochChain {
  const cache = new Map<number, Uint32Array>(); // in order of use, oldest first

  function epoch(number: number): Uint32Array {
    const known = cache.get(number);
    cache.delete(number);
    const order = known ?? drawEpoch(number);
    cache.set(number, order);
    return order;
  }

  function drawEpoch(number: number): Uint32Array {
    const order = cache.size < CACHED_EPOCHS ? new Uint32Array(imageCount) : takeOldest();
    draw(number, order);
    return order;
  }

  function takeOldest(): Uint32Array {
    const [number, order] = cache.entries().next().value!;
    cache.delete(number);
    return order;
  }

  return { imageCount, epoch };
}

/** Every image once an epoch. */
function permutations(seed: number): (number: number, order: Uint32Array) => void {
  return (number, order) => {
    for (let i = 0; i < order.length; i++) order[i] = i;
    shuffle(order, randomStream(seed, "shuffle", number));
  };
}

/** An index of the augmentation streams that no image of the chain of epochs uses. */
const TABLE_INDEX = Number.MAX_SAFE_INTEGER;

/**
 * Alternating flip (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498, "Alternating flip"):
 * half of the images, chosen by the seed, are mirrored in the first epoch, the other half in the second, and so on. Any
 * two consecutive epochs show every image in both forms, whereas random flips would show half of them the same form
 * twice.
 *
 * @param imageCount number of training images
 * @returns whether `image` is mirrored in `epoch`, both counted from 0
 */
export function alternatingFlip(imageCount: number, seed: number): (image: number, epoch: number) => boolean {
  const stream = randomStream(seed, "augment", TABLE_INDEX);
  const inFirst = Uint8Array.from({ length: imageCount }, () => stream.uint32() >>> 31);
  return (image, epoch) => (inFirst[image]! + epoch) % 2 === 1;
}

/**
 * Which view of an image an epoch has: each image begins with one of its own, and any `views` epochs in a row have all of
 * them.
 *
 * @returns the view, from 0, of `image` in `epoch`, both counted from 0
 */
export function viewInTurn(imageCount: number, views: number, seed: number): (image: number, epoch: number) => number {
  if (views === 1) return () => 0;
  const stream = randomStream(seed, "view");
  const first = Uint8Array.from({ length: imageCount }, () => stream.below(views));
  return (image, epoch) => (first[image]! + epoch) % views;
}

/** Training batches with random access. All are full. */
export interface TrainingBatches {
  /** Images per batch, B. */
  readonly batchSize: number;
  /**
   * Number of full batches in `epochs` epochs: floor(images x epochs / B).
   *
   * @param epochs 0 or more; may be fractional
   * @throws RangeError when it is negative or not finite
   */
  steps(epochs: number): number;
  /**
   * Writes the batch of one step. The same step gives the same bytes, whatever was read before.
   *
   * @param step counted from 0 over the whole training
   * @param pixels receives [B, channels, height, width]
   * @param labels receives [B]
   * @returns the share of each row's own label; the rest is that of the row mixed into it, row B - 1 - i for row i
   * @throws RangeError when the step is not a non-negative integer or a buffer has the wrong length
   */
  fill(step: number, pixels: Uint8Array | Float32Array, labels: Int32Array): number;
}

/**
 * Cuts batches from the endless chain of epoch permutations: position q of the chain is entry q mod n of epoch
 * floor(q / n), and the batch of step s holds positions s x B to s x B + B - 1. So every image is used once per epoch,
 * every batch is full, and a batch may span two epochs. Each position has its own random stream for augmentation.
 *
 * @param options of the batches
 * @param options.set the n training images
 * @param options.batchSize B, from 1 to n
 * @param options.seed of the run
 * @param options.augmentation none when left out
 * @param options.augment an augmentation of one's own, after that of the recipe
 * @param options.sampling "balanced" draws every class equally often instead of every image once an epoch
 * @throws UserError (exit code 2) when the batch size or the augmentation is refused
 */
export function trainingBatches({
  set,
  batchSize,
  seed,
  augmentation = {},
  augment,
  sampling,
}: {
  set: LabelledSet;
  batchSize: number;
  seed: number;
  augmentation?: Augmentation | undefined;
  augment?: Augment | undefined;
  sampling?: "balanced" | undefined;
}): TrainingBatches {
  checkBatchSize(batchSize);
  if (batchSize > set.count) {
    throw new UserError(
      `batch size: ${batchSize} is more than the ${set.count} training images; allowed is 1 to ${set.count}`,
      { exitCode: 2 },
    );
  }
  checkAugmentation(augmentation, set);
  if (set.images.dtype === "float32" && (augment || Object.keys(augmentation).length > 0)) {
    throw new UserError("augmentation changes images; the features of a frozen network have none: leave it out", {
      exitCode: 2,
    });
  }
  const size = imageBytes(set);
  const chain = epochChain(
    set.count,
    seed,
    sampling === "balanced" ? balancedEpochs(set.labels, set.classNames.length, seed) : undefined,
  );
  const isMirrored =
    augmentation.horizontalFlip === "alternating" ? alternatingFlip(set.count, seed) : (): boolean => false;

  const viewOf = viewInTurn(set.count, set.views ?? 1, seed);

  function fill(step: number, pixels: Uint8Array | Float32Array, labels: Int32Array): number {
    if (!Number.isSafeInteger(step) || step < 0) throw new RangeError(`step: ${step} is not a whole number from 0 up`);
    checkLength("pixels", pixels.length, batchSize * size);
    checkLength("labels", labels.length, batchSize);
    for (let row = 0; row < batchSize; row++) {
      const place = step * batchSize + row;
      const epoch = Math.floor(place / set.count);
      const image = chain.epoch(epoch)[place % set.count]!;
      labels[row] = set.labels[image]!;
      const index = viewOf(image, epoch) * set.count + image;
      const values = set.images.read(index, index + 1);
      if (values instanceof Float32Array || pixels instanceof Float32Array) {
        pixels.set(values, row * size);
        continue;
      }
      augmentImage(values, 0, pixels, row * size, set, augmentation, {
        seed,
        place,
        mirrored: isMirrored(image, epoch),
      });
      if (augment) augmentWith(augment, pixels, row * size, set, { seed, place, image });
    }
    const { mixing } = augmentation;
    return mixing && pixels instanceof Uint8Array ? mixBatch(pixels, set, mixing, randomStream(seed, "mix", step)) : 1;
  }

  function steps(epochs: number): number {
    if (!Number.isFinite(epochs) || epochs < 0) throw new RangeError(`epochs: ${epochs} is not a number from 0 up`);
    return stepsIn(epochs, set.count, batchSize);
  }

  return { batchSize, steps, fill };
}

/** Number of steps in `epochs` epochs over `imageCount` images: full batches only. */
export function stepsIn(epochs: number, imageCount: number, batchSize: number): number {
  return Math.floor((imageCount * epochs) / batchSize);
}

/** Consecutive images, padded to a full batch. */
export interface EvaluationBatch<Values extends Uint8Array | Float32Array = Uint8Array> {
  /** Index of the first image. */
  readonly start: number;
  /** Number of images, 1 to B; the rows after them are padding and must be ignored. */
  readonly count: number;
  /** [B, channels, height, width]. A view of the set where the batch is full: do not write to it. */
  readonly pixels: Values;
  /** [B] */
  readonly labels: Int32Array;
}

/**
 * All images once, in order, in batches of one size: the last is padded with copies of the set's first image.
 *
 * @param batchSize B, 1 or more
 * @throws UserError (exit code 2) when the batch size is refused
 */
export function evaluationBatches<Set extends LabelledSet>(
  set: Set,
  batchSize: number,
): Iterable<EvaluationBatch<ValuesOf<Set>>> & { length: number } {
  checkBatchSize(batchSize);
  const read = (start: number, end: number) => set.images.read(start, end) as ValuesOf<Set>;
  const size = imageBytes(set);

  function batchAt(start: number): EvaluationBatch<ValuesOf<Set>> {
    const count = Math.min(batchSize, set.count - start);
    const labels = new Int32Array(batchSize).fill(set.labels[0]!);
    labels.set(set.labels.subarray(start, start + count));
    const real = read(start, start + count);
    if (count === batchSize) return { start, count, pixels: real, labels };
    const pixels = valuesFor(set, batchSize);
    pixels.set(real);
    const first = read(0, 1);
    for (let row = count; row < batchSize; row++) pixels.set(first, row * size);
    return { start, count, pixels, labels };
  }

  return {
    length: Math.ceil(set.count / batchSize),
    *[Symbol.iterator]() {
      for (let start = 0; start < set.count; start += batchSize) yield batchAt(start);
    },
  };
}

function checkBatchSize(batchSize: number): void {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new UserError(`batch size: ${batchSize} is not a whole number from 1 up`, { exitCode: 2 });
  }
}

function checkLength(name: string, found: number, expected: number): void {
  if (found !== expected)
    throw new RangeError(`${name}: the buffer holds ${found} elements, the batch has ${expected}`);
}
