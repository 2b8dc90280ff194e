import type { ImageGeometry } from "./image-set.ts";

/** A movement of an image's pixels: mirrored first, then shifted. */
export interface Movement {
  /** Left becomes right. */
  readonly mirror: boolean;
  /** Top becomes bottom. */
  readonly upsideDown: boolean;
  /** Pixels; negative moves to the left. */
  readonly right: number;
  /** Pixels; negative moves up. */
  readonly down: number;
}

/**
 * Copies one image, moved, in a single pass over the destination; pixels from outside the image are black (0). All
 * channels move alike.
 *
 * @param source bytes; the image [channels, height, width] starts at `sourceOffset`
 * @param destination bytes, not overlapping the source image; the copy starts at `destinationOffset`
 */
export function moveImage(
  source: Uint8Array,
  sourceOffset: number,
  destination: Uint8Array,
  destinationOffset: number,
  { channels, height, width }: ImageGeometry,
  { mirror, upsideDown, right, down }: Movement,
): void {
  // Columns from `first` to before `end` come from the image; in a mirrored row they are read from right to left.
  const first = Math.min(Math.max(right, 0), width);
  const end = Math.max(Math.min(width + right, width), first);
  const step = mirror ? -1 : 1;
  const firstColumn = mirror ? width - 1 - (first - right) : first - right;

  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row < height; row++) {
      const to = destinationOffset + (channel * height + row) * width;
      const unshifted = row - down;
      if (unshifted < 0 || unshifted >= height) {
        destination.fill(0, to, to + width);
        continue;
      }
      const sourceRow = upsideDown ? height - 1 - unshifted : unshifted;
      let from = sourceOffset + (channel * height + sourceRow) * width + firstColumn;
      let at = to;
      for (; at < to + first; at++) destination[at] = 0;
      for (; at < to + end; at++, from += step) destination[at] = source[from]!;
      for (; at < to + width; at++) destination[at] = 0;
    }
  }
}
