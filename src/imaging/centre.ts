import type { OpaquePicture } from "./picture.ts";

/**
 * Centres a plane in a larger one; an odd remaining pixel goes to the left and to the top, as in Fashion-MNIST.
 *
 * @param values 0 to 255, [height, width]
 * @returns rounded values, surrounded by `fill`, [target height, target width]
 */
export function centre(
  values: ArrayLike<number>,
  size: { width: number; height: number },
  target: { width: number; height: number },
  fill = 0,
): Uint8Array {
  const plane = new Uint8Array(target.width * target.height).fill(fill);
  place({ values, channels: 1, channel: 0, ...size }, plane, target);
  return plane;
}

/**
 * Centres each channel of a picture in an image; a gray picture is copied to every channel.
 *
 * @param target at least as large, with 3 channels or as many as the picture
 * @param fill value of the surrounding pixels, for each channel of the picture
 * @returns pixels 0 to 255, [target channels, target height, target width]
 */
export function centreChannels(
  { data, width, height, channels }: OpaquePicture,
  target: { channels: number; width: number; height: number },
  fill: readonly number[] = [0, 0, 0],
): Uint8Array {
  const size = target.width * target.height;
  const pixels = new Uint8Array(target.channels * size);
  for (let c = 0; c < target.channels; c++) {
    const channel = channels === 1 ? 0 : c;
    const plane = pixels.subarray(c * size, (c + 1) * size).fill(Math.round(fill[channel]!));
    place({ values: data, channels, channel, width, height }, plane, target);
  }
  return pixels;
}

/** One channel of a picture, [height, width, channels]. */
interface Channel {
  readonly values: ArrayLike<number>;
  readonly channels: number;
  readonly channel: number;
  readonly width: number;
  readonly height: number;
}

/** Rounds the values into their place in a plane. */
function place(
  { values, channels, channel, width, height }: Channel,
  plane: Uint8Array,
  target: { width: number; height: number },
): void {
  const left = Math.ceil((target.width - width) / 2);
  const top = Math.ceil((target.height - height) / 2);
  let from = channel;
  for (let row = 0; row < height; row++) {
    const start = (top + row) * target.width + left;
    // Cut off to whole numbers by the array.
    for (let column = 0; column < width; column++, from += channels) plane[start + column] = values[from]! + 0.5;
  }
}
