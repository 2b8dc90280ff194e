import { z } from "zod";
import { FITS, type Fit, fitPicture } from "./fit-picture.ts";
import type { Picture } from "./picture.ts";
import { type PreparationOptions, type PreparationTarget, prepareImage } from "./prepare-image.ts";

/**
 * How pictures are converted to a network's input. garment: as Fashion-MNIST was made (`prepareImage`); fit: only size
 * and channels are changed (`fitPicture`). It is saved with a run and in its model file, so that pictures are prepared
 * in inference as they were in training.
 */
export type Preparation = { readonly kind: "garment" } | { readonly kind: "fit"; readonly fit: Fit };

export const preparationSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("garment") }),
  z.strictObject({ kind: z.literal("fit"), fit: z.enum(FITS) }),
]) satisfies z.ZodType<Preparation>;

/** The preparation of Fashion-MNIST; the default where none is recorded. */
export const GARMENT: Preparation = { kind: "garment" };

/** The size to which a decoder may shrink a picture, in pixels. */
export interface DecodedSize {
  readonly edge: number;
  /** The edge that is shrunk to it. */
  readonly of: "longer" | "shorter";
}

/** Garments are detected in pictures of this edge: 18 times that of the resulting images. */
const GARMENT_EDGE = 512;
/** Pictures that are only fitted are decoded at this many times the target's edge. */
const FIT_FACTOR = 4;

/** The size at which pictures are decoded. It is part of the preparation, as shrinking in two steps rounds twice. */
export function decodedSize(preparation: Preparation, { height, width }: PreparationTarget): DecodedSize {
  if (preparation.kind === "garment") return { edge: GARMENT_EDGE, of: "longer" };
  return { edge: FIT_FACTOR * Math.max(height, width), of: preparation.fit === "pad" ? "longer" : "shorter" };
}

/**
 * Prepares a decoded picture for a network.
 *
 * @param options of the garment preparation; ignored by "fit"
 * @returns pixels 0 to 255, [channels, height, width]
 * @throws UserError when the picture is malformed, or no garment is found in it
 */
export function prepareAs(
  preparation: Preparation,
  picture: Picture,
  target: PreparationTarget,
  options: PreparationOptions = {},
): Uint8Array {
  switch (preparation.kind) {
    case "garment":
      return prepareImage(picture, target, options);
    case "fit":
      return fitPicture(picture, target, preparation.fit);
    default:
      return preparation satisfies never;
  }
}
