import type { Sharp } from "sharp";
import { UserError } from "../../errors.ts";
import { damaged } from "../image-format.ts";

/** Samples that are not read, by libvips's names. */
const REFUSED: Readonly<Record<string, string>> = {
  char: "8-bit signed",
  short: "16-bit signed",
  double: "64-bit floating-point",
  complex: "complex",
  dpcomplex: "complex",
};
/** Colour spaces in which libvips gives the samples as they are in the file, by their type. */
const SPACES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  float: { 1: "b-w", 3: "scrgb" },
  uint: { 1: "b-w" },
  int: { 1: "b-w" },
  ushort: { 1: "grey16", 3: "rgb16" },
};
const NAMES: Readonly<Record<string, string>> = {
  float: "32-bit floating-point",
  uint: "32-bit",
  int: "32-bit signed",
};
const MAX_8_BITS = 255;
const MAX_12_BITS = 4095;

/** Pixels from 0 to 255, [height, width, channels]. */
export interface RawPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/**
 * The pixels of a TIFF whose samples are not 8 or 16 bits from black to white: microscopes, cameras and scientific
 * programs write them. Floats from 0 to 1 are shares of white, whole numbers up to 255 are pixels, 16-bit samples none of
 * which is above 4095 (but some above 255) are those of a camera of 12 bits; all others are scaled by the picture's own
 * range, from its least sample (black) to its greatest (white). EXIF orientation is applied.
 *
 * @param open the image, anew for each call
 * @param name named in errors
 * @param mostPixels larger ones are not decoded here
 * @returns undefined for a TIFF that is to be read like other images, or is too large
 * @throws UserError when it is damaged, has samples that are not read, or values that are not numbers
 */
export async function deepTiffPixels(
  open: () => Sharp,
  { name, mostPixels }: { name: string; mostPixels: number },
): Promise<RawPixels | undefined> {
  const { depth, space, channels, width, height } = await open()
    .metadata()
    .catch((cause) => {
      throw headerProblem(name, cause);
    });
  // L*a*b* of 16 bits is signed but has a defined range.
  if ((space as string) === "labs") return undefined;
  if (REFUSED[depth!] !== undefined) throw notRead(name, REFUSED[depth!]!);
  const own = SPACES[depth!]?.[channels!];
  if (width! * height! > mostPixels) return undefined;
  if (own === undefined && NAMES[depth!] === undefined) return undefined;
  if (own === undefined) throw notRead(name, `${NAMES[depth!]!} pixels of ${channels} channels, not gray`);
  // 16 bits of another colour space, or with transparency, are converted as usual.
  if (depth === "ushort" && (space as string) !== own) return undefined;
  const { data, info } = await open()
    .autoOrient()
    .toColourspace(own)
    .raw({ depth: "float" })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw damaged(name, cause);
    });
  const samples = new Float32Array(data.buffer, data.byteOffset, data.length / Float32Array.BYTES_PER_ELEMENT);
  const range = depth === "ushort" ? twelveBits(samples) : rangeOf(samples, name);
  if (!range) return undefined;
  const [black, white] = range;
  const scale = white > black ? MAX_8_BITS / (white - black) : 0;
  // Uint8Array.from would collect all numbers in a list first.
  const pixels = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) pixels[i] = Math.round((samples[i]! - black) * scale);
  return {
    data: pixels,
    width: info.width,
    height: info.height,
    channels: info.channels as 1 | 3,
  };
}

/** The error of a TIFF whose header libvips does not read. */
export function headerProblem(name: string, cause: unknown): unknown {
  const hasMoreBits = cause instanceof Error && /samples out of range/.test(cause.message);
  return hasMoreBits ? notRead(name, "64-bit", cause) : damaged(name, cause);
}

/** @returns undefined when the samples use all 16 bits, or so few that black and white are not known */
function twelveBits(samples: Float32Array): readonly [number, number] | undefined {
  const most = samples.reduce((a, b) => Math.max(a, b), 0);
  return most > MAX_8_BITS && most <= MAX_12_BITS ? [0, MAX_12_BITS] : undefined;
}

/** The values of black and white. */
function rangeOf(samples: Float32Array, name: string): readonly [number, number] {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let isWhole = true;
  for (const value of samples) {
    if (!Number.isFinite(value)) {
      throw new UserError(`${name} holds pixels that are not numbers (NaN or infinite); save it with a value for each`);
    }
    least = Math.min(least, value);
    most = Math.max(most, value);
    isWhole &&= Number.isInteger(value);
  }
  if (least >= 0 && most <= 1) return [0, 1];
  if (isWhole && least >= 0 && most <= MAX_8_BITS) return [0, MAX_8_BITS];
  return [least, most];
}

function notRead(name: string, kind: string, cause?: unknown): UserError {
  const what = kind.includes("pixels") ? kind : `${kind} pixels`;
  return new UserError(`${name} holds ${what}, which are not read; save it as 8- or 16-bit`, { cause });
}
