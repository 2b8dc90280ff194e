/**
 * The inputs of every golden value: one integer formula, the twin of inputs.py.
 *
 * Both languages rebuild the very same weights, images, labels and dropout masks, so only results are committed. All
 * arithmetic is either on unsigned 32-bit integers or on float64 in the same order as in inputs.py, so the two agree
 * bit for bit; inputs.test.ts asserts it.
 */

export const BATCHES = 10;
export const BATCH_SIZE = 32;
export const HEIGHT = 28;
export const WIDTH = 28;
export const CLASSES = 10;
export const PIXEL_MEAN = 0.286;
export const PIXEL_DEVIATION = 0.353;
export const DROPOUT_RATE = 0.25;

// A tag names a stream of numbers. Parameters take their position in the network's list, 0 and up; the tags of
// projections, optimizers and ops stand in the JSON files.
const LABEL_TAG = 3000;
const PATTERN_TAG = 3001;
const NOISE_TAG = 3002;
const DROPOUT_TAG = 4000; // + step

/** A tensor described by the formula; `build` makes it. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly tag: number;
  readonly scale: number;
  readonly offset: number;
  /** `float32`: nearest float32. `floor`: integers, for labels, masks and values that tie. */
  readonly rounding: "float32" | "floor";
}

/** An unsigned 32-bit integer for a tag and an index, both integers from 0 up. */
export function hash(tag: number, index: number): number {
  let x = (Math.imul(index + 1, 0x9e3779b1) + Math.imul(tag + 1, 0x85ebca77)) >>> 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** A number in [-1, 1), float64: hash / 2^32 * 2 - 1, exact. */
export function uniform(tag: number, index: number): number {
  return (hash(tag, index) / 2 ** 32) * 2 - 1;
}

/**
 * The values of a described tensor, row-major: offset + scale * uniform(tag, position), rounded as it says. They are
 * float32 numbers, so a `Float32Array` of them loses nothing.
 *
 * @returns [product of shape]; a scalar (shape []) has one value
 */
export function build(spec: Omit<TensorSpec, "name">): Float64Array {
  const round = spec.rounding === "floor" ? Math.floor : Math.fround;
  const values = new Float64Array(spec.shape.reduce((count, size) => count * size, 1));
  for (let i = 0; i < values.length; i++) values[i] = round(spec.offset + spec.scale * uniform(spec.tag, i));
  return values;
}

/**
 * One training batch, 0 to 9. An image is black but for a rectangle whose place and texture belong to its class; black
 * areas make tied pooling windows, as Fashion-MNIST does.
 *
 * @returns pixels [32, 1, 28, 28] and labels [32], 0 to 9
 */
export function imageBatch(batch: number): { pixels: Uint8Array; labels: Uint8Array } {
  const area = HEIGHT * WIDTH;
  const pixels = new Uint8Array(BATCH_SIZE * area);
  const labels = new Uint8Array(BATCH_SIZE);
  for (let row = 0; row < BATCH_SIZE; row++) {
    const number = batch * BATCH_SIZE + row;
    const label = hash(LABEL_TAG, number) % CLASSES;
    labels[row] = label;
    const top = 2 + (label % 4) * 2;
    const left = 2 + ((label * 3) % 7);
    const bottom = top + 10 + ((label * 5) % 9);
    const right = left + 9 + ((label * 7) % 10);
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const place = y * WIDTH + x;
        const pattern = uniform(PATTERN_TAG, label * area + place);
        const noise = uniform(NOISE_TAG, number * area + place);
        pixels[row * area + place] = Math.floor(128 + 100 * pattern + 27 * noise);
      }
    }
  }
  return { pixels, labels };
}

/** The dropout mask of a training step, row-major: 1 keeps (hash >= rate * 2^32), 0 drops. */
export function dropoutMask(step: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (hash(DROPOUT_TAG + step, i) >= DROPOUT_RATE * 2 ** 32 ? 1 : 0));
}

/** Signed fingerprint of a tensor: sum of values[i] * uniform(tag, i). */
export function project(values: ArrayLike<number>, tag: number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * uniform(tag, i);
  return sum;
}

/** L2 norm. */
export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

/** The 8 values in the middle of 8 equal parts: positions floor(count * (2k + 1) / 16). */
export function strided(values: ArrayLike<number>): number[] {
  return Array.from({ length: 8 }, (_, k) => values[Math.floor((values.length * (2 * k + 1)) / 16)]!);
}
