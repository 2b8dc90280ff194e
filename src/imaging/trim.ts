import { distanceFromGround } from "./contrast.ts";
import type { Ground } from "./ground.ts";
import type { Box, OpaquePicture } from "./picture.ts";

/** "Close to the color of the corner pixels": within 5 % of the range (Fashion-MNIST, section 2). */
const CLOSE = 0.05;
/** A pixel belongs to the foreground when its distance from the background exceeds this many times the noise. */
const TIMES_NOISE = 2.5;
/** Pixels nearer to the background than this, of 255, never belong to the foreground. */
const MIN_DISTANCE = 3;
/** A row or column belongs to the garment when this share of it is foreground, which excludes specks and dust. */
const MIN_PART = 0.01;
/** Quantile at which the strongest contrast is read, so that a single pixel does not decide. */
const STRONGEST = 0.999;

/**
 * The bounding box of what stands out from the background.
 *
 * @param picture shrunk, so that noise is reduced
 * @returns undefined when nothing stands out
 */
export function findGarment(picture: OpaquePicture, ground: Ground): Box | undefined {
  const { width, height } = picture;
  const distance = distanceFromGround(picture, ground, { box: { left: 0, top: 0, width, height }, width, height });
  const threshold = Math.max(MIN_DISTANCE, CLOSE * strongest(distance), TIMES_NOISE * ground.noise);
  const rows = new Uint32Array(height);
  const columns = new Uint32Array(width);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (distance[row * width + column]! <= threshold) continue;
      rows[row]!++;
      columns[column]!++;
    }
  }
  const vertical = extent(rows, Math.ceil(MIN_PART * width));
  const horizontal = extent(columns, Math.ceil(MIN_PART * height));
  if (!vertical || !horizontal) return undefined;
  return { left: horizontal.start, top: vertical.start, width: horizontal.length, height: vertical.length };
}

/** The distance that only a thousandth of the pixels exceeds. */
function strongest(distances: Float32Array): number {
  const counts = new Uint32Array(256);
  for (const value of distances) counts[Math.min(255, Math.ceil(value))]!++;
  let above = Math.floor((1 - STRONGEST) * distances.length);
  for (let value = 255; value > 0; value--) {
    above -= counts[value]!;
    if (above < 0) return value;
  }
  return 0;
}

/** The range from the first to the last count of at least `least`. */
function extent(counts: Uint32Array, least: number): { start: number; length: number } | undefined {
  const start = counts.findIndex((count) => count >= least);
  return start < 0 ? undefined : { start, length: counts.findLastIndex((count) => count >= least) - start + 1 };
}
