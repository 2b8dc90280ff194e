import type { Fit } from "../../imaging/fit-picture.ts";

/** Range of the edge of training images, in pixels. */
export const MIN_SIZE = 8;
export const MAX_SIZE = 224;

/** How custom data is converted to images. */
export interface CustomDataOptions {
  /**
   * Edge of the square images, 8 to 224. Default: derived from the pictures, 28 to `maxDefaultSize` (`defaultSize`);
   * IDX files keep theirs.
   */
  readonly size?: number | undefined;
  /** Maximum default edge, the network's (`Model.maxDefaultSize`). Default: 64. */
  readonly maxDefaultSize?: number | undefined;
  /** 1: gray; 3: colour. Default: colour if any picture has colour. */
  readonly channels?: 1 | 3 | undefined;
  /** How pictures that are not square are resized. Default: crop. */
  readonly fit?: Fit | undefined;
  /**
   * A regular expression with one group, which is the class in the name of a picture's file: `^(.+?)_\\d+`. Default:
   * classes are folders, or in a table.
   */
  readonly labelFrom?: string | undefined;
  /** Skip unreadable pictures instead of failing. */
  readonly skipUnreadable?: boolean | undefined;
}

export const DEFAULT_FIT: Fit = "crop";
