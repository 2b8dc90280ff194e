import { UserError } from "../errors.ts";
import type { ImageSet } from "./image-set.ts";
import {
  type CellRanges,
  GRIDS,
  rangesOf,
  type Shift,
  type SortedImages,
  shiftInto,
  sortedBySum,
  unfilledImage,
} from "./summed-images.ts";

/**
 * Images that are the same, or nearly. The distance of two images is the least, over shifts by up to a pixel in each
 * direction, of
 *
 *   sum |a - b| / sum max(a, b)        over all pixels, 0 where both are black
 *
 * 0 for the same image, 1 where no pixel is bright in both (Ruzicka's distance, the weighted form of Jaccard's). Around an
 * image all is black: light that a shift moves out of the other's frame meets nothing there.
 */

/** A pair that is near. Indices count through the sets one after the other, a before b. */
export interface NearPair {
  readonly a: number;
  readonly b: number;
  readonly distance: number;
}

const LARGEST_SHIFT = 1;

/**
 * All pairs of images within a distance of each other.
 *
 * No pair is left out: what is passed over without a look at its pixels is farther by a bound. With L = sum |a - b|,
 * 2 L / (sum a + sum b + L) is the distance, so L must be at most distance / (2 - distance) * (sum a + sum b); and L is at
 * least the sum, over the cells of any grid, of how much the cells' sums differ. So images are sorted by their sums, and
 * compared by the sums of 1, then 4, then 49 cells, before pixel by pixel; first with what the cells' sums lie between
 * over all shifts, then shift by shift.
 *
 * @param sets of the same geometry, their images compared with each other and among themselves
 * @param distance at least 0, below 1; the larger, the slower
 * @returns nearest first
 * @throws UserError when the distance is out of range
 */
export function nearPairs(sets: readonly ImageSet[], { distance }: { readonly distance: number }): NearPair[] {
  if (!(distance >= 0 && distance < 1)) {
    throw new UserError(`distance must be at least 0 and below 1, got ${distance}`, { exitCode: 2 });
  }
  const sorted = sortedBySum(sets);
  const { size, count, pixels, sums, places } = sorted;
  const share = distance / (2 - distance);
  const shifted = SHIFTS.map(() => unfilledImage(sorted));
  const found: NearPair[] = [];
  for (let at = 0; at < count; at++) {
    const sum = sums[at]!;
    const image = pixels.subarray(at * size, (at + 1) * size);
    for (const [i, shift] of SHIFTS.entries()) shiftInto(shifted[i]!, image, shift, sorted);
    const ranges = GRIDS.map((_, g) => rangesOf(shifted.map(({ cells }) => cells[g]!)));
    // Each pair once: with those before it, which are no brighter.
    for (let other = firstAtLeast(sums, (sum * (1 - share)) / (1 + share)); other < at; other++) {
      const limit = share * (sum + sums[other]!);
      if (!areCellsWithin(sorted, ranges, other, limit)) continue;
      let least = Number.POSITIVE_INFINITY;
      for (const moved of shifted) {
        const lost = sum - moved.sum;
        if (!areCellsWithin(sorted, moved.ranges, other, limit - lost)) continue;
        least = Math.min(least, lost + absoluteDifference(pixels, other * size, moved.pixels, limit - lost));
      }
      if (least > limit) continue;
      const [a, b] = [places[other]!, places[at]!];
      const total = sum + sums[other]! + least;
      found.push({ a: Math.min(a, b), b: Math.max(a, b), distance: total === 0 ? 0 : (2 * least) / total });
    }
  }
  return found.sort((p, q) => p.distance - q.distance || p.a - q.a || p.b - q.b);
}

const SHIFTS = shiftsUpTo(LARGEST_SHIFT);

function shiftsUpTo(most: number): Shift[] {
  const steps = Array.from({ length: 2 * most + 1 }, (_, i) => i - most);
  return steps.flatMap((down) => steps.map((right) => ({ right, down })));
}

/** The first place in ascending `sums` whose sum is at least `least`. */
function firstAtLeast(sums: Float64Array, least: number): number {
  let [low, high] = [0, sums.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the cells' sums of image `at` lie outside of the ranges by at most `limit` in all, for every grid. */
function areCellsWithin({ cells }: SortedImages, ranges: readonly CellRanges[], at: number, limit: number): boolean {
  for (let grid = 0; grid < ranges.length; grid++)
    if (!isWithinRanges(cells[grid]!, ranges[grid]!, at, limit)) return false;
  return true;
}

function isWithinRanges(cells: Int32Array, { least, most }: CellRanges, at: number, limit: number): boolean {
  const offset = at * least.length;
  let outside = 0;
  for (let i = 0; i < least.length; i++) {
    const sum = cells[offset + i]!;
    if (sum < least[i]!) outside += least[i]! - sum;
    else if (sum > most[i]!) outside += sum - most[i]!;
    if (outside > limit) return false;
  }
  return true;
}

/** The sum of absolute differences of the pixels from `offset` on and the other image's; given up when above `limit`. */
function absoluteDifference(pixels: Uint8Array, offset: number, other: Uint8Array, limit: number): number {
  let difference = 0;
  for (let i = 0; i < other.length && difference <= limit; i++) difference += Math.abs(pixels[offset + i]! - other[i]!);
  return difference;
}
