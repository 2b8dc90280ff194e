import type { RandomStream } from "../random.ts";
import type { ImageGeometry } from "./image-set.ts";

/**
 * Random erasing (Zhong, Zheng, Kang, Li and Yang, "Random Erasing Data Augmentation", arXiv 1708.04896, algorithm 1):
 * a rectangle of random size and position is overwritten. The paper uses probability 0.5, area 0.02 to 0.4, aspect
 * ratio 0.3 to 1/0.3 and random bytes.
 */
export interface RandomErasing {
  /** Probability that a rectangle of the image is erased, 0 to 1. */
  readonly probability: number;
  /** Minimum and maximum share of the image's area, uniform in between. */
  readonly areaFraction: readonly [number, number];
  /** Minimum and maximum height / width of the rectangle, uniform in between. */
  readonly aspectRatio: readonly [number, number];
  /** "random": each byte drawn from 0..255, the paper's choice (RE-R); "zero": black (RE-0). */
  readonly fill: "zero" | "random";
}

/**
 * Maximum number of sizes drawn before the image is left unchanged; as in the authors' code (the paper has no limit).
 */
const ATTEMPTS = 100;

/** Rows `top` to `top + height - 1`, columns `left` to `left + width - 1`. */
export interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Draws the rectangle: a size, repeatedly until it fits inside the image with at least one pixel, then one of its
 * possible positions.
 *
 * @returns undefined when no size fitted
 */
export function drawRectangle(
  image: ImageGeometry,
  { areaFraction, aspectRatio }: RandomErasing,
  stream: RandomStream,
): Rectangle | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = between(areaFraction, stream) * image.height * image.width;
    const aspect = between(aspectRatio, stream);
    const height = Math.round(Math.sqrt(area * aspect));
    const width = Math.round(Math.sqrt(area / aspect));
    if (height < 1 || width < 1 || height > image.height || width > image.width) continue;
    const top = stream.below(image.height - height + 1);
    const left = stream.below(image.width - width + 1);
    return { top, left, height, width };
  }
  return undefined;
}

/**
 * Overwrites a random rectangle of the image, at the same position in every channel.
 *
 * @param bytes the image [channels, height, width] starts at `offset`
 */
export function eraseRandomly(
  bytes: Uint8Array,
  offset: number,
  image: ImageGeometry,
  erasing: RandomErasing,
  stream: RandomStream,
): void {
  const rectangle = drawRectangle(image, erasing, stream);
  if (!rectangle) return;
  const { top, left, height, width } = rectangle;
  const nextByte = erasing.fill === "random" ? randomBytes(stream) : () => 0;
  for (let channel = 0; channel < image.channels; channel++) {
    for (let row = top; row < top + height; row++) {
      const start = offset + (channel * image.height + row) * image.width + left;
      for (let at = start; at < start + width; at++) bytes[at] = nextByte();
    }
  }
}

/** Random bytes: four from each word of the stream, lowest first. */
function randomBytes(stream: RandomStream): () => number {
  let word = 0;
  let left = 0;
  return () => {
    if (left === 0) {
      word = stream.uint32();
      left = 4;
    }
    const byte = word & 0xff;
    word >>>= 8;
    left--;
    return byte;
  };
}

function between([least, largest]: readonly [number, number], stream: RandomStream): number {
  return least + (largest - least) * stream.uniform();
}
