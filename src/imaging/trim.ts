import { distanceFromGround } from "./contrast.ts";
import type { Ground } from "./ground.ts";
import type { Box, OpaquePicture } from "./picture.ts";

/** "Close to the color of the corner pixels": within 5 % of the range (Fashion-MNIST, section 2). */
const CLOSE = 0.05;
/** A pixel stands out when it is this many times further from the ground than the ground's own pixels are. */
const TIMES_NOISE = 2.5;
/** Nearer than this, of 255, nothing can be told from the ground. */
const MIN_DISTANCE = 3;
/** A row or column belongs to the garment when this part of it stands out: specks and dust do not. */
const MIN_PART = 0.01;
/** Of the brightest pixels: where the strongest contrast is read, so that one pixel does not decide. */
const STRONGEST = 0.999;

/**
 * The box around what stands out from the ground.
 *
 * @param picture shrunk, so that noise has faded
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

/** From the first count that is large enough to the last. */
function extent(counts: Uint32Array, least: number): { start: number; length: number } | undefined {
  const start = counts.findIndex((count) => count >= least);
  return start < 0 ? undefined : { start, length: counts.findLastIndex((count) => count >= least) - start + 1 };
}
