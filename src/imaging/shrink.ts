import type { Box, OpaquePicture } from "./picture.ts";

/**
 * Shrinks a picture to the means of blocks of `factor` x `factor` pixels (smaller at the right and lower edge): this
 * reduces noise and the time of later steps.
 *
 * @returns ceil(height / factor) x ceil(width / factor) pixels; the picture itself when the factor is 1
 */
export function shrink(picture: OpaquePicture, factor: number): OpaquePicture {
  if (factor === 1) return picture;
  const { data, channels } = picture;
  const width = Math.ceil(picture.width / factor);
  const height = Math.ceil(picture.height / factor);
  const sums = new Float32Array(width * height * channels);
  for (let row = 0; row < picture.height; row++) {
    for (let column = 0; column < picture.width; column++) {
      const to = (Math.floor(row / factor) * width + Math.floor(column / factor)) * channels;
      const from = (row * picture.width + column) * channels;
      for (let c = 0; c < channels; c++) sums[to + c]! += data[from + c]!;
    }
  }
  const covered = (i: number, size: number) => Math.min(factor, size - i * factor);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const pixels = covered(row, picture.height) * covered(column, picture.width);
      for (let c = 0; c < channels; c++) sums[(row * width + column) * channels + c]! /= pixels;
    }
  }
  return { data: sums, width, height, channels };
}

/** Converts a box of a shrunk picture to the box of its blocks in the original, of `width` x `height` pixels. */
export function enlargeBox(
  box: Box,
  factor: number,
  { width, height }: { readonly width: number; readonly height: number },
): Box {
  const [left, top] = [box.left * factor, box.top * factor];
  return {
    left,
    top,
    width: Math.min(box.width * factor, width - left),
    height: Math.min(box.height * factor, height - top),
  };
}
