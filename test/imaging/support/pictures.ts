import fc from "fast-check";
import type { OpaquePicture } from "../../../src/imaging/picture.ts";

/** The channels of the pixel at a place. */
export type ColorAt = (x: number, y: number) => readonly number[];

/** A picture whose pixels are told by their places. */
export function picture(width: number, height: number, channels: 1 | 3, colorAt: ColorAt): OpaquePicture {
  const data = new Float32Array(width * height * channels);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(colorAt(x, y), (y * width + x) * channels);
  return { data, width, height, channels };
}

/** A gray one. */
export const gray = (width: number, height: number, valueAt: (x: number, y: number) => number) =>
  picture(width, height, 1, (x, y) => [valueAt(x, y)]);

/** Widths and heights of any picture. */
export const sizes = fc.record({ width: fc.integer({ min: 1, max: 90 }), height: fc.integer({ min: 1, max: 90 }) });
