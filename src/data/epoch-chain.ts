import { randomStream, shuffle } from "../random.ts";

/** A batch lies in one epoch or across the seam of two. */
const CACHED_EPOCHS = 2;

/** Epochs laid end to end: every image once an epoch, in an order of its own. */
export interface EpochChain {
  /** Images in an epoch. */
  readonly imageCount: number;
  /**
   * The image numbers of one epoch in their order, [imageCount]. A view of the cache: read it before asking for another
   * epoch, and do not write to it.
   */
  epoch(epoch: number): Uint32Array;
}

/**
 * The endless chain of permutations that `seed` draws. Any epoch can be asked for at any time; the two used last are
 * kept.
 */
export function epochChain(imageCount: number, seed: number): EpochChain {
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
    for (let i = 0; i < imageCount; i++) order[i] = i;
    shuffle(order, randomStream(seed, "shuffle", number));
    return order;
  }

  function takeOldest(): Uint32Array {
    const [number, order] = cache.entries().next().value!;
    cache.delete(number);
    return order;
  }

  return { imageCount, epoch };
}
