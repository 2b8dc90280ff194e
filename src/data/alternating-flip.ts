import { randomStream } from "../random.ts";

/** A place in the augmentation streams that no image of the chain of epochs reaches. */
const TABLE_INDEX = Number.MAX_SAFE_INTEGER;

/**
 * Alternating flip (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498, "Alternating flip"): half of
 * the images, chosen by the seed, are mirrored in the first epoch, the other half in the second, and so on. Any two
 * epochs in a row show every image in both forms, where a coin would show half of them the same form twice.
 *
 * @param imageCount number of training images
 * @returns whether `image` is mirrored in `epoch`, both counted from 0
 */
export function alternatingFlip(imageCount: number, seed: number): (image: number, epoch: number) => boolean {
  const stream = randomStream(seed, "augment", TABLE_INDEX);
  const inFirst = Uint8Array.from({ length: imageCount }, () => stream.uint32() >>> 31);
  return (image, epoch) => (inFirst[image]! + epoch) % 2 === 1;
}
