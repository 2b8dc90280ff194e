import { type BorderSamples, borderSamples, cornerColors, middle } from "./border.ts";
import { fitLight, type Light, lightAt } from "./fit-light.ts";
import { grayWeights, type OpaquePicture } from "./picture.ts";

/** Which background to look for: any, a light one or a dark one. */
export type GroundWanted = "auto" | "light" | "dark";

/** The background behind the garment: one colour, possibly in uneven light. */
export interface Ground {
  /** [channels] */
  readonly lights: readonly Light[];
  /** Noise of the background, of 255: 95 % of its pixels on the border are nearer to its colour than this. */
  readonly noise: number;
}

/** Maximum difference (root mean square over the channels) that still counts as the same background, of 255. */
const TOLERANCE = 24;
/** Threshold between light and dark, of 255. */
const MIDDLE = 127.5;
/** Backgrounds lighter (darker) than this gray value, of 255, are treated as white (black). */
const LIGHT_FROM = 170;
const DARK_TO = 60;
/** Maximum difference between the channels of a gray background, of 255: paper and skin have less, colours more. */
const MAX_CHROMA = 48;
/** Uneven light is accepted if it reduces the border's spread to this, or covers this many times more of its pixels. */
const SMALLER_SPREAD = 0.7;
const MORE_PIXELS = 1.1;
/** Spread, of 255, below which uneven light is not considered. */
const FLAT_SPREAD = 2;
/** Number of fits of the light, each to the pixels that the previous one included. */
const ROUNDS = 4;
/** Share of the background's pixels that are not outliers. */
const NOISE_PART = 0.95;

/**
 * Finds the background of a picture from its border: of the corners' colours and the border's median colour, the one
 * that most of the border shares, with uneven light where the border shows it. A garment may touch the border as long
 * as it does not cover most of it.
 *
 * @param wanted "light" and "dark" consider only such colours, and use white or black where the border has none
 */
export function findGround(picture: OpaquePicture, wanted: GroundWanted): Ground {
  const border = borderSamples(picture);
  const { channels } = picture;
  const average = Array.from({ length: channels }, (_, c) =>
    middle(Array.from({ length: border.count }, (_, i) => border.colors[i * channels + c]!)),
  );
  const candidates = distinct([average, ...cornerColors(picture)]).filter((color) => {
    const isLight = grayOf(color) > MIDDLE;
    return wanted === "auto" || isLight === (wanted === "light");
  });
  if (candidates.length === 0) return plainGround(wanted === "light" ? 255 : 0, channels);
  const flat = candidates
    .map((color) => centred(supported(border, plain(color)), border))
    .reduce((best, other) => (other.members.length > best.members.length ? other : best));
  const found = inUnevenLight(flat, border);
  return { lights: found.lights, noise: seedSpread(found, border, NOISE_PART) };
}

/** Kind of a background: near white, near black, or anything else. */
export function kindOfGround({ lights }: Ground): "light" | "dark" | "coloured" {
  const color = lights.map(({ base }) => base);
  if (Math.max(...color) - Math.min(...color) > MAX_CHROMA) return "coloured";
  const gray = grayOf(color);
  if (gray >= LIGHT_FROM) return "light";
  return gray <= DARK_TO ? "dark" : "coloured";
}

/** A background of a uniform known gray, without noise. */
export function plainGround(gray: number, channels: 1 | 3): Ground {
  return { lights: plain(Array.from({ length: channels }, () => gray)), noise: 0 };
}

/** The background's value at (x, y) in channel `c`. */
export function groundAt({ lights }: Pick<Ground, "lights">, c: number, x: number, y: number): number {
  return lightAt(lights[c]!, x, y);
}

/** A background and the border's pixels that belong to it. */
interface Supported {
  readonly lights: Ground["lights"];
  readonly members: readonly number[];
}

function plain(color: readonly number[]): Ground["lights"] {
  return color.map((base) => ({ base, right: 0, down: 0, outward: 0 }));
}

function grayOf(color: readonly number[]): number {
  const weights = grayWeights({ channels: color.length === 3 ? 3 : 1 });
  return color.reduce((sum, value, c) => sum + value * weights[c]!, 0);
}

/** Removes repeated colours: the corners of a plain background are all the same. */
function distinct(colors: readonly (readonly number[])[]): (readonly number[])[] {
  return [...new Map(colors.map((color) => [color.join(), color])).values()];
}

function supported(border: BorderSamples, lights: Ground["lights"]): Supported {
  const members = Array.from({ length: border.count }, (_, i) => i).filter(
    (i) => distance(border, i, lights) <= TOLERANCE,
  );
  return { lights, members };
}

/** Sets the colour to the median of the members, so that one noisy corner does not shift it. */
function centred({ members, lights }: Supported, border: BorderSamples): Supported {
  if (members.length === 0) return { members, lights };
  const channels = lights.length;
  return supported(border, plain(lights.map((_, c) => middle(members.map((i) => border.colors[i * channels + c]!)))));
}

/** Fits uneven light and adds the pixels that then belong to the background, a few times in turn. */
function follow(flat: Supported, border: BorderSamples): Supported {
  let found = flat;
  for (let round = 0; round < ROUNDS; round++) {
    const lights = fitLight(border, found.members, flat.lights.length);
    if (!lights) return flat;
    found = supported(border, lights);
  }
  return found;
}

/** Uneven light, if that improves the fit enough: a garment at the border must not distort a flat background. */
function inUnevenLight(flat: Supported, border: BorderSamples): Supported {
  const spread = seedSpread(flat, border, 0.5);
  if (spread <= FLAT_SPREAD) return flat;
  const uneven = follow(flat, border);
  if (uneven.members.length < flat.members.length) return flat;
  const explainsMore = uneven.members.length > MORE_PIXELS * flat.members.length;
  return explainsMore || seedSpread(uneven, border, 0.5) < SMALLER_SPREAD * spread ? uneven : flat;
}

/** The distance from the background that `part` of its members do not exceed. */
function seedSpread({ members, lights }: Supported, border: BorderSamples, part: number): number {
  if (members.length === 0) return 0;
  const distances = members.map((i) => distance(border, i, lights)).sort((a, b) => a - b);
  return distances[Math.min(distances.length - 1, Math.floor(part * distances.length))]!;
}

/** Root mean square difference over the channels. */
function distance({ x, y, colors }: BorderSamples, i: number, lights: Ground["lights"]): number {
  const channels = lights.length;
  let sum = 0;
  for (let c = 0; c < channels; c++) {
    sum += (colors[i * channels + c]! - groundAt({ lights }, c, x[i]!, y[i]!)) ** 2;
  }
  return Math.sqrt(sum / channels);
}
