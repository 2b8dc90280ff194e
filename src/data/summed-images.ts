import { type ImageGeometry, type ImageSet, imageBytes } from "./image-set.ts";
import { type Movement, moveImage } from "./move-image.ts";

/** Images with the sums that near duplicates are found by: of all pixels, and of the cells of coarse grids. */

/** Cells on a side of the coarse grids, the coarser first. */
export const GRIDS = [2, 7] as const;

/** An image with the sums that it is compared by. */
export interface SummedImage {
  readonly pixels: Uint8Array;
  /** Of what lies inside the frame. */
  sum: number;
  /** For each grid, [channels * grid * grid]. */
  readonly cells: readonly Int32Array[];
  /** The same as ranges of one value. */
  readonly ranges: readonly CellRanges[];
}

/** What the sum of each cell lies between. */
export interface CellRanges {
  readonly least: Int32Array;
  readonly most: Int32Array;
}

/** An image to be filled by `shiftInto`, as often as need be. */
export function unfilledImage({ channels, size }: SortedImages): SummedImage {
  const cells = GRIDS.map((grid) => new Int32Array(channels * grid * grid));
  return { pixels: new Uint8Array(size), sum: 0, cells, ranges: cells.map((least) => ({ least, most: least })) };
}

/** All images of some sets, by their sums. */
export interface SortedImages extends ImageGeometry {
  /** Bytes of one. */
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

/** @param sets of the same geometry */
export function sortedBySum(sets: readonly ImageSet[]): SortedImages {
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

/** Adds each channel's pixels up in `grid` x `grid` cells, into `out` from `offset` on. */
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

/** How far an image is moved, in pixels. */
export type Shift = Pick<Movement, "right" | "down">;

/** Makes `shifted` the image moved, black where nothing was. */
export function shiftInto(shifted: SummedImage, image: Uint8Array, shift: Shift, geometry: ImageGeometry): void {
  moveImage(image, 0, shifted.pixels, 0, geometry, { mirror: false, upsideDown: false, ...shift });
  for (const [g, grid] of GRIDS.entries()) sumCells(shifted.pixels, shifted.cells[g]!, 0, grid, geometry);
  shifted.sum = shifted.cells[0]!.reduce((sum, cell) => sum + cell, 0);
}

/** Ranges over several images. */
export function rangesOf(cells: readonly Int32Array[]): CellRanges {
  const over = (choose: (...values: number[]) => number) =>
    cells[0]!.map((_, cell) => choose(...cells.map((sums) => sums[cell]!)));
  return { least: over(Math.min), most: over(Math.max) };
}
