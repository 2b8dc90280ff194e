import { type ImageGeometry, type ImageSet, imageBytes } from "./image-set.ts";
import { type Movement, moveImage } from "./move-image.ts";
import { inRowParts, joinRows } from "./rows.ts";

/**
 * Images with their pixel sums, by which near duplicates are found: of all pixels, and of the cells of coarse grids.
 */

/** Cells per side of the grids, coarsest first. */
export const GRIDS = [2, 7] as const;

/** An image with its sums. */
export interface SummedImage {
  readonly pixels: Uint8Array;
  /** Sum of the pixels inside the frame. */
  sum: number;
  /** Sums of the cells of each grid, [channels * grid * grid]. */
  readonly cells: readonly Int32Array[];
  /** The same sums as ranges of a single value. */
  readonly ranges: readonly CellRanges[];
}

/** Lower and upper bound of the sum of each cell. */
export interface CellRanges {
  readonly least: Int32Array;
  readonly most: Int32Array;
}

/** A buffer for `shiftInto`, which may be reused. */
export function unfilledImage({ channels, size }: SortedImages): SummedImage {
  const cells = GRIDS.map((grid) => new Int32Array(channels * grid * grid));
  return { pixels: new Uint8Array(size), sum: 0, cells, ranges: cells.map((least) => ({ least, most: least })) };
}

/** All images of several sets, sorted by their sums. */
export interface SortedImages extends ImageGeometry {
  /** Bytes per image. */
  readonly size: number;
  readonly count: number;
  /** The pixels of an image, the darkest first. Do not write to them. */
  imageAt(place: number): Uint8Array;
  /** Sum of all pixels of each image. */
  readonly sums: Float64Array;
  /** Sums of the cells of each grid, image after image. */
  readonly cells: readonly Int32Array[];
  /** Index of each image in the concatenated sets. */
  readonly places: Uint32Array;
}

/** @param sets of the same geometry */
export function sortedBySum(sets: readonly ImageSet[]): SortedImages {
  const { channels, height, width } = sets[0]!;
  const size = imageBytes(sets[0]!);
  const images = joinRows(sets.map((set) => set.images));
  const { count } = images;
  const sumOf = new Float64Array(count);
  for (const { start, values } of inRowParts(images)) {
    for (let i = 0; i < values.length; i += size) {
      let sum = 0;
      for (let p = i; p < i + size; p++) sum += values[p]!;
      sumOf[start + i / size] = sum;
    }
  }
  const places = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => sumOf[a]! - sumOf[b]! || a - b);
  const imageAt = (place: number) => images.read(places[place]!, places[place]! + 1);
  const geometry = { channels, height, width };
  const cells = GRIDS.map((grid) => new Int32Array(count * channels * grid * grid));
  for (let i = 0; i < count; i++) {
    const image = imageAt(i);
    for (const [g, grid] of GRIDS.entries()) sumCells(image, cells[g]!, i * channels * grid * grid, grid, geometry);
  }
  return {
    ...geometry,
    size,
    count,
    imageAt,
    sums: Float64Array.from(places, (place) => sumOf[place]!),
    cells,
    places,
  };
}

/** Sums each channel's pixels in `grid` x `grid` cells, into `out` from `offset` on. */
function sumCells(
  image: Uint8Array,
  out: Int32Array,
  offset: number,
  grid: number,
  { channels, height, width }: ImageGeometry,
): void {
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

/** Shift of an image, in pixels. */
export type Shift = Pick<Movement, "right" | "down">;

/** Writes the shifted image and its sums into `shifted`; uncovered pixels are black. */
export function shiftInto(shifted: SummedImage, image: Uint8Array, shift: Shift, geometry: ImageGeometry): void {
  moveImage(image, 0, shifted.pixels, 0, geometry, { mirror: false, upsideDown: false, ...shift });
  for (const [g, grid] of GRIDS.entries()) sumCells(shifted.pixels, shifted.cells[g]!, 0, grid, geometry);
  shifted.sum = shifted.cells[0]!.reduce((sum, cell) => sum + cell, 0);
}

/** The ranges of the cells' sums over several images. */
export function rangesOf(cells: readonly Int32Array[]): CellRanges {
  const over = (choose: (...values: number[]) => number) =>
    cells[0]!.map((_, cell) => choose(...cells.map((sums) => sums[cell]!)));
  return { least: over(Math.min), most: over(Math.max) };
}
