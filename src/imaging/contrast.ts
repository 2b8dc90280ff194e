import { placeOf } from "./border.ts";
import { type Ground, groundAt } from "./ground.ts";
import { type Box, grayWeights, type OpaquePicture } from "./picture.ts";

/** Position of a crop: its box in the picture whose background was found, and that picture's size. */
export interface Origin {
  readonly box: Box;
  readonly width: number;
  readonly height: number;
}

/**
 * Distance of each pixel's colour from the background there: root mean square of the channels' differences, 0 to 255.
 *
 * @param origin the place of all of `picture`, which may have been resized
 * @returns [height, width]
 */
export function distanceFromGround(picture: OpaquePicture, ground: Ground, origin: Origin): Float32Array {
  const { channels } = picture;
  return fromGround(picture, ground, origin, (differences) => {
    let squares = 0;
    for (let c = 0; c < channels; c++) squares += differences[c]! * differences[c]!;
    return Math.sqrt(squares / channels);
  });
}

/**
 * Absolute difference of each pixel's gray value from the background's, 0 to 255: on white this is the negative
 * (255 - gray), on black the gray value itself. The background becomes 0.
 *
 * @param origin the place of all of `picture`, which may have been resized
 * @returns [height, width]
 */
export function grayFromGround(picture: OpaquePicture, ground: Ground, origin: Origin): Float32Array {
  const weights = grayWeights(picture);
  return fromGround(picture, ground, origin, (differences) => {
    let sum = 0;
    for (let c = 0; c < weights.length; c++) sum += weights[c]! * differences[c]!;
    return Math.abs(sum);
  });
}

/**
 * @param measure of one pixel's differences from the background, [channels]; the buffer is reused for the next pixel
 */
function fromGround(
  { data, width, height, channels }: OpaquePicture,
  ground: Ground,
  { box, ...whole }: Origin,
  measure: (differences: Float64Array) => number,
): Float32Array {
  const result = new Float32Array(width * height);
  const differences = new Float64Array(channels);
  for (let row = 0; row < height; row++) {
    const y = placeOf(alongBox(row, height, box.top, box.height), whole.height);
    for (let column = 0; column < width; column++) {
      const x = placeOf(alongBox(column, width, box.left, box.width), whole.width);
      const i = row * width + column;
      for (let c = 0; c < channels; c++) differences[c] = data[i * channels + c]! - groundAt(ground, c, x, y);
      result[i] = measure(differences);
    }
  }
  return result;
}

/** The (fractional) pixel of the whole picture at the centre of pixel `i` of `size` along a box. */
function alongBox(i: number, size: number, start: number, length: number): number {
  return start + ((i + 0.5) * length) / size - 0.5;
}

/**
 * Scales values so that the maximum is 255, as in Fashion-MNIST, where 99 % of the images reach 254 or more. Zero stays
 * zero.
 */
export function stretch(values: Float32Array): Float32Array {
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  return largest === 0 ? values : values.map((value) => (value * 255) / largest);
}
