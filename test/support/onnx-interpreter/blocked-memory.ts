import { fourSizes, type Tensor, tensor } from "./tensor.ts";

/**
 * How tensors lie in memory in the blocked layout, from MLAS's source (onnxruntime/core/mlas/lib/reorder.cpp and
 * snchwc.cpp). Shapes stay those of the canonical tensor; only the order of elements changes.
 *
 *   images                [N, C/b, H, W, b]
 *   filter of blocked x   [K/b, C/b, kh, kw, b of C, b of K]   "OIHWBiBo"
 *   filter of canonical x [K/b, C, kh, kw, b of K]             "OIHWBo"
 *   depthwise filter      [K/b, kh, kw, b]                     the same with one channel
 */

/** Position in blocked images of the pixel at `position` of plane (n, c). */
function imageAt(n: number, c: number, position: number, channels: number, positions: number, block: number): number {
  return (n * channels + Math.floor(c / block) * block) * positions + position * block + (c % block);
}

/** Visits every element of images [N, C, H, W]: its canonical and its blocked position. */
function forEachPixel(
  [batch, channels, height, width]: readonly [number, number, number, number],
  block: number,
  visit: (canonical: number, blocked: number) => void,
): void {
  const positions = height * width;
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++)
      for (let position = 0; position < positions; position++) {
        visit((n * channels + c) * positions + position, imageAt(n, c, position, channels, positions, block));
      }
}

/** Canonical images in blocked order. */
export function blockImages(x: Tensor, block: number): Tensor {
  const y = new Float64Array(x.data.length);
  forEachPixel(fourSizes(x), block, (canonical, blocked) => {
    y[blocked] = x.data[canonical]!;
  });
  return tensor(x.shape, y);
}

/** Blocked images in canonical order. */
export function unblockImages(x: Tensor, block: number): Tensor {
  const y = new Float64Array(x.data.length);
  forEachPixel(fourSizes(x), block, (canonical, blocked) => {
    y[canonical] = x.data[blocked]!;
  });
  return tensor(x.shape, y);
}

/** A filter of canonical shape [K, C, kh, kw] in canonical order, whose input channels lie in blocks of `inputBlock`. */
export function unblockFilter(filter: Tensor, inputBlock: number, block: number): Tensor {
  const [outputs, channels, height, width] = fourSizes(filter);
  const taps = height * width;
  const y = new Float64Array(filter.data.length);
  for (let k = 0; k < outputs; k++)
    for (let c = 0; c < channels; c++)
      for (let tap = 0; tap < taps; tap++) {
        const outputBlock = Math.floor(k / block) * block * channels * taps;
        const channelBlock = Math.floor(c / inputBlock) * inputBlock * block * taps;
        const within = (tap * inputBlock + (c % inputBlock)) * block + (k % block);
        y[(k * channels + c) * taps + tap] = filter.data[outputBlock + channelBlock + within]!;
      }
  return tensor(filter.shape, y);
}
