import { UserError } from "../errors.ts";

/** Values of a picture's samples, 0 to 255. */
export type Samples = Uint8Array | Uint8ClampedArray | Float32Array;

/** A decoded picture as returned by canvases and decoders: sRGB, row-major, interleaved channels. */
export interface Picture {
  /** 0 to 255, [height, width, channels]. */
  readonly data: Samples;
  readonly width: number;
  readonly height: number;
  /** 1: gray; 2: gray, alpha; 3: red, green, blue; 4: red, green, blue, alpha (not premultiplied). */
  readonly channels: 1 | 2 | 3 | 4;
}

/** A picture without transparency. */
export interface OpaquePicture extends Picture {
  readonly channels: 1 | 3;
}

/** A part of a picture, in whole pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Rec. 709 luma, as ImageMagick's gray: weights of red, green and blue, applied to gamma-encoded sRGB values. */
const LUMA_WEIGHTS = [0.2126, 0.7152, 0.0722] as const;

/** @returns the weight of each channel in gray, [channels] */
export function grayWeights({ channels }: Pick<OpaquePicture, "channels">): readonly number[] {
  return channels === 1 ? [1] : LUMA_WEIGHTS;
}

/** @throws UserError when the sizes are invalid or do not match the length of the data */
export function checkPicture({ data, width, height, channels }: Picture): void {
  const isSize = (value: number) => Number.isSafeInteger(value) && value > 0;
  if (!isSize(width) || !isSize(height)) throw new UserError(`a picture of ${width} x ${height} pixels has no content`);
  if (![1, 2, 3, 4].includes(channels)) {
    throw new UserError(
      `a picture of ${channels} channels: allowed are 1 (gray), 2 (with alpha), 3 (RGB) and 4 (RGBA)`,
    );
  }
  if (data.length !== width * height * channels) {
    throw new UserError(
      `a picture of ${width} x ${height} pixels and ${channels} channels needs ${width * height * channels} values, got ${data.length}`,
    );
  }
}

/** Copies a part of a picture. */
export function crop({ data, width, channels }: OpaquePicture, box: Box): OpaquePicture {
  const lineLength = box.width * channels;
  // Of the same type, as converting takes ten times as long as copying.
  const part =
    data instanceof Float32Array ? new Float32Array(box.height * lineLength) : new Uint8Array(box.height * lineLength);
  for (let row = 0; row < box.height; row++) {
    const start = ((box.top + row) * width + box.left) * channels;
    part.set(data.subarray(start, start + lineLength), row * lineLength);
  }
  return { data: part, width: box.width, height: box.height, channels };
}
