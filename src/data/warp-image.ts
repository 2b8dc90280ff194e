import type { RandomStream } from "../random.ts";
import type { ImageGeometry } from "./image-set.ts";
import type { Movement } from "./move-image.ts";

/**
 * Random resized crop (Szegedy et al., "Going Deeper with Convolutions", arXiv 1409.4842, section 6; options and draws
 * as torchvision's `RandomResizedCrop`): a random part of the image is resized to the whole.
 */
export interface RandomResizedCrop {
  /** Minimum and maximum share of the image's area, uniform in between. */
  readonly scale: readonly [number, number];
  /** Minimum and maximum width / height of the part; its logarithm is uniform in between. */
  readonly ratio: readonly [number, number];
}

/** Geometric transformations that interpolate between pixels; those left out are off. */
export interface WarpOptions {
  readonly randomResizedCrop?: RandomResizedCrop | undefined;
  /** Maximum angle in degrees, to either side; uniform. */
  readonly rotation?: number | undefined;
  /** Minimum and maximum magnification about the centre, 1 for none; its logarithm is uniform in between. */
  readonly zoom?: readonly [number, number] | undefined;
}

/** Where a pixel of the result is in the source: x = xx column + xy row + x0, y alike, in pixels of the source. */
export interface Warp {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

/** As torchvision's: then the largest centred part is used whose ratio is allowed. */
const ATTEMPTS = 10;

/** A part of an image, in pixels; its centre relative to the image's. */
export interface CropBox {
  readonly width: number;
  readonly height: number;
  readonly right: number;
  readonly down: number;
}

/** Draws the part of a random resized crop. Unlike torchvision's, it need not consist of whole pixels. */
export function drawCrop(
  { width, height }: ImageGeometry,
  { scale, ratio }: RandomResizedCrop,
  stream: RandomStream,
): CropBox {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = (scale[0] + (scale[1] - scale[0]) * stream.uniform()) * width * height;
    const aspect = logUniform(ratio, stream);
    const box = { width: Math.sqrt(area * aspect), height: Math.sqrt(area / aspect) };
    if (box.width > width || box.height > height) continue;
    const right = (stream.uniform() - 0.5) * (width - box.width);
    const down = (stream.uniform() - 0.5) * (height - box.height);
    return { ...box, right, down };
  }
  return { width: Math.min(width, height * ratio[1]), height: Math.min(height, width / ratio[0]), right: 0, down: 0 };
}

/**
 * Draws a warp: the image is mirrored, cropped and resized, rotated and magnified about its centre, then shifted. As it
 * is one map, pixels from around the crop are there when it is rotated.
 *
 * It always draws the angle, the magnification and then the crop, so that they do not depend on each other.
 *
 * @param stream the image's own @param movement known before: flips and a shift
 */
export function drawWarp(
  image: ImageGeometry,
  { randomResizedCrop, rotation = 0, zoom = [1, 1] }: WarpOptions,
  stream: RandomStream,
  { mirror, upsideDown, right, down }: Movement,
): Warp {
  const angle = ((2 * stream.uniform() - 1) * rotation * Math.PI) / 180;
  const magnification = logUniform(zoom, stream);
  const { width, height } = image;
  const crop = randomResizedCrop ? drawCrop(image, randomResizedCrop, stream) : { width, height, right: 0, down: 0 };

  // Backwards, from the result's pixel: shifted back, divided by the magnification, rotated back, shrunk into the crop,
  // mirrored. Coordinates are relative to the centre, which is between pixels where their number is even.
  const signX = mirror ? -1 : 1;
  const signY = upsideDown ? -1 : 1;
  const scaleX = (signX * crop.width) / width / magnification;
  const scaleY = (signY * crop.height) / height / magnification;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [xx, xy] = [scaleX * cos, -scaleX * sin];
  const [yx, yy] = [scaleY * sin, scaleY * cos];
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const [fromX, fromY] = [centreX + right, centreY + down];
  return {
    xx,
    xy,
    x0: centreX + signX * crop.right - xx * fromX - xy * fromY,
    yx,
    yy,
    y0: centreY + signY * crop.down - yx * fromX - yy * fromY,
  };
}

/**
 * Copies one image, warped, with bilinear interpolation; outside the image it continues mirrored at its edges (`b a | a
 * b c | c b`), as black corners would be something to learn. All channels move alike.
 *
 * @param source bytes; the image [channels, height, width] starts at `sourceOffset`
 * @param destination bytes, not overlapping the source image; the copy starts at `destinationOffset`
 */
export function warpImage(
  source: Uint8Array,
  sourceOffset: number,
  destination: Uint8Array,
  destinationOffset: number,
  { channels, height, width }: ImageGeometry,
  { xx, xy, x0, yx, yy, y0 }: Warp,
): void {
  const plane = height * width;
  for (let row = 0; row < height; row++) {
    const startX = xy * row + x0;
    const startY = yy * row + y0;
    for (let column = 0; column < width; column++) {
      const x = xx * column + startX;
      const y = yx * column + startY;
      let left = Math.floor(x);
      let top = Math.floor(y);
      const fromRight = x - left;
      const fromBelow = y - top;
      let right = left + 1;
      let below = top + 1;
      if (left < 0 || right >= width || top < 0 || below >= height) {
        left = reflect(left, width);
        right = reflect(right, width);
        top = reflect(top, height);
        below = reflect(below, height);
      }
      let upper = sourceOffset + top * width;
      let lower = sourceOffset + below * width;
      let to = destinationOffset + row * width + column;
      for (let channel = 0; channel < channels; channel++) {
        const above = source[upper + left]! + fromRight * (source[upper + right]! - source[upper + left]!);
        const under = source[lower + left]! + fromRight * (source[lower + right]! - source[lower + left]!);
        destination[to] = above + fromBelow * (under - above) + 0.5;
        upper += plane;
        lower += plane;
        to += plane;
      }
    }
  }
}

/** The index in 0..size - 1 that a sequence mirrored at both ends, edges repeated, has at `index`. */
export function reflect(index: number, size: number): number {
  const period = 2 * size;
  const within = ((index % period) + period) % period;
  return within < size ? within : period - 1 - within;
}

function logUniform([least, largest]: readonly [number, number], stream: RandomStream): number {
  return least * (largest / least) ** stream.uniform();
}
