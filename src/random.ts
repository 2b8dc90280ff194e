/**
 * Random numbers are inputs of the computation: every number is a pure function of (seed, purpose, index, position), so
 * that a run draws the same numbers after it is resumed, and with any number of threads.
 *
 * The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011): ten rounds that encrypt a 128-bit counter under a 64-bit key. The key is the seed; the counter holds the
 * position in the stream, the stream's index and its purpose, so streams never overlap.
 */

/** Purposes of streams. The order is part of a run's format: append, never reorder. */
const PURPOSES = [
  "init",
  "shuffle",
  "augment",
  "dropout",
  "split",
  "check",
  "sample",
  "sweep",
  "warp",
  "color",
  "blur",
  "mix",
  "balance",
  "own",
  "view",
] as const;
export type RandomPurpose = (typeof PURPOSES)[number];

const MULTIPLIER_A = 0xd2511f53;
const MULTIPLIER_B = 0xcd9e8d57;
const WEYL_A = 0x9e3779b9;
const WEYL_B = 0xbb67ae85;
const ROUNDS = 10;

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/**
 * One block of Philox4x32-10, written to `out`.
 *
 * @param counter four unsigned 32-bit words
 * @param key two unsigned 32-bit words
 * @param out receives four unsigned 32-bit words
 */
export function philox4x32(counter: Uint32Array, key: Uint32Array, out: Uint32Array): void {
  let c0 = counter[0]!;
  let c1 = counter[1]!;
  let c2 = counter[2]!;
  let c3 = counter[3]!;
  let k0 = key[0]!;
  let k1 = key[1]!;
  for (let round = 0; round < ROUNDS; round++) {
    const highA = multiplyHigh(MULTIPLIER_A, c0);
    const highB = multiplyHigh(MULTIPLIER_B, c2);
    const lowA = Math.imul(MULTIPLIER_A, c0);
    const lowB = Math.imul(MULTIPLIER_B, c2);
    c0 = (highB ^ c1 ^ k0) >>> 0;
    c1 = lowB >>> 0;
    c2 = (highA ^ c3 ^ k1) >>> 0;
    c3 = lowA >>> 0;
    k0 = (k0 + WEYL_A) >>> 0;
    k1 = (k1 + WEYL_B) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A stream of random numbers. Reading advances it; creating it again restarts it. */
export interface RandomStream {
  /** An integer from 0 to 2^32 - 1. */
  uint32(): number;
  /** A number in [0, 1) with 24 random bits, exact in float32. */
  uniform(): number;
  /** An integer from 0 to `limit - 1`, each equally likely. */
  below(limit: number): number;
}

/**
 * The stream for one purpose and index (a step, an image's position in the chain of epochs, a tensor's number).
 *
 * @param seed an integer from 0 to 2^53 - 1
 * @param purpose separates draws for different purposes: changing one never shifts another
 * @param index an integer from 0 to 2^53 - 1
 * @throws RangeError when seed or index is not such an integer
 */
export function randomStream(seed: number, purpose: RandomPurpose, index = 0): RandomStream {
  for (const [name, value] of [
    ["seed", seed],
    ["index", index],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`random: ${name} must be an integer from 0 to 2^53 - 1, got ${value}`);
    }
  }
  const key = Uint32Array.of(seed >>> 0, Math.floor(seed / 2 ** 32));
  const counter = Uint32Array.of(0, index >>> 0, Math.floor(index / 2 ** 32), PURPOSES.indexOf(purpose));
  const block = new Uint32Array(4);
  let used = 4;

  function uint32(): number {
    if (used === 4) {
      philox4x32(counter, key, block);
      counter[0] = counter[0]! + 1;
      used = 0;
    }
    return block[used++]!;
  }

  return {
    uint32,
    uniform: () => (uint32() >>> 8) / 2 ** 24,
    below(limit) {
      // Rejection sampling: draws above the largest multiple of `limit` would favour small results.
      const bound = Math.floor(2 ** 32 / limit) * limit;
      for (;;) {
        const draw = uint32();
        if (draw < bound) return draw % limit;
      }
    },
  };
}

/** Fisher-Yates shuffle of `items` in place. */
export function shuffle(items: Uint32Array, stream: RandomStream): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = stream.below(i + 1);
    const swapped = items[i]!;
    items[i] = items[j]!;
    items[j] = swapped;
  }
}
