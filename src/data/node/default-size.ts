import { join } from "node:path";
import { imageFileSize } from "../../formats/node/image-file.ts";
import { mapConcurrently } from "../concurrently.ts";
import { MAX_SIZE, MIN_DEFAULT_SIZE } from "./custom-data-options.ts";

/** Headers that are read at once. */
const AT_ONCE = 8;
/** Networks halve their images twice and more. */
const STEP = 4;

/** The default size of prepared images, and what it was derived from. */
export interface DefaultSize {
  /** Edge of the square images, in pixels. */
  readonly size: number;
  /** The median of the pictures' shorter edges; undefined when none can be read. */
  readonly median: number | undefined;
}

/**
 * The size that suits a folder's pictures, by their headers. Those that cannot be read do not count.
 *
 * @param files paths within `folder`
 */
export async function measurePictures(folder: string, files: readonly string[]): Promise<DefaultSize> {
  const found = await mapConcurrently(files, AT_ONCE, (file) => imageFileSize(join(folder, file)));
  const median = medianOf(found.flatMap((size) => (size ? [Math.min(size.width, size.height)] : [])));
  return { size: defaultSize(median), median };
}

/**
 * No more pixels than the pictures have, at most as many as networks take.
 *
 * @param median of the pictures' shorter edges
 */
export function defaultSize(median: number | undefined): number {
  const whole = STEP * Math.floor((median ?? 0) / STEP);
  return Math.min(Math.max(whole, MIN_DEFAULT_SIZE), MAX_SIZE);
}

function medianOf(values: number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
