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

/** Ground and garment are looked for in a picture of at most so many times the target's edge. */
const COARSE = 6;

/** What a model takes: the axes of one image. */
export interface PreparationTarget {
  /** 1: gray, prepared as Fashion-MNIST was; 3: colour, as it is. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** The steps in their order, as `onStep` names them. */
export type PreparationStep = "flatten" | "trim" | "cut" | "resize" | "negate" | "sharpen" | "stretch" | "centre";

/** Of the preparation that garments get. */
export interface PreparationOptions {
  /** What the garment lies on. Default: measured at the picture's border. */
  readonly background?: GroundWanted;
  /** Shown what each step made. The pixels are the step's own: to be looked at, not changed. */
  readonly onStep?: (step: PreparationStep, picture: OpaquePicture) => void;
}

/**
 * Prepares a picture for a model as the images that it was trained on were prepared (Xiao et al., 2017, section 2: trim,
 * longest edge to 28, centre, negate, gray). Pure: the same code runs in Node and in a browser.
 *
 * A gray picture that already has the model's size counts as prepared but for its ground: nothing is trimmed, resized or
 * stretched, so an image of the data set comes out as it went in.
 *
 * @returns pixels 0 to 255, [channels, height, width]
 * @throws UserError when the picture is malformed, or one plain colour; or the model takes neither 1 nor 3 channels
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

/** A light or dark ground stays; from any other the garment is cut out and laid on white, or black. */
function layOnPlain(
  picture: OpaquePicture,
  ground: Ground,
  origin: Origin,
): { picture: OpaquePicture; ground: Ground } {
  if (kindOfGround(ground) !== "coloured") return { picture, ground };
  const laid = flatten(cutOut(picture, ground, origin), "auto");
  return { picture: laid.picture, ground: plainGround(laid.onto, picture.channels) };
}

/** The whole picture, its longest edge fitted, in the middle of its ground's colour: for models of colour pictures. */
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
