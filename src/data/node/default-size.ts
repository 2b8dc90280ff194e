import { join } from "node:path";
import { imageFileSize } from "../../formats/node/image-file.ts";
import { mapConcurrently } from "../concurrently.ts";
import { MAX_DEFAULT_SIZE, MIN_DEFAULT_SIZE } from "./custom-data-options.ts";

/** Number of headers read concurrently. */
const AT_ONCE = 8;
/** Sizes are multiples of this, as networks halve their images at least twice. */
const STEP = 4;

/** The default size of prepared images, and what it was derived from. */
export interface DefaultSize {
  /** Edge of the square images, in pixels. */
  readonly size: number;
  /** Median of the pictures' shorter edges; undefined when none can be read. */
  readonly median: number | undefined;
}

/**
 * Chooses the image size for a folder's pictures from their headers. Unreadable pictures are ignored.
 *
 * @param files paths within `folder` @param most as for `defaultSize`
 */
export async function measurePictures(
  folder: string,
  files: readonly string[],
  most: number | undefined,
): Promise<DefaultSize> {
  const found = await mapConcurrently(files, AT_ONCE, (file) => imageFileSize(join(folder, file)));
  const median = medianOf(found.flatMap((size) => (size ? [Math.min(size.width, size.height)] : [])));
  return { size: defaultSize(median, most), median };
}

/**
 * Default image size: no larger than the pictures, within the supported range.
 *
 * @param median of the pictures' shorter edges, in pixels @param most the network's maximum
 */
export function defaultSize(median: number | undefined, most = MAX_DEFAULT_SIZE): number {
  const whole = STEP * Math.floor((median ?? 0) / STEP);
  return Math.min(Math.max(whole, MIN_DEFAULT_SIZE), most);
}

/** @returns undefined for no values */
export function medianOf(values: number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
