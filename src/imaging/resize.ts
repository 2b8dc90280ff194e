import type { OpaquePicture } from "./picture.ts";

/** Radius of the filter below, in pixels of the coarser picture. */
const REACH = 2;

/** Catmull-Rom's cubic (Keys, 1981, a = -1/2): keeps edges sharper than a box or triangle filter. */
function cubic(distance: number): number {
  const d = Math.abs(distance);
  if (d < 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
  return d < REACH ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
}

/** The filter of one pixel of the result: `weights[k]` applies to source pixel `start + k`; they sum to 1. */
interface Taps {
  readonly start: number;
  readonly weights: Float64Array;
}

/**
 * Filters for resizing from `length` pixels to `size`. For shrinking, the filter is widened by the same factor
 * (antialiasing); at the ends it is cut off and its weights are renormalized to sum to 1.
 */
function tapsFor(length: number, size: number): Taps[] {
  const scale = length / size;
  const stretch = Math.max(1, scale);
  return Array.from({ length: size }, (_, i) => {
    const centre = (i + 0.5) * scale - 0.5;
    const start = Math.max(0, Math.ceil(centre - REACH * stretch));
    const end = Math.min(length - 1, Math.floor(centre + REACH * stretch));
    const weights = new Float64Array(end - start + 1);
    let sum = 0;
    for (let k = 0; k < weights.length; k++) {
      weights[k] = cubic((start + k - centre) / stretch);
      sum += weights[k]!;
    }
    for (let k = 0; k < weights.length; k++) weights[k]! /= sum;
    return { start, weights };
  });
}

/**
 * Resizes a picture, horizontally first. Values are clamped to 0..255. A picture of that size is returned unchanged.
 */
export function resize(picture: OpaquePicture, { width, height }: { width: number; height: number }): OpaquePicture {
  if (picture.width === width && picture.height === height) return picture;
  const { data, channels } = picture;
  const across = tapsFor(picture.width, width);
  const down = tapsFor(picture.height, height);
  const narrow = new Float32Array(picture.height * width * channels);
  for (let row = 0; row < picture.height; row++) {
    const line = row * picture.width * channels;
    for (let column = 0; column < width; column++) {
      const { start, weights } = across[column]!;
      const into = (row * width + column) * channels;
      if (channels === 3) {
        // Colours together, as this loop takes most of the time: the same sums, in the same order.
        let red = 0;
        let green = 0;
        let blue = 0;
        for (let k = 0, at = line + 3 * start; k < weights.length; k++, at += 3) {
          const weight = weights[k]!;
          red += weight * data[at]!;
          green += weight * data[at + 1]!;
          blue += weight * data[at + 2]!;
        }
        narrow[into] = red;
        narrow[into + 1] = green;
        narrow[into + 2] = blue;
      } else {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k]! * data[line + start + k]!;
        narrow[into] = sum;
      }
    }
  }
  const small = new Float32Array(height * width * channels);
  const lineLength = width * channels;
  const sums = new Float64Array(lineLength);
  for (let row = 0; row < height; row++) {
    const { start, weights } = down[row]!;
    sums.fill(0);
    // Line by line, as they lie in memory, and four at once: the same sums, in the same order.
    const fours = weights.length - (weights.length % 4);
    for (let k = 0; k < fours; k += 4) {
      const [first, second, third, fourth] = [weights[k]!, weights[k + 1]!, weights[k + 2]!, weights[k + 3]!];
      const a = (start + k) * lineLength;
      const [b, c, d] = [a + lineLength, a + 2 * lineLength, a + 3 * lineLength];
      for (let i = 0; i < lineLength; i++) {
        sums[i] =
          sums[i]! +
          first * narrow[a + i]! +
          second * narrow[b + i]! +
          third * narrow[c + i]! +
          fourth * narrow[d + i]!;
      }
    }
    for (let k = fours; k < weights.length; k++) {
      const weight = weights[k]!;
      const a = (start + k) * lineLength;
      for (let i = 0; i < lineLength; i++) sums[i]! += weight * narrow[a + i]!;
    }
    for (let i = 0, at = row * lineLength; i < lineLength; i++, at++) small[at] = Math.min(255, Math.max(0, sums[i]!));
  }
  return { data: small, width, height, channels };
}

/** The largest size with the same aspect ratio that fits into a target; at least 1 in each direction. */
export function fittedSize(
  { width, height }: { width: number; height: number },
  target: { width: number; height: number },
): { width: number; height: number } {
  const scale = Math.min(target.width / width, target.height / height);
  const within = (length: number, most: number) => Math.min(most, Math.max(1, Math.round(length * scale)));
  return { width: within(width, target.width), height: within(height, target.height) };
}
