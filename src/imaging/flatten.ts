import type { GroundWanted } from "./ground.ts";
import { grayWeights, type OpaquePicture, type Picture } from "./picture.ts";

/** Threshold between light and dark, of 255. */
const MIDDLE = 127.5;
/** Minimum alpha of a visible pixel. */
const VISIBLE_ALPHA = 128;
/** Minimum transparent share of a picture for the transparency to count as its background, not as a soft edge. */
const MIN_TRANSPARENT = 0.01;
/** Garments lighter than this are composited on black; others on white, the usual background of garment data sets. */
const LIGHT_GARMENT = 200;

/** A picture without transparency, and what it was composited on. */
export interface Flattened {
  readonly picture: OpaquePicture;
  /** 255 white, 0 black. */
  readonly onto: 0 | 255;
  /** Whether that is the picture's background: enough of the picture is transparent. */
  readonly isGround: boolean;
}

/**
 * Composites a picture with alpha on white, or on black where the visible part is very light. If at least a hundredth
 * of the picture is transparent, that is its background; otherwise the background has to be measured.
 *
 * @param wanted "light" or "dark" forces white or black
 * @returns a picture without alpha, values (1 - alpha) x background + alpha x colour
 */
export function flatten(picture: Picture, wanted: GroundWanted): Flattened {
  const { data, width, height, channels } = picture;
  if (channels === 1 || channels === 3)
    return { picture: { data, width, height, channels }, onto: 255, isGround: false };
  const colors = channels === 4 ? 3 : 1;
  const pixels = width * height;
  const { transparent, lightness } = lookThrough(picture, colors);
  const isDarkGround = wanted === "auto" ? lightness > LIGHT_GARMENT : wanted === "dark";
  const ground = isDarkGround ? 0 : 255;
  const flat = new Float32Array(pixels * colors);
  for (let i = 0; i < pixels; i++) {
    const alpha = data[i * channels + colors]! / 255;
    for (let c = 0; c < colors; c++) {
      flat[i * colors + c] = ground + alpha * (data[i * channels + c]! - ground);
    }
  }
  return {
    picture: { data: flat, width, height, channels: colors },
    onto: ground,
    isGround: transparent >= MIN_TRANSPARENT,
  };
}

/** The transparent part of a picture, 0 to 1, and the mean gray of what is visible, weighted by alpha. */
function lookThrough({ data, width, height, channels }: Picture, colors: 1 | 3) {
  const weights = grayWeights({ channels: colors });
  const pixels = width * height;
  let transparent = 0;
  let weight = 0;
  let sum = 0;
  for (let i = 0; i < pixels; i++) {
    const alpha = data[i * channels + colors]!;
    if (alpha < VISIBLE_ALPHA) transparent++;
    weight += alpha;
    for (let c = 0; c < colors; c++) sum += alpha * weights[c]! * data[i * channels + c]!;
  }
  return { transparent: transparent / pixels, lightness: weight === 0 ? MIDDLE : sum / weight };
}
