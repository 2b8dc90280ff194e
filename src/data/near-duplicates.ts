import { UserError } from "../errors.ts";
import { type ImageSet, imageBytes } from "./image-set.ts";

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
/** Cells on a side of the coarse grids, the coarser first. */
const GRIDS = [2, 7] as const;

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
  const shifts = SHIFTS.map((shift) => ({ shift, ...emptyImage(sorted) }));
  const found: NearPair[] = [];
  for (let at = 0; at < count; at++) {
    const sum = sums[at]!;
    const image = pixels.subarray(at * size, (at + 1) * size);
    for (const shifted of shifts) shiftInto(shifted, image, sorted);
    const ranges = GRIDS.map((_, g) => rangesOf(shifts.map(({ cells }) => cells[g]!)));
    // Each pair once: with those before it, which are no brighter.
    for (let other = firstAtLeast(sums, (sum * (1 - share)) / (1 + share)); other < at; other++) {
      const limit = share * (sum + sums[other]!);
      if (!areCellsWithin(sorted, ranges, other, limit)) continue;
      let least = Number.POSITIVE_INFINITY;
      for (const shifted of shifts) {
        const lost = sum - shifted.sum;
        if (!areCellsWithin(sorted, shifted.ranges, other, limit - lost)) continue;
        least = Math.min(least, lost + absoluteDifference(pixels, other * size, shifted.pixels, limit - lost));
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

function shiftsUpTo(most: number): (readonly [right: number, down: number])[] {
  const steps = Array.from({ length: 2 * most + 1 }, (_, i) => i - most);
  return steps.flatMap((down) => steps.map((right) => [right, down] as const));
}

/** An image with the sums that it is compared by. */
interface SummedImage {
  readonly pixels: Uint8Array;
  /** Of what lies inside the frame. */
  sum: number;
  /** For each grid, [channels * grid * grid]. */
  readonly cells: readonly Int32Array[];
  /** The same as ranges of one value. */
  readonly ranges: readonly CellRanges[];
}

/** What the sum of each cell lies between. */
interface CellRanges {
  readonly least: Int32Array;
  readonly most: Int32Array;
}

function emptyImage({ channels, size }: SortedImages): SummedImage {
  const cells = GRIDS.map((grid) => new Int32Array(channels * grid * grid));
  return { pixels: new Uint8Array(size), sum: 0, cells, ranges: cells.map((least) => ({ least, most: least })) };
}

interface SortedImages {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly size: number;
  readonly count: number;
  /** Darkest first. */
  readonly pixels: Uint8Array;
  /** Of all pixels of each image. */
  readonly sums: Float64Array;
  /** Of the cells of each grid, image after image. */
  readonly cells: readonly Int32Array[];
  /** Where each image stands, counted through the sets. */
  readonly places: Uint32Array;
}

function sortedBySum(sets: readonly ImageSet[]): SortedImages {
  const { channels, height, width } = sets[0]!;
  const size = imageBytes(sets[0]!);
  const count = sets.reduce((total, set) => total + set.count, 0);
  const all = new Uint8Array(count * size);
  let filled = 0;
  for (const { images } of sets) {
    all.set(images, filled);
    filled += images.length;
  }
  const sumOf = Float64Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let p = i * size; p < (i + 1) * size; p++) sum += all[p]!;
    return sum;
  });
  const places = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => sumOf[a]! - sumOf[b]! || a - b);
  const pixels = new Uint8Array(all.length);
  places.forEach((place, i) => {
    pixels.set(all.subarray(place * size, (place + 1) * size), i * size);
  });
  const geometry = { channels, height, width };
  const cells = GRIDS.map((grid) => {
    const perImage = channels * grid * grid;
    const sums = new Int32Array(count * perImage);
    for (let i = 0; i < count; i++)
      sumCells(pixels.subarray(i * size, (i + 1) * size), sums, i * perImage, grid, geometry);
    return sums;
  });
  return { ...geometry, size, count, pixels, sums: Float64Array.from(places, (place) => sumOf[place]!), cells, places };
}

type Geometry = Pick<SortedImages, "channels" | "height" | "width">;

/** Adds each channel's pixels up in `grid` x `grid` cells, into `out` from `offset` on. */
function sumCells(
  image: Uint8Array,
  out: Int32Array,
  offset: number,
  grid: number,
  { channels, height, width }: Geometry,
) {
  out.fill(0, offset, offset + channels * grid * grid);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++) {
      const row = offset + (c * grid + Math.floor((y * grid) / height)) * grid;
      for (let x = 0; x < width; x++) {
        const cell = row + Math.floor((x * grid) / width);
        out[cell] = out[cell]! + image[(c * height + y) * width + x]!;
      }
    }
}

/** Makes `shifted` the image moved right and down, black where nothing was. */
function shiftInto(
  shifted: SummedImage & { readonly shift: readonly [right: number, down: number] },
  image: Uint8Array,
  { channels, height, width }: Geometry,
): void {
  const [right, down] = shifted.shift;
  shifted.sum = 0;
  shifted.pixels.fill(0);
  for (let row = 0; row < channels * height; row++) {
    const from = (row % height) - down;
    if (from < 0 || from >= height) continue;
    for (let x = Math.max(0, right); x < Math.min(width, width + right); x++) {
      const value = image[(row - down) * width + x - right]!;
      shifted.pixels[row * width + x] = value;
      shifted.sum += value;
    }
  }
  GRIDS.forEach((grid, g) => {
    sumCells(shifted.pixels, shifted.cells[g]!, 0, grid, { channels, height, width });
  });
}

/** Ranges over several images. */
function rangesOf(cells: readonly Int32Array[]): CellRanges {
  const over = (choose: (...values: number[]) => number) =>
    cells[0]!.map((_, cell) => choose(...cells.map((sums) => sums[cell]!)));
  return { least: over(Math.min), most: over(Math.max) };
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
