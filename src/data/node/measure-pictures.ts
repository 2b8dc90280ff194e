import { join } from "node:path";
import { imageFileSize } from "../../formats/node/image-file.ts";
import { mapConcurrently } from "../concurrently.ts";
import { defaultSize, medianOf } from "../default-size.ts";

/** Number of headers read concurrently. */
const AT_ONCE = 8;

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
