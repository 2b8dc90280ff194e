import { UserError } from "../errors.ts";
import { IMAGE_FORMATS, type ImageFormat, type NoImage, recogniseFile } from "../imaging/signature.ts";

/** Error messages for files that cannot be decoded. */
const REFUSALS: Readonly<Record<NoImage, string>> = {
  empty: "is empty (0 bytes)",
  svg: "is an SVG drawing, which is refused: it may refer to other files and addresses; save it as PNG",
  unknown: `is not an image: its content is none of ${IMAGE_FORMATS.map((format) => format.toUpperCase()).join(", ")}`,
};

/**
 * Detects the format of an image file from its content.
 *
 * @throws UserError unless the bytes begin like an image of a supported format
 */
export function formatOf(bytes: Uint8Array, name: string): ImageFormat {
  const kind = recogniseFile(bytes);
  switch (kind) {
    case "empty":
    case "svg":
    case "unknown":
      throw new UserError(`${name} ${REFUSALS[kind]}`);
    default:
      return kind;
  }
}

/** The decoder's name of a format where it has another one. */
const DECODER_NAMES: Partial<Record<ImageFormat, string>> = { avif: "heif", heic: "heif" };

/**
 * A decoder detects the format by itself, and knows more formats than are allowed here: both must agree.
 *
 * @param found the decoder's name of the format that it detects
 * @throws UserError when it is another one
 */
export function requireSameFormat(name: string, format: ImageFormat, found: string | undefined): void {
  if (found === (DECODER_NAMES[format] ?? format)) return;
  throw new UserError(
    `${name} is not what it claims to be: it begins like ${format.toUpperCase()}, but its content is ${found ?? "none"}; save it as PNG`,
  );
}

/** Converts a decoder's error to one that names the file. */
export function damaged(name: string, cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  const [reason] = cause.message.split("\n");
  return new UserError(`${name} is damaged or cut short (${reason})`, { cause });
}

const PNG_SIGNATURE_BYTES = 8;
/** Size of a chunk's length, name and checksum. */
const CHUNK_BYTES = 12;

const GIF_HEADER_BYTES = 13;
const GIF_EXTENSION = 0x21;
const GIF_IMAGE = 0x2c;
const GIF_IMAGE_BYTES = 10;

/**
 * Whether a file is truncated. Needed for PNG and GIF only: libvips accepts them once all pixels are there, even if the
 * last bytes are missing; in every other format it detects truncation itself.
 */
export function lacksEnd(bytes: Uint8Array, format: ImageFormat): boolean {
  if (format === "png") return pngLacksEnd(bytes);
  if (format === "gif") return gifLacksEnd(bytes);
  return false;
}

/** Walks the chunks; the last must be IEND. */
function pngLacksEnd(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = PNG_SIGNATURE_BYTES; at + CHUNK_BYTES <= bytes.length; ) {
    const end = at + CHUNK_BYTES + view.getUint32(at);
    if (String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === "IEND") return end > bytes.length;
    at = end;
  }
  return true;
}

/** Walks the blocks up to the trailer. After the first picture some files contain garbage, which is accepted. */
function gifLacksEnd(bytes: Uint8Array): boolean {
  const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = GIF_HEADER_BYTES + tableBytes(bytes[10] ?? 0);
  while (at < bytes.length) {
    const block = bytes[at]!;
    if (block === GIF_EXTENSION) at += 2;
    else if (block === GIF_IMAGE) at += GIF_IMAGE_BYTES + tableBytes(bytes[at + 9] ?? 0) + 1;
    else return false;
    // Sub-blocks of up to 255 bytes, each preceded by its length; a length of 0 ends them.
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
    at++;
  }
  return true;
}
