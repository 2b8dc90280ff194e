import type { OpaquePicture } from "./picture.ts";

/** Width of the border that shows the ground, of the shorter edge. */
const BORDER = 0.02;
/** Edge of the patch in each corner, of the shorter edge. */
const CORNER = 0.05;
/** More samples than this make the estimate no better. */
const MAX_SAMPLES = 2048;

/** Pixels along a picture's edges. Places are -1 to 1 from edge to edge. */
export interface BorderSamples {
  /** [count] */
  readonly x: Float64Array;
  /** [count] */
  readonly y: Float64Array;
  /** [count, channels] */
  readonly colors: Float64Array;
  readonly count: number;
}

/** Pixels of the border, evenly thinned out where there are many. */
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

/** The place of a pixel's centre, -1 to 1 from edge to edge. @param pixel may lie between pixels */
export function placeOf(pixel: number, size: number): number {
  return ((pixel + 0.5) / size) * 2 - 1;
}

/** The middle colour of the patch in each corner: top left, top right, bottom left, bottom right. */
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

/** The median; of an even number of values the upper of the two in the middle. */
export function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
