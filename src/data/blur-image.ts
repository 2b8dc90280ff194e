import type { ImageGeometry } from "./image-set.ts";
import { reflect } from "./warp-image.ts";

/** Gaussian blur of some of the images. */
export interface RandomBlur {
  /** Probability that an image is blurred, 0 to 1. */
  readonly probability: number;
  /** Minimum and maximum standard deviation of the Gaussian in pixels, uniform in between. */
  readonly sigma: readonly [number, number];
}

/** The kernel ends where the Gaussian is about 1 % of its maximum. */
const RADIUS_IN_SIGMAS = 3;

/**
 * Blurs an image in place with a Gaussian, along rows and then along columns; outside the image it continues mirrored
 * at its edges.
 *
 * @param bytes the image [channels, height, width] starts at `offset` @param sigma in pixels
 */
export function blurImage(
  bytes: Uint8Array,
  offset: number,
  { channels, height, width }: ImageGeometry,
  sigma: number,
): void {
  const kernel = gaussianKernel(sigma);
  const radius = (kernel.length - 1) / 2;
  const line = new Float32Array(width + 2 * radius);
  const blurredRows = new Float32Array(height * width);
  const sums = new Float32Array(width);
  for (let channel = 0; channel < channels; channel++) {
    const start = offset + channel * height * width;
    for (let row = 0; row < height; row++) {
      for (let i = 0; i < line.length; i++) line[i] = bytes[start + row * width + reflect(i - radius, width)]!;
      const blurred = blurredRows.subarray(row * width, (row + 1) * width);
      for (let k = 0; k < kernel.length; k++) addScaled(blurred, line, k, kernel[k]!, k === 0);
    }
    for (let row = 0; row < height; row++) {
      for (let k = 0; k < kernel.length; k++) {
        addScaled(sums, blurredRows, reflect(row + k - radius, height) * width, kernel[k]!, k === 0);
      }
      for (let column = 0; column < width; column++) bytes[start + row * width + column] = sums[column]! + 0.5;
    }
  }
}

/** sums[i] = share x values[from + i], or added to what is there. */
function addScaled(sums: Float32Array, values: Float32Array, from: number, share: number, isFirst: boolean): void {
  if (isFirst) for (let i = 0; i < sums.length; i++) sums[i] = share * values[from + i]!;
  else for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + share * values[from + i]!;
}

/** Weights of a sampled Gaussian, their sum 1, from -radius to radius. */
function gaussianKernel(sigma: number): Float64Array {
  const radius = Math.ceil(RADIUS_IN_SIGMAS * sigma);
  const values = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = values.reduce((a, b) => a + b);
  return values.map((value) => value / sum);
}
