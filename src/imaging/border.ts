import type { OpaquePicture } from "./picture.ts";

/** Width of the border in which the background is sampled, as a share of the shorter edge. */
const BORDER = 0.02;
/** Edge of the patch in each corner, as a share of the shorter edge. */
const CORNER = 0.05;
/** Maximum number of samples; more do not improve the estimate. */
const MAX_SAMPLES = 2048;

/** Pixels along a picture's edges. Coordinates run from -1 to 1 from edge to edge. */
export interface BorderSamples {
  /** [count] */
  readonly x: Float64Array;
  /** [count] */
  readonly y: Float64Array;
  /** [count, channels] */
  readonly colors: Float64Array;
  readonly count: number;
}

/** Samples the border's pixels; where there are many, evenly subsampled. */
export function borderSamples({ data, width, height, channels }: OpaquePicture): BorderSamples {
  const ring = Math.max(1, Math.round(BORDER * Math.min(width, height)));
  const places: number[] = [];
  for (let row = 0; row < height; row++) {
    const isWhole = row < ring || row >= height - ring;
    for (let column = 0; column < width; column++) {
      if (!isWhole && column === ring && width > 2 * ring) column = width - ring;
      places.push(row * width + column);
    }
  }
  const step = Math.max(1, places.length / MAX_SAMPLES);
  const count = Math.floor(places.length / step);
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  const colors = new Float64Array(count * channels);
  for (let i = 0; i < count; i++) {
    const place = places[Math.floor(i * step)]!;
    x[i] = placeOf(place % width, width);
    y[i] = placeOf(Math.floor(place / width), height);
    for (let c = 0; c < channels; c++) colors[i * channels + c] = data[place * channels + c]!;
  }
  return { x, y, colors, count };
}

/** The coordinate of a pixel's centre, -1 to 1 from edge to edge. @param pixel its index, possibly fractional */
export function placeOf(pixel: number, size: number): number {
  return ((pixel + 0.5) / size) * 2 - 1;
}

/** The median colour of the patch in each corner: top left, top right, bottom left, bottom right. */
export function cornerColors({ data, width, height, channels }: OpaquePicture): number[][] {
  const edge = Math.max(1, Math.round(CORNER * Math.min(width, height)));
  return [0, height - edge].flatMap((top) =>
    [0, width - edge].map((left) =>
      Array.from({ length: channels }, (_, c) => {
        const values: number[] = [];
        for (let row = top; row < top + edge; row++) {
          for (let column = left; column < left + edge; column++) {
            values.push(data[(row * width + column) * channels + c]!);
          }
        }
        return middle(values);
      }),
    ),
  );
}

/** The median; for an even number of values the upper of the two middle ones. */
export function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
