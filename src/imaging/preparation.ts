import { z } from "zod";
import { FITS, type Fit, fitPicture } from "./fit-picture.ts";
import type { Picture } from "./picture.ts";
import { type PreparationOptions, type PreparationTarget, prepareImage } from "./prepare-image.ts";

/**
 * What turns a picture into what a network was trained on. garment: as Fashion-MNIST was made (`prepareImage`); fit: only
 * its size and channels are changed (`fitPicture`). It is kept with a run and in its model file, so that pictures are
 * prepared in use as they were in training.
 */
export type Preparation = { readonly kind: "garment" } | { readonly kind: "fit"; readonly fit: Fit };

export const preparationSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("garment") }),
  z.strictObject({ kind: z.literal("fit"), fit: z.enum(FITS) }),
]) satisfies z.ZodType<Preparation>;

/** Of Fashion-MNIST, and of whatever says nothing else. */
export const GARMENT: Preparation = { kind: "garment" };

/** A decoder need not give a picture larger than this: edges in pixels. */
export interface DecodedSize {
  readonly edge: number;
  /** Which of the picture's edges comes down to it. */
  readonly of: "longer" | "shorter";
}

/** Garments are looked for in pictures of this edge: 18 times that of the images that come of it. */
const GARMENT_EDGE = 512;
/** A picture that is only fitted is decoded at so many times the target's edge. */
const FIT_FACTOR = 4;

/** How large a picture is decoded before it is prepared: part of the preparation, as shrinking in two steps rounds twice. */
export function decodedSize(preparation: Preparation, { height, width }: PreparationTarget): DecodedSize {
  if (preparation.kind === "garment") return { edge: GARMENT_EDGE, of: "longer" };
  return { edge: FIT_FACTOR * Math.max(height, width), of: preparation.fit === "pad" ? "longer" : "shorter" };
}

/**
 * Prepares a decoded picture for a network.
 *
 * @param options of the garment's preparation; the other has none
 * @returns pixels 0 to 255, [channels, height, width]
 * @throws UserError when the picture is malformed, or nothing can be found in it
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
