import type { Fit } from "../../imaging/fit-picture.ts";

/** Range of the edge of training images, in pixels. */
export const MIN_SIZE = 8;
export const MAX_SIZE = 64;

/** How custom data is converted to images. */
export interface CustomDataOptions {
  /**
   * Edge of the square images, 8 to 64. Default: derived from the pictures, 28 to 64 (`defaultSize`); IDX files keep
   * theirs.
   */
  readonly size?: number | undefined;
  /** 1: gray; 3: colour. Default: colour if any picture has colour. */
  readonly channels?: 1 | 3 | undefined;
  /** How pictures that are not square are resized. Default: crop. */
  readonly fit?: Fit | undefined;
  /** Skip unreadable pictures instead of failing. */
  readonly skipUnreadable?: boolean | undefined;
}

/** Minimum default edge of square images, in pixels; an explicit size may be smaller. */
export const MIN_DEFAULT_SIZE = 28;
export const DEFAULT_FIT: Fit = "crop";
