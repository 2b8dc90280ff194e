import type { Fit } from "../../imaging/fit-picture.ts";

/** Edges of images that networks are trained on, in pixels. */
export const MIN_SIZE = 8;
export const MAX_SIZE = 64;

/** How data of one's own becomes images. */
export interface CustomDataOptions {
  /** Edge of the square images, 8 to 64. Default: by the pictures, 28 to 64 (`defaultSize`); what IDX files have. */
  readonly size?: number | undefined;
  /** 1: gray; 3: colour. Default: colour where a picture has some. */
  readonly channels?: 1 | 3 | undefined;
  /** What becomes of pictures that are not square. Default: crop. */
  readonly fit?: Fit | undefined;
  /** Leave out pictures that cannot be read, rather than refuse the folder. */
  readonly skipUnreadable?: boolean | undefined;
}

/** Of the square images that pictures become, in pixels: at least so much unless a smaller size is given. */
export const MIN_DEFAULT_SIZE = 28;
export const DEFAULT_FIT: Fit = "crop";
