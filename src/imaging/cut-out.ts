import type { Origin } from "./contrast.ts";
import { distanceFromGround } from "./contrast.ts";
import type { Ground } from "./ground.ts";
import type { OpaquePicture, Picture } from "./picture.ts";

/** Width of the transition from background to garment, in distance from the background beyond its noise, of 255. */
const SOFT_EDGE = 20;
/** Distance, of 255, that compression alone causes. */
const MIN_NOISE = 6;

/**
 * Cuts a garment out of a coloured background: alpha rises from 0 for the background's colour (and its noise) to 255.
 *
 * @returns the picture's colours with an alpha channel
 */
export function cutOut(picture: OpaquePicture, ground: Ground, origin: Origin): Picture {
  const { data, width, height } = picture;
  const colors = picture.channels;
  const distance = distanceFromGround(picture, ground, origin);
  const noise = Math.max(MIN_NOISE, ground.noise);
  const channels = colors === 3 ? 4 : 2;
  const result = new Float32Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < colors; c++) result[i * channels + c] = data[i * colors + c]!;
    result[i * channels + colors] = 255 * Math.min(1, Math.max(0, (distance[i]! - noise) / SOFT_EDGE));
  }
  return { data: result, width, height, channels };
}
