import type { OpaquePicture } from "./picture.ts";

/**
 * Centres a plane in a larger one; an odd remaining pixel goes to the left and to the top, as in Fashion-MNIST.
 *
 * @param values 0 to 255, [height, width]
 * @returns rounded values, surrounded by `fill`, [target height, target width]
 */
export function centre(
  values: ArrayLike<number>,
  { width, height }: { width: number; height: number },
  target: { width: number; height: number },
  fill = 0,
): Uint8Array {
  const left = Math.ceil((target.width - width) / 2);
  const top = Math.ceil((target.height - height) / 2);
  const plane = new Uint8Array(target.width * target.height).fill(fill);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      plane[(top + row) * target.width + left + column] = Math.round(values[row * width + column]!);
    }
  }
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
    const source = channels === 1 ? 0 : c;
    const plane = Float32Array.from({ length: width * height }, (_, i) => data[i * channels + source]!);
    pixels.set(centre(plane, { width, height }, target, Math.round(fill[source]!)), c * size);
  }
  return pixels;
}
