import { centreChannels } from "./centre.ts";
import { flatten } from "./flatten.ts";
import { checkPicture, crop, grayWeights, type OpaquePicture, type Picture } from "./picture.ts";
import { fittedSize, resize } from "./resize.ts";

/**
 * How a picture of another aspect ratio is resized. crop: the largest centred part of the target's aspect ratio (as
 * torchvision's Resize and CenterCrop, and fastai); pad: the whole picture, centred on black; stretch: the whole
 * picture, its aspect ratio changed (as Keras).
 */
export type Fit = "crop" | "pad" | "stretch";
export const FITS = ["crop", "pad", "stretch"] as const satisfies readonly Fit[];

/** Target of the resizing: 1 channel is gray (Rec. 709 luma), 3 are red, green and blue. */
export interface FitTarget {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Fits a picture to a size, regardless of its content: transparency is composited on white, colours are converted to
 * gray for 1 channel, the picture is cropped or padded and resized (Catmull-Rom's cubic). A picture that already has
 * the size and channels is unchanged.
 *
 * @param target with 1 or 3 channels
 * @returns pixels 0 to 255, [channels, height, width]
 * @throws UserError when the picture is malformed
 */
export function fitPicture(picture: Picture, target: FitTarget, fit: Fit): Uint8Array {
  checkPicture(picture);
  const opaque = flatten(picture, "light").picture;
  const colored = target.channels === 1 ? toGray(opaque) : opaque;
  const part = fit === "crop" ? middle(colored, target) : colored;
  const size = fit === "stretch" ? target : fittedSize(part, target);
  return centreChannels(resize(part, size), target);
}

function toGray(picture: OpaquePicture): OpaquePicture {
  const { data, width, height, channels } = picture;
  if (channels === 1) return picture;
  const [red, green, blue] = grayWeights(picture) as [number, number, number];
  const gray = new Float32Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i++, at += channels) {
    gray[i] = red * data[at]! + green * data[at + 1]! + blue * data[at + 2]!;
  }
  return { data: gray, width, height, channels: 1 };
}

/** The largest centred part of a picture with the target's aspect ratio; at least one pixel wide and high. */
function middle(picture: OpaquePicture, target: FitTarget): OpaquePicture {
  const { width, height } = picture;
  const scale = Math.min(width / target.width, height / target.height);
  const box = {
    width: Math.max(1, Math.round(target.width * scale)),
    height: Math.max(1, Math.round(target.height * scale)),
  };
  if (box.width === width && box.height === height) return picture;
  return crop(picture, {
    ...box,
    left: Math.floor((width - box.width) / 2),
    top: Math.floor((height - box.height) / 2),
  });
}
