import type { RandomStream } from "../random.ts";
import { type ImageGeometry, imageBytes } from "./image-set.ts";

/**
 * Mixes each image of a batch with another one; the loss is then the same mixture of the losses for both labels. As in
 * the papers' code, one share is drawn for the whole batch.
 *
 * - "mixup" (Zhang, Cisse, Dauphin and Lopez-Paz 2018, arXiv 1710.09412): share * image + (1 - share) * other;
 * - "cutmix" (Yun et al. 2019, arXiv 1905.04899): a rectangle of 1 - share of the area is taken from the other image.
 */
export interface Mixing {
  readonly kind: "mixup" | "cutmix";
  /** Probability that a batch is mixed, 0 to 1. */
  readonly probability: number;
  /** The share is drawn from Beta(alpha, alpha), 0 < alpha <= 1: uniformly for 1, mostly near 0 and 1 for less. */
  readonly alpha: number;
}

/**
 * Mixes a batch in place: row i with row B - 1 - i as it was before.
 *
 * @param pixels [B, channels, height, width]
 * @param stream the step's own stream
 * @returns the share of each image's own label, 1 for a batch that is not mixed
 */
export function mixBatch(pixels: Uint8Array, image: ImageGeometry, mixing: Mixing, stream: RandomStream): number {
  if (stream.uniform() >= mixing.probability) return 1;
  const share = drawBeta(mixing.alpha, stream);
  const before = pixels.slice();
  const size = imageBytes(image);
  const partner = (at: number) => pixels.length - (Math.floor(at / size) + 1) * size + (at % size);
  if (mixing.kind === "mixup") {
    for (let at = 0; at < pixels.length; at++) {
      pixels[at] = Math.round(share * before[at]! + (1 - share) * before[partner(at)]!);
    }
    return share;
  }
  const { top, bottom, left, right } = drawBox(image, 1 - share, stream);
  for (let start = 0; start < pixels.length; start += image.height * image.width) {
    for (let row = top; row < bottom; row++) {
      const from = start + row * image.width;
      for (let at = from + left; at < from + right; at++) pixels[at] = before[partner(at)]!;
    }
  }
  return 1 - ((bottom - top) * (right - left)) / (image.height * image.width);
}

/** A box in the image's proportions around a random pixel, cut off at the edges (arXiv 1905.04899, section A). */
function drawBox({ height, width }: ImageGeometry, area: number, stream: RandomStream) {
  const side = (length: number) => {
    const half = Math.floor((length * Math.sqrt(area)) / 2);
    const centre = stream.below(length);
    return [Math.max(0, centre - half), Math.min(length, centre + half)] as const;
  };
  const [top, bottom] = side(height);
  const [left, right] = side(width);
  return { top, bottom, left, right };
}

/**
 * A draw from Beta(alpha, alpha) for alpha <= 1 (Jöhnk 1964): x / (x + y) of x = u^(1 / alpha) and y = v^(1 / alpha), u
 * and v uniform, drawn until x + y <= 1.
 */
function drawBeta(alpha: number, stream: RandomStream): number {
  for (;;) {
    const [x, y] = [stream.uniform() ** (1 / alpha), stream.uniform() ** (1 / alpha)];
    // For a small alpha both may be too small for a number.
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
}
