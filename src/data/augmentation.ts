import type { RandomStream } from "../random.ts";
import type { ImageGeometry } from "./image-set.ts";
import { moveImage } from "./move-image.ts";
import type { RandomErasing } from "./random-erasing.ts";
import { eraseRandomly } from "./random-erasing.ts";

/** How training images are varied each time they are used; what is left out is not done. */
export interface Augmentation {
  /**
   * "random": mirrored left-right with probability 1/2. "alternating": mirrored in every other epoch, see
   * `alternating-flip.ts`.
   */
  readonly horizontalFlip?: "random" | "alternating" | undefined;
  /** Mirrored upside down with probability 1/2. */
  readonly verticalFlip?: boolean | undefined;
  /** Largest shift in pixels: along each axis by a whole number from -shift to shift, all equally likely; black moves in. */
  readonly shift?: number | undefined;
  readonly randomErasing?: RandomErasing | undefined;
}

/** What decides one image's variation. */
export interface AugmentationDraws {
  /** The image's own stream. Read in a fixed order, whatever is switched on: see `augmentImage`. */
  readonly stream: RandomStream;
  /** Whether an alternating flip mirrors the image this time; not looked at otherwise. */
  readonly mirrored: boolean;
}

/**
 * Writes a varied copy of one image: mirrored, then shifted, then erased in part.
 *
 * The stream gives one word for both flips, one for each axis of the shift and one for whether to erase, used or not, so
 * two runs that differ in one switch agree in everything else.
 *
 * @param source bytes; the image [channels, height, width] starts at `sourceOffset`
 * @param destination bytes, not overlapping the source image; the copy starts at `destinationOffset`
 * @param augmentation accepted by `checkAugmentation`
 */
export function augmentImage(
  source: Uint8Array,
  sourceOffset: number,
  destination: Uint8Array,
  destinationOffset: number,
  geometry: ImageGeometry,
  augmentation: Augmentation,
  { stream, mirrored }: AugmentationDraws,
): void {
  const { horizontalFlip, verticalFlip, shift = 0, randomErasing } = augmentation;
  const coins = stream.uint32();
  const right = stream.below(2 * shift + 1) - shift;
  const down = stream.below(2 * shift + 1) - shift;
  const chance = stream.uniform();

  moveImage(source, sourceOffset, destination, destinationOffset, geometry, {
    mirror: horizontalFlip === "random" ? coins >>> 31 === 1 : horizontalFlip === "alternating" && mirrored,
    upsideDown: verticalFlip === true && ((coins >>> 30) & 1) === 1,
    right,
    down,
  });
  if (randomErasing && chance < randomErasing.probability) {
    eraseRandomly(destination, destinationOffset, geometry, randomErasing, stream);
  }
}
