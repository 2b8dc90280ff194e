import { type BorderSamples, borderSamples, cornerColors, middle } from "./border.ts";
import { fitLight, type Light, lightAt } from "./fit-light.ts";
import { grayWeights, type OpaquePicture } from "./picture.ts";

/** Which ground to look for: any, a light one or a dark one. */
export type GroundWanted = "auto" | "light" | "dark";

/** What lies behind the garment: a colour in light that need not be even. */
export interface Ground {
  /** [channels] */
  readonly lights: readonly Light[];
  /** How far the ground's own pixels reach from that colour, of 255: 19 of 20 on the border are nearer. */
  readonly noise: number;
}

/** Root mean square over the channels of a difference that still counts as the same ground, of 255. */
const TOLERANCE = 24;
/** Where light and dark part, of 255. */
const MIDDLE = 127.5;
/** Gray, of 255, from which on a ground is as good as white, and to which it is as good as black. */
const LIGHT_FROM = 170;
const DARK_TO = 60;
/** Between the largest and the smallest channel, of 255: paper and skin have less, colours more. */
const MAX_CHROMA = 48;
/** Uneven light must explain so much of the border's spread, or so many more of its pixels, to be believed. */
const SMALLER_SPREAD = 0.7;
const MORE_PIXELS = 1.1;
/** A spread, of 255, below which there is nothing to explain. */
const FLAT_SPREAD = 2;
/** Fits of the light, each to the pixels that the one before took in. */
const ROUNDS = 4;
/** Of the ground's pixels, those that are no outliers. */
const NOISE_PART = 0.95;

/**
 * The ground of a picture, from its border: of the corners' colours and the border's middle colour the one that most of
 * the border shares, in uneven light where the border tells so. A garment may touch the border as long as it does not cover most of it.
 *
 * @param wanted "light" and "dark" consider such colours only, and take white or black where the border has none
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

/** What a ground is: near white, near black, or a colour or middle gray. */
export function kindOfGround({ lights }: Ground): "light" | "dark" | "coloured" {
  const color = lights.map(({ base }) => base);
  if (Math.max(...color) - Math.min(...color) > MAX_CHROMA) return "coloured";
  const gray = grayOf(color);
  if (gray >= LIGHT_FROM) return "light";
  return gray <= DARK_TO ? "dark" : "coloured";
}

/** A ground of one known gray, without noise. */
export function plainGround(gray: number, channels: 1 | 3): Ground {
  return { lights: plain(Array.from({ length: channels }, () => gray)), noise: 0 };
}

/** The ground's colour at a place, channel `c`. */
export function groundAt({ lights }: Pick<Ground, "lights">, c: number, x: number, y: number): number {
  return lightAt(lights[c]!, x, y);
}

/** A ground and the border's pixels that belong to it. */
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

/** Each colour once, in its first place: the corners of a plain ground are all the same. */
function distinct(colors: readonly (readonly number[])[]): (readonly number[])[] {
  return [...new Map(colors.map((color) => [color.join(), color])).values()];
}

function supported(border: BorderSamples, lights: Ground["lights"]): Supported {
  const members = Array.from({ length: border.count }, (_, i) => i).filter(
    (i) => distance(border, i, lights) <= TOLERANCE,
  );
  return { lights, members };
}

/** The same with the middle colour of its members, so that one noisy corner does not shift it. */
function centred({ members, lights }: Supported, border: BorderSamples): Supported {
  if (members.length === 0) return { members, lights };
  const channels = lights.length;
  return supported(border, plain(lights.map((_, c) => middle(members.map((i) => border.colors[i * channels + c]!)))));
}

/** Lets the light be uneven, and takes in what then belongs to it, a few times over. */
function follow(flat: Supported, border: BorderSamples): Supported {
  let found = flat;
  for (let round = 0; round < ROUNDS; round++) {
    const lights = fitLight(border, found.members, flat.lights.length);
    if (!lights) return flat;
    found = supported(border, lights);
  }
  return found;
}

/** A ground in uneven light, if that explains enough to be believed: a garment at the border must not bend a flat ground. */
function inUnevenLight(flat: Supported, border: BorderSamples): Supported {
  const spread = seedSpread(flat, border, 0.5);
  if (spread <= FLAT_SPREAD) return flat;
  const uneven = follow(flat, border);
  if (uneven.members.length < flat.members.length) return flat;
  const explainsMore = uneven.members.length > MORE_PIXELS * flat.members.length;
  return explainsMore || seedSpread(uneven, border, 0.5) < SMALLER_SPREAD * spread ? uneven : flat;
}

/** The distance from the ground that `part` of its members do not exceed. */
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
