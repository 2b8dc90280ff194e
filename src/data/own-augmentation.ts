import { messageOf, UserError } from "../errors.ts";
import { type RandomStream, randomStream } from "../random.ts";
import { type ImageGeometry, imageBytes } from "./image-set.ts";

/** What an augmentation function knows besides the pixels. */
export interface AugmentationContext extends Pick<ImageGeometry, "channels" | "height" | "width"> {
  /** The image's own random numbers. Anything else that is random would make a training unrepeatable. */
  readonly random: RandomStream;
}

/**
 * An augmentation of one's own, applied to each training image after those of the recipe and before batches are mixed.
 *
 * @param pixels 0 to 255, [channels, height, width]: a copy that may be changed and returned
 * @returns as many pixels, in the same order; they are rounded, and clipped to 0 to 255
 */
export type Augment = (pixels: Uint8Array, context: AugmentationContext) => ArrayLike<number>;

/**
 * Replaces an image by its augmented form.
 *
 * @param pixels the image starts at `offset`
 * @param place position in the chain of epochs; has its own random stream
 * @param image index of the image in its set, for error messages
 * @throws UserError when the function throws, or returns anything but as many numbers
 */
export function augmentWith(
  augment: Augment,
  pixels: Uint8Array,
  offset: number,
  { channels, height, width }: ImageGeometry,
  { seed, place, image }: { readonly seed: number; readonly place: number; readonly image: number },
): void {
  const size = imageBytes({ channels, height, width });
  const random = randomStream(seed, "own", place);
  const where = `the function \`augment\`, training image ${image} (from 0)`;
  let made: ArrayLike<number>;
  try {
    made = augment(pixels.slice(offset, offset + size), { random, channels, height, width });
  } catch (error) {
    throw new UserError(`${where}: ${messageOf(error)}`, { cause: error });
  }
  if (made?.length !== size) {
    const found = made?.length === undefined ? `no pixels (${String(made)})` : `${made.length} pixels`;
    throw new UserError(
      `${where}: returned ${found}; it must return ${size}, [${channels}, ${height}, ${width}], as many as it gets`,
    );
  }
  for (let i = 0; i < size; i++) {
    const value: unknown = made[i];
    if (typeof value !== "number" || Number.isNaN(value)) {
      throw new UserError(`${where}: pixel ${i} is ${String(value)}; it must be a number from 0 to 255`);
    }
    pixels[offset + i] = Math.min(255, Math.max(0, Math.round(value)));
  }
}
