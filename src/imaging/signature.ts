/** Supported image formats. */
export const IMAGE_FORMATS = ["png", "jpeg", "webp", "gif", "tiff", "avif", "heic", "bmp"] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** Kinds of files that cannot be decoded. */
export type NoImage = "svg" | "empty" | "unknown";

/** The first of the four bytes of a box's length, in files of the HEIF family: no such box has 2^24 bytes. */
const BOX_START = "\0";

/** Brands of HEVC pictures (in layers, heim and heis), of bursts that have a main picture, and of either with any codec. */
const HEIC_BRANDS = ["heic", "heix", "heim", "heis", "hevc", "hevm", "hevs", "mif1", "msf1"] as const;

/** Number of bytes searched for `<svg`, which may follow an XML declaration and comments. */
const SVG_WITHIN_BYTES = 4096;

/**
 * Bytes at an offset in the file, as text in which every character is one byte; `start`: what the file begins with besides.
 * Without it a text with these bytes at the right place (an SVG, say) would count as an image.
 */
const SIGNATURES: readonly {
  readonly kind: ImageFormat | NoImage;
  readonly at: number;
  readonly bytes: string;
  readonly start?: string;
}[] = [
  { kind: "png", at: 0, bytes: "\x89PNG\r\n\x1a\n" },
  { kind: "jpeg", at: 0, bytes: "\xff\xd8\xff" },
  { kind: "gif", at: 0, bytes: "GIF87a" },
  { kind: "gif", at: 0, bytes: "GIF89a" },
  { kind: "webp", at: 8, bytes: "WEBP", start: "RIFF" },
  { kind: "tiff", at: 0, bytes: "II*\0" },
  { kind: "tiff", at: 0, bytes: "MM\0*" },
  { kind: "tiff", at: 0, bytes: "II+\0" },
  { kind: "tiff", at: 0, bytes: "MM\0+" },
  { kind: "avif", at: 4, bytes: "ftypavif", start: BOX_START },
  { kind: "avif", at: 4, bytes: "ftypavis", start: BOX_START },
  ...HEIC_BRANDS.map((brand) => ({ kind: "heic", at: 4, bytes: `ftyp${brand}`, start: BOX_START }) as const),
];

/** Possible lengths of a BMP's second header: OS/2's 12, 16 and 64, Windows' 40, 52, 56, 108 and 124. */
const BMP_HEADER_BYTES: readonly number[] = [12, 16, 40, 52, 56, 64, 108, 124];

/** Number of leading bytes that `recogniseFile` needs. */
export const HEAD_BYTES = SVG_WITHIN_BYTES;

/** Detects a file's format from its content; the name is not considered. */
export function recogniseFile(bytes: Uint8Array): ImageFormat | NoImage {
  if (bytes.length === 0) return "empty";
  if (beginsAsBmp(bytes)) return "bmp";
  const holds = (text: string, at: number) => latin1(bytes.subarray(at, at + text.length)) === text;
  const found = SIGNATURES.find(({ at, bytes: expected, start = "" }) => holds(expected, at) && holds(start, 0));
  if (found) return found.kind === "heic" && hasAvifBrand(bytes) ? "avif" : found.kind;
  return /<(\w+:)?svg[\s>]/i.test(latin1(bytes.subarray(0, SVG_WITHIN_BYTES)).replaceAll("\0", "")) ? "svg" : "unknown";
}

/** A file of the HEIF family may list AVIF among the compatible brands of its first box. */
function hasAvifBrand(bytes: Uint8Array): boolean {
  const boxBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return (
    latin1(bytes.subarray(8, Math.min(boxBytes, SVG_WITHIN_BYTES)))
      .match(/.{4}/gs)
      ?.includes("avif") ?? false
  );
}

/** Texts may begin with "BM" too, so the length of the second header is also checked. */
function beginsAsBmp(bytes: Uint8Array): boolean {
  if (latin1(bytes.subarray(0, 2)) !== "BM" || bytes.length < 18) return false;
  return BMP_HEADER_BYTES.includes(new DataView(bytes.buffer, bytes.byteOffset).getUint32(14, true));
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
