import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type SharpModule from "sharp";
import { UserError } from "../errors.ts";
import type { Picture } from "../imaging/picture.ts";
import { type DecodedSize, decodedSize, GARMENT } from "../imaging/preparation.ts";
import { IMAGE_FORMATS, type NoImage, recogniseFile } from "../imaging/signature.ts";
import { count } from "../numbers.ts";

/** A few bytes can claim to be gigabytes. */
const MOST_PIXELS = 2 ** 27;
/** Files of more bytes are not read. */
const MOST_BYTES = 2 ** 28;
/** Files up to this size are read at once. */
const SMALL_BYTES = 2 ** 16;
/** Larger pictures are shrunk while they are decoded. */
const DEFAULT_SIZE = decodedSize(GARMENT, { channels: 1, height: 28, width: 28 });

/** sharp with its native library, loaded on first use, as ONNX Runtime is. */
let loaded: Promise<typeof SharpModule> | undefined;

function sharp(): Promise<typeof SharpModule> {
  loaded ??= import("sharp").then(({ default: library }) => {
    // Many pictures are decoded beside each other: threads within one would only wait for each other.
    library.concurrency(1);
    library.cache(false);
    return library;
  });
  return loaded;
}

export interface DecodingLimits {
  /** Pictures of more pixels are refused before they are decoded. Default 2^27. */
  readonly mostPixels?: number | undefined;
}

export interface DecodingOptions extends DecodingLimits {
  /** Larger pictures are shrunk to it. Default: no edge longer than 512 pixels. */
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
 * Decodes PNG, JPEG, WebP, GIF, TIFF and AVIF to 8-bit sRGB: turned as its EXIF orientation says, CMYK and other colour
 * spaces converted, 16 bits cut to 8, the first frame of several. A large picture is shrunk, its aspect kept.
 *
 * @param name named in errors
 * @throws UserError when the bytes are no such image, are damaged or cut short, or claim more pixels than allowed
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  { mostPixels = MOST_PIXELS, size: { edge, of } = DEFAULT_SIZE }: DecodingOptions = {},
): Promise<Picture> {
  checkFormat(bytes, name);
  const image = (await sharp())(bytes, { limitInputPixels: mostPixels, failOn: "warning", sequentialRead: true });
  const small = {
    width: edge,
    height: edge,
    fit: of === "longer" ? "inside" : "outside",
    withoutEnlargement: true,
  } as const;
  try {
    const { data, info } = await image
      .autoOrient()
      .resize(small)
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height, channels: info.channels };
  } catch (cause) {
    throw await explain(cause, bytes, name, mostPixels);
  }
}

/**
 * The size of an image as it will be seen: turned as its EXIF orientation says. Only the header is read.
 *
 * @throws UserError when the bytes are no image
 */
export async function imageSize(bytes: Uint8Array, name: string): Promise<{ width: number; height: number }> {
  checkFormat(bytes, name);
  try {
    return (await (await sharp())(bytes, { limitInputPixels: false }).metadata()).autoOrient;
  } catch (cause) {
    throw await explain(cause, bytes, name, MOST_PIXELS);
  }
}

/** Why a file is refused, by what it is. */
const REFUSALS: Readonly<Record<NoImage, string>> = {
  empty: "is empty (0 bytes)",
  svg: "is an SVG drawing, which is refused: it may refer to other files and addresses; save it as PNG",
  heic: "is HEIC, which cannot be decoded here; save it as JPEG",
  unknown: `is not an image: its content is none of ${IMAGE_FORMATS.map((format) => format.toUpperCase()).join(", ")}`,
};

/** @throws UserError unless the bytes begin as an image of a format that can be decoded */
function checkFormat(bytes: Uint8Array, name: string): void {
  const kind = recogniseFile(bytes);
  switch (kind) {
    case "empty":
    case "svg":
    case "heic":
    case "unknown":
      throw new UserError(`${name} ${REFUSALS[kind]}`);
    default:
      kind satisfies (typeof IMAGE_FORMATS)[number];
  }
}

async function explain(cause: unknown, bytes: Uint8Array, name: string, mostPixels: number): Promise<unknown> {
  if (!(cause instanceof Error)) return cause;
  if (/exceeds pixel limit/.test(cause.message)) {
    // The header alone is read.
    const { width, height } = await (await sharp())(bytes, { limitInputPixels: false }).metadata();
    const most = count(mostPixels);
    return new UserError(`${name} has ${width} x ${height} pixels; at most ${most} are decoded, make it smaller`, {
      cause,
    });
  }
  const [reason] = cause.message.split("\n");
  return new UserError(`${name} is damaged or cut short (${reason})`, { cause });
}

/**
 * The bytes of an image file.
 *
 * @throws UserError naming the file when it is none, cannot be read or has more than 2^28 bytes
 */
export async function readImageBytes(path: string): Promise<Uint8Array> {
  try {
    const entry = statSync(path);
    // Reading a pipe waits for whoever writes, and some devices have no end.
    if (!entry.isFile() && !entry.isDirectory()) {
      throw new UserError(`${path} is a pipe or device; name a file, or send what comes from it to standard input`);
    }
    const { size } = entry;
    if (size > MOST_BYTES) {
      throw new UserError(`${path} has ${count(size)} bytes; at most ${count(MOST_BYTES)} are read`);
    }
    // Reading a small file takes less time than waking another thread for it, three times, behind those that decode.
    return size <= SMALL_BYTES ? readFileSync(path) : await readFile(path);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") throw new UserError(`there is no file ${path}`, { cause });
    throw new UserError(`${path} cannot be read (${cause.code}): a readable image file is needed there`, { cause });
  }
}
