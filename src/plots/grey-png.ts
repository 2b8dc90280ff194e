import { encode } from "fast-png";

interface GreyImage {
  /** 0 black to 255 white, row by row. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * A grey image as a PNG file inside a data: address, every pixel as a square of `scale` times `scale`: what shows it
 * larger would else smooth it.
 *
 * @throws RangeError when there are not width times height pixels
 */
export function greyPngUri({ pixels, width, height }: GreyImage, scale: number): string {
  if (!(pixels.length === width * height && pixels.length > 0)) {
    throw new RangeError(`${pixels.length} pixels are no image of ${width} x ${height}`);
  }
  const [wide, high] = [width * scale, height * scale];
  const data = Uint8Array.from({ length: wide * high }, (_, i) => {
    const [row, column] = [Math.floor(i / wide / scale), Math.floor((i % wide) / scale)];
    return pixels[row * width + column]!;
  });
  const bytes = encode({ data, width: wide, height: high, channels: 1, depth: 8 });
  return `data:image/png;base64,${btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""))}`;
}
