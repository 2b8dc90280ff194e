import { UserError } from "../errors.ts";
import { centre, centreChannels } from "./centre.ts";
import { grayFromGround, type Origin, stretch } from "./contrast.ts";
import { cutOut } from "./cut-out.ts";
import { flatten } from "./flatten.ts";
import { findGround, type Ground, type GroundWanted, kindOfGround, plainGround } from "./ground.ts";
import { checkPicture, crop, type OpaquePicture, type Picture } from "./picture.ts";
import { fittedSize, resize } from "./resize.ts";
import { sharpen } from "./sharpen.ts";
import { enlargeBox, shrink } from "./shrink.ts";
import { findGarment } from "./trim.ts";

/** Background and garment are detected in a picture of at most this many times the target's edge. */
const COARSE = 6;

/** The size of a model's input image. */
export interface PreparationTarget {
  /** 1: gray, prepared like Fashion-MNIST; 3: colour, only resized. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Names of the steps for `onStep`, in order. */
export type PreparationStep = "flatten" | "trim" | "cut" | "resize" | "negate" | "sharpen" | "stretch" | "centre";

/** Options of the garment preparation. */
export interface PreparationOptions {
  /** Background of the garment. Default: measured at the picture's border. */
  readonly background?: GroundWanted;
  /** Called with the result of each step, which must not be modified. */
  readonly onStep?: (step: PreparationStep, picture: OpaquePicture) => void;
}

/**
 * Prepares a picture for a model as Fashion-MNIST's images were prepared (Xiao et al., 2017, section 2: trim, longest
 * edge to 28, centre, negate, gray). A pure function: the same code runs in Node and in a browser.
 *
 * A gray picture of the model's size is treated as already prepared except for its background: it is not trimmed,
 * resized or stretched, so that an image of the data set is unchanged.
 *
 * @returns pixels 0 to 255, [channels, height, width]
 * @throws UserError when the picture is malformed or a single plain colour, or the model has neither 1 nor 3 channels
 */
export function prepareImage(
  picture: Picture,
  target: PreparationTarget,
  { background = "auto", onStep = () => {} }: PreparationOptions = {},
): Uint8Array {
  checkPicture(picture);
  const flat = flatten(picture, background);
  onStep("flatten", flat.picture);
  const { channels } = flat.picture;
  const factor = Math.ceil(Math.max(picture.width, picture.height) / (COARSE * Math.max(target.width, target.height)));
  const coarse = shrink(flat.picture, factor);
  const ground = flat.isGround ? plainGround(flat.onto, channels) : findGround(coarse, background);
  if (target.channels === 3)
    return fitColor(
      flat.picture,
      target,
      ground.lights.map(({ base }) => base),
      onStep,
    );
  if (target.channels !== 1) {
    throw new UserError(`the model takes images of ${target.channels} channels; pictures can be prepared for 1 and 3`);
  }

  const { width, height } = flat.picture;
  const whole = { left: 0, top: 0, width, height };
  const isPrepared = width === target.width && height === target.height;
  const garment = findGarment(coarse, ground);
  if (!garment) throw new UserError("it is one plain colour: there is nothing to classify");
  const box = isPrepared ? whole : enlargeBox(garment, factor, flat.picture);
  const trimmed = crop(flat.picture, box);
  onStep("trim", trimmed);
  const onPlain = layOnPlain(trimmed, ground, { box, width, height });
  onStep("cut", onPlain.picture);
  const size = fittedSize(box, target);
  const resized = resize(onPlain.picture, size);
  onStep("resize", resized);
  const values = grayFromGround(resized, onPlain.ground, { box, width, height });
  onStep("negate", { data: values, ...size, channels: 1 });
  const sharp = isPrepared ? values : sharpen(values, size);
  onStep("sharpen", { data: sharp, ...size, channels: 1 });
  const stretched = isPrepared ? sharp : stretch(sharp);
  onStep("stretch", { data: stretched, ...size, channels: 1 });
  const pixels = centre(stretched, size, target);
  onStep("centre", { data: pixels, width: target.width, height: target.height, channels: 1 });
  return pixels;
}

/** Keeps a light or dark background; from any other the garment is cut out and composited on white or black. */
function layOnPlain(
  picture: OpaquePicture,
  ground: Ground,
  origin: Origin,
): { picture: OpaquePicture; ground: Ground } {
  if (kindOfGround(ground) !== "coloured") return { picture, ground };
  const laid = flatten(cutOut(picture, ground, origin), "auto");
  return { picture: laid.picture, ground: plainGround(laid.onto, picture.channels) };
}

/**
 * For models of colour pictures: the whole picture, resized by its longest edge, centred on its background's colour.
 */
function fitColor(
  picture: OpaquePicture,
  target: PreparationTarget,
  ground: readonly number[],
  onStep: NonNullable<PreparationOptions["onStep"]>,
): Uint8Array {
  const resized = resize(picture, fittedSize(picture, target));
  onStep("resize", resized);
  return centreChannels(resized, target, ground);
}
