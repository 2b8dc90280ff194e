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
 * Finds images that are identical or nearly so. The distance of two images is the minimum, over shifts by up to one
 * pixel in each direction, of
 *
 *   sum |a - b| / sum max(a, b)        over all pixels, 0 where both are black
 *
 * 0 for identical images, 1 where no pixel is above 0 in both (Ruzicka's distance, the weighted form of Jaccard's).
 * Outside an image everything is black: pixels that a shift moves out of the other's frame are compared with 0.
 */

/** A pair of near duplicates. Indices count through the concatenated sets, a < b. */
export interface NearPair {
  readonly a: number;
  readonly b: number;
  readonly distance: number;
}

const LARGEST_SHIFT = 1;

/**
 * Finds all pairs of images within a distance of each other.
 *
 * The search is exact: pairs that are skipped without comparing pixels are farther apart by a lower bound. With L = sum
 * |a - b| the distance is 2 L / (sum a + sum b + L), so L must be at most distance / (2 - distance) * (sum a + sum b);
 * and L is at least the sum, over the cells of any grid, of the differences of the cells' sums. So images are sorted by
 * their sums and compared by the sums of 1, then 4, then 49 cells, before pixel by pixel; first with the range of the
 * cells' sums over all shifts, then shift by shift.
 *
 * @param sets of the same geometry, their images compared with each other and among themselves
 * @param distance maximum distance, from 0 to below 1; larger values are slower
 * @returns nearest first
 * @throws UserError when the distance is out of range
 */
export function nearPairs(sets: readonly ImageSet[], { distance }: { readonly distance: number }): NearPair[] {
  if (!(distance >= 0 && distance < 1)) {
    throw new UserError(`distance must be at least 0 and below 1, got ${distance}`, { exitCode: 2 });
  }
  const sorted = sortedBySum(sets);
  const { count, imageAt, sums, places } = sorted;
  const share = distance / (2 - distance);
  const shifted = SHIFTS.map(() => unfilledImage(sorted));
  const found: NearPair[] = [];
  for (let at = 0; at < count; at++) {
    const sum = sums[at]!;
    const image = imageAt(at);
    for (const [i, shift] of SHIFTS.entries()) shiftInto(shifted[i]!, image, shift, sorted);
    const ranges = GRIDS.map((_, g) => rangesOf(shifted.map(({ cells }) => cells[g]!)));
    // Each pair once: only with images before it, whose sums are not larger.
    for (let other = firstAtLeast(sums, (sum * (1 - share)) / (1 + share)); other < at; other++) {
      const limit = share * (sum + sums[other]!);
      if (!areCellsWithin(sorted, ranges, other, limit)) continue;
      let least = Number.POSITIVE_INFINITY;
      let pixels: Uint8Array | undefined;
      for (const moved of shifted) {
        const lost = sum - moved.sum;
        if (!areCellsWithin(sorted, moved.ranges, other, limit - lost)) continue;
        pixels ??= imageAt(other);
        least = Math.min(least, lost + absoluteDifference(pixels, moved.pixels, limit - lost));
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

/** Index of the first element of ascending `sums` that is at least `least`. */
function firstAtLeast(sums: Float64Array, least: number): number {
  let [low, high] = [0, sums.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the cells' sums of image `at` exceed the ranges by at most `limit` in total, for every grid. */
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

/** Sum of absolute differences between two images; stops early once above `limit`. */
function absoluteDifference(pixels: Uint8Array, other: Uint8Array, limit: number): number {
  let difference = 0;
  for (let i = 0; i < other.length && difference <= limit; i++) difference += Math.abs(pixels[i]! - other[i]!);
  return difference;
}
