import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type SharpModule from "sharp";
import type { Sharp } from "sharp";
import { UserError } from "../../errors.ts";
import type { Picture } from "../../imaging/picture.ts";
import { type DecodedSize, decodedSize, GARMENT } from "../../imaging/preparation.ts";
import { HEAD_BYTES, type ImageFormat, type NoImage, recogniseFile } from "../../imaging/signature.ts";
import { count } from "../../text.ts";
import { damaged, formatOf, lacksEnd, requireSameFormat } from "../image-format.ts";
import { bmpSize, decodeBmp } from "./bmp.ts";
import { statedProfile, withProfile } from "./colour-profile.ts";
import { deepTiffPixels, headerProblem } from "./deep-tiff.ts";
import { decodeHeic, heicDecoderVersion, oneHeicAtATime } from "./heic.ts";

/** Limit on decoded pixels: a small file can decode to gigabytes. */
const MAX_PIXELS = 2 ** 27;
/** Larger files are not read. */
const MAX_BYTES = 2 ** 28;
/** Files up to this size are read synchronously. */
const SMALL_BYTES = 2 ** 16;
/**
 * Which damage of a file is an error: missing data in any format, the end of a JPEG too ("truncated" would be enough
 * for that, but not for a TIFF with JPEG data inside). "warning" would also reject photos that every program shows: odd
 * scan parameters, stray bytes between markers, an unknown Adobe transform. So a JPEG with damaged data in the middle
 * but a proper end is decoded as in browsers and Pillow, with artefacts in the damaged part.
 */
const FAIL_ON = "error";
/** Formats whose signatures no text can have, and which libvips detects by the same bytes. */
const UNMISTAKABLE: readonly ImageFormat[] = ["png", "jpeg"];
/** Larger pictures are shrunk while they are decoded. */
const DEFAULT_SIZE = decodedSize(GARMENT, { channels: 1, height: 28, width: 28 });

/** sharp with its native library, loaded on first use, as ONNX Runtime is. */
let loaded: Promise<typeof SharpModule> | undefined;

function sharp(): Promise<typeof SharpModule> {
  loaded ??= import("sharp").then(({ default: library }) => {
    // Many pictures are decoded concurrently, so that threads within one would only compete.
    library.concurrency(1);
    library.cache(false);
    return library;
  });
  return loaded;
}

/** Changes when `decodeImage` gives other pixels with the same library. */
const DECODING_VERSION = 3;

/** What decides the pixels of a decoded image: equal texts, equal pixels (on one processor family). */
export async function decoderVersion(): Promise<string> {
  return JSON.stringify([DECODING_VERSION, (await sharp()).versions, heicDecoderVersion() ?? "no HEIC"]);
}

/** What decoding an image takes, at most, by its header. */
export interface DecodingCost {
  readonly width: number;
  readonly height: number;
  /** Time, as the number of pixels of a plain PNG that are decoded in it: about 6 ns each. */
  readonly work: number;
  /** In bytes. */
  readonly memory: number;
}

/**
 * For each pixel, at most: time as a multiple of a plain PNG's, and bytes. Measured with flat and with noisy pictures of 3 and 12
 * megapixels; formats that libvips reads in rows need few, unless their rows are interlaced or progressive.
 */
const COSTS: Readonly<
  Record<ImageFormat | "deep tiff" | "heavy heic", { readonly work: number; readonly bytes: number }>
> = {
  png: { work: 1, bytes: 2 },
  jpeg: { work: 1, bytes: 2 },
  webp: { work: 6, bytes: 8 },
  gif: { work: 6, bytes: 8 },
  tiff: { work: 4, bytes: 8 },
  "deep tiff": { work: 20, bytes: 64 },
  avif: { work: 36, bytes: 20 },
  heic: { work: 48, bytes: 24 },
  "heavy heic": { work: 72, bytes: 36 },
  bmp: { work: 4, bytes: 10 },
};
const INTERLACED = { work: 5, bytes: 6 };
/** Each row costs as much time as this many pixels. */
const ROW_WORK = 64;

/**
 * What decoding an image takes, at most. Only the header is read.
 *
 * @throws UserError when the bytes are not an image, or it has more pixels than allowed
 */
export async function decodingCost(
  bytes: Uint8Array,
  name: string,
  { mostPixels = MAX_PIXELS }: DecodingLimits = {},
): Promise<DecodingCost> {
  const format = formatOf(bytes, name);
  const { width, height, cost } = await (format === "bmp"
    ? { ...bmpSize(bytes, name), cost: COSTS.bmp }
    : headerCost(bytes, { name, format }));
  const pixels = width * height;
  if (pixels > mostPixels) throw tooLarge(name, { width, height }, mostPixels);
  return { width, height, work: (pixels + height * ROW_WORK) * cost.work, memory: pixels * cost.bytes };
}

/**
 * An image of which only the header is to be read. libvips refuses files of the HEIF family with more than 256 parts, which large
 * pictures in tiles have; libheif-js, which decodes them, has limits of its own.
 */
async function headerOf(file: Uint8Array | string, format: ImageFormat): Promise<Sharp> {
  return (await sharp())(file, { limitInputPixels: false, unlimited: format === "heic" });
}

/** @throws UserError when the header is damaged or of another format */
async function readHeader(bytes: Uint8Array, { name, format }: { name: string; format: ImageFormat }) {
  const image = await headerOf(bytes, format);
  const found = await image.metadata().catch((cause) => {
    throw format === "tiff" ? headerProblem(name, cause) : damaged(name, cause);
  });
  requireSameFormat(name, format, found.format);
  return found;
}

async function headerCost(bytes: Uint8Array, { name, format }: { name: string; format: ImageFormat }) {
  const found = await readHeader(bytes, { name, format });
  const { width, height } = found;
  if (format === "tiff") return { width, height, cost: found.depth === "uchar" ? COSTS.tiff : COSTS["deep tiff"] };
  // 10 bits with transparency: two pictures of twice the bytes.
  if (format === "heic" && found.hasAlpha && found.depth === "ushort") {
    return { width, height, cost: COSTS["heavy heic"] };
  }
  const isInterlaced = found.isProgressive && (format === "png" || format === "jpeg");
  return { width, height, cost: isInterlaced ? INTERLACED : COSTS[format] };
}

export interface DecodingLimits {
  /** Pictures with more pixels are rejected before they are decoded. Default 2^27. */
  readonly mostPixels?: number | undefined;
}

export interface DecodingOptions extends DecodingLimits {
  /** Larger pictures are shrunk to this. Default: no edge longer than 512 pixels. */
  readonly size?: DecodedSize;
}

/**
 * Reads and decodes an image file.
 *
 * @throws UserError naming the file when it cannot be read, or as `decodeImage` does
 */
export async function readImageFile(path: string, options: DecodingOptions = {}): Promise<Picture> {
  return decodeImage(await readImageBytes(path), path, options);
}

/**
 * Decodes PNG, JPEG, WebP, GIF, TIFF, AVIF, HEIC (`decodeHeic`) and BMP to 8-bit sRGB: EXIF orientation is applied, CMYK, colours of
 * an ICC profile (or of Display P3 by its number in HEIC and AVIF) and other colour spaces are converted, 16 bits are reduced to 8 (other samples of TIFF: `deepTiffPixels`), and the first frame of several is used. A large picture is shrunk,
 * its aspect ratio preserved.
 *
 * @param name named in errors
 * @throws UserError when the bytes are not such an image, are damaged or truncated, have more pixels than allowed, or
 *   are a TIFF with samples that are not read (`deepTiffPixels`)
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  { mostPixels = MAX_PIXELS, size: { edge, of } = DEFAULT_SIZE }: DecodingOptions = {},
): Promise<Picture> {
  const format = formatOf(bytes, name);
  const decode = () => decodeAs(format, bytes, name, { mostPixels, size: { edge, of } });
  return format === "heic" ? oneHeicAtATime(decode) : decode();
}

async function decodeAs(
  format: ImageFormat,
  bytes: Uint8Array,
  name: string,
  { mostPixels, size: { edge, of } }: { readonly mostPixels: number; readonly size: DecodedSize },
): Promise<Picture> {
  const { image, profile } =
    format === "heic"
      ? await openHeic(bytes, { name, mostPixels })
      : {
          image: await openImage(bytes, { name, format, mostPixels }),
          profile: format === "avif" ? await avifProfile(bytes, name) : undefined,
        };
  const small = {
    width: edge,
    height: edge,
    fit: of === "longer" ? "inside" : "outside",
    withoutEnlargement: true,
  } as const;
  try {
    const picture = await pictureOf(image.autoOrient().resize(small));
    if (lacksEnd(bytes, format)) throw new Error("its end is missing");
    return profile ? await pictureOf(await withProfile(picture, profile, await sharp())) : picture;
  } catch (cause) {
    throw await explain(cause, bytes, name, mostPixels);
  }
}

/** An image as 8-bit sRGB. */
async function pictureOf(image: Sharp): Promise<Picture> {
  const { data, info } = await image
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/**
 * The size of an image after applying its EXIF orientation. Only the header is read.
 *
 * @throws UserError when the bytes are not an image
 */
export async function imageSize(bytes: Uint8Array, name: string): Promise<{ width: number; height: number }> {
  const format = formatOf(bytes, name);
  if (format === "bmp") return bmpSize(bytes, name);
  try {
    return (await (await headerOf(bytes, format)).metadata()).autoOrient;
  } catch (cause) {
    throw await explain(cause, bytes, name, MAX_PIXELS);
  }
}

/** With the profile of its colours: libheif leaves them as they are in the file, while sharp converts those that it decodes. */
async function openHeic(
  bytes: Uint8Array,
  { name, mostPixels }: { name: string; mostPixels: number },
): Promise<{ image: Sharp; profile?: Uint8Array | undefined }> {
  const { width, height, icc: profile } = await readHeader(bytes, { name, format: "heic" });
  const size = { width, height };
  return {
    image: await rawImage(bytes, { name, mostPixels, size, decode: () => decodeHeic(bytes, name, size) }),
    profile: profile ?? (await statedProfile(bytes, await sharp())),
  };
}

/** The profile of colours that sharp leaves as they are: it converts those of an ICC profile, not those that are stated by number. */
async function avifProfile(bytes: Uint8Array, name: string): Promise<Uint8Array | undefined> {
  const profile = await statedProfile(bytes, await sharp());
  return profile && !(await readHeader(bytes, { name, format: "avif" })).icc ? profile : undefined;
}

async function openImage(
  bytes: Uint8Array,
  { name, format, mostPixels }: { name: string; format: ImageFormat; mostPixels: number },
): Promise<Sharp> {
  const library = await sharp();
  if (format === "bmp") return rawImage(bytes, { name, mostPixels, size: bmpSize(bytes, name), decode: decodeBmp });
  const open = (limitInputPixels: number | false) =>
    library(bytes, { limitInputPixels, failOn: FAIL_ON, sequentialRead: true });
  const pixels = format === "tiff" ? await deepTiffPixels(() => open(false), { name, mostPixels }) : undefined;
  if (!pixels) {
    if (!UNMISTAKABLE.includes(format)) await requireFound(open(false), { name, format });
    return open(mostPixels);
  }
  const { data, ...raw } = pixels;
  return library(data, { raw, limitInputPixels: false });
}

async function requireFound(image: Sharp, { name, format }: { name: string; format: ImageFormat }): Promise<void> {
  const { format: found } = await image.metadata().catch((cause) => {
    throw damaged(name, cause);
  });
  requireSameFormat(name, format, found);
}

/** What another decoder gives, for sharp, which then shrinks and converts it like other formats. */
async function rawImage(
  bytes: Uint8Array,
  {
    name,
    mostPixels,
    size,
    decode,
  }: {
    readonly name: string;
    readonly mostPixels: number;
    readonly size: { readonly width: number; readonly height: number };
    readonly decode: (bytes: Uint8Array, name: string) => Promise<Picture>;
  },
): Promise<Sharp> {
  if (size.width * size.height > mostPixels) throw tooLarge(name, size, mostPixels);
  const { data, ...raw } = await decode(bytes, name);
  return (await sharp())(data, { raw, limitInputPixels: false });
}

async function explain(cause: unknown, bytes: Uint8Array, name: string, mostPixels: number): Promise<unknown> {
  if (!(cause instanceof Error)) return cause;
  if (/exceeds pixel limit/.test(cause.message)) {
    // The header alone is read.
    const size = await (await sharp())(bytes, { limitInputPixels: false }).metadata();
    return tooLarge(name, size, mostPixels, cause);
  }
  return damaged(name, cause);
}

function tooLarge(
  name: string,
  { width, height }: { width: number; height: number },
  mostPixels: number,
  cause?: unknown,
): UserError {
  const most = count(mostPixels);
  return new UserError(`${name} has ${width} x ${height} pixels; at most ${most} are decoded, make it smaller`, {
    cause,
  });
}

/**
 * The bytes of an image file.
 *
 * @throws UserError naming the file when it is none, cannot be read or has more than 2^28 bytes
 */
export async function readImageBytes(path: string): Promise<Uint8Array> {
  try {
    const entry = statSync(path);
    // Reading a pipe blocks until its writer closes it, and some devices have no end.
    if (!entry.isFile() && !entry.isDirectory()) {
      throw new UserError(`${path} is a pipe or device; name a file, or send what comes from it to standard input`);
    }
    const { size } = entry;
    if (size > MAX_BYTES) {
      throw new UserError(`${path} has ${count(size)} bytes; at most ${count(MAX_BYTES)} are read`);
    }
    // Reading a small file synchronously is faster than three round trips to the thread pool, behind decoding jobs.
    return size <= SMALL_BYTES ? readFileSync(path) : await readFile(path);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") throw new UserError(`there is no file ${path}`, { cause });
    throw new UserError(`${path} cannot be read (${cause.code}): a readable image file is needed there`, { cause });
  }
}

/**
 * The size of an image file after applying its EXIF orientation, like `imageSize`; only the file's head is read.
 *
 * @returns undefined when it cannot be determined
 */
export async function imageFileSize(path: string): Promise<{ width: number; height: number } | undefined> {
  try {
    const head = readHead(path);
    const format = formatOf(head, path);
    if (format === "bmp") return bmpSize(head, path);
    return (await (await headerOf(path, format)).metadata()).autoOrient;
  } catch {
    return undefined;
  }
}

/** Detects a file's format from its content, like `recogniseFile`. @returns undefined when it is not a readable file */
export function recogniseImageFile(path: string): ImageFormat | NoImage | undefined {
  try {
    return recogniseFile(readHead(path));
  } catch {
    return undefined;
  }
}

/** The first bytes of a file. @throws when it cannot be read or is not a regular file (reading a pipe would block) */
function readHead(path: string): Uint8Array {
  if (!statSync(path).isFile()) throw new Error(`${path} is not a file`);
  const file = openSync(path, "r");
  try {
    const head = new Uint8Array(HEAD_BYTES);
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}
