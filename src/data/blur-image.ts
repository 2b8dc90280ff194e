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
  const rows = new Float32Array(height * width);
  const columnsAt = mirroredIndices(width, radius);
  const rowsAt = mirroredIndices(height, radius);
  for (let channel = 0; channel < channels; channel++) {
    const start = offset + channel * height * width;
    for (let row = 0; row < height; row++) {
      const from = start + row * width;
      for (let column = 0; column < width; column++) {
        let sum = 0;
        for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * bytes[from + columnsAt[column + k]!]!;
        rows[row * width + column] = sum;
      }
    }
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        let sum = 0.5;
        for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * rows[rowsAt[row + k]! * width + column]!;
        bytes[start + row * width + column] = sum;
      }
    }
  }
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

/** The indices that a line has at -radius..size - 1 + radius. */
function mirroredIndices(size: number, radius: number): Int32Array {
  return Int32Array.from({ length: size + 2 * radius }, (_, i) => reflect(i - radius, size));
}
