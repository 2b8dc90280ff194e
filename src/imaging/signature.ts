/** Formats that can be decoded. */
export const IMAGE_FORMATS = ["png", "jpeg", "webp", "gif", "tiff", "avif", "bmp"] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** What cannot be decoded. */
export type NoImage = "heic" | "svg" | "empty" | "unknown";

/** How far into a file an `<svg` may stand, behind an XML head and comments. */
const SVG_WITHIN_BYTES = 4096;

/** Bytes at a place in the file, as text in which every character is one byte. */
const SIGNATURES: readonly { readonly kind: ImageFormat | NoImage; readonly at: number; readonly bytes: string }[] = [
  { kind: "png", at: 0, bytes: "\x89PNG\r\n\x1a\n" },
  { kind: "jpeg", at: 0, bytes: "\xff\xd8\xff" },
  { kind: "gif", at: 0, bytes: "GIF87a" },
  { kind: "gif", at: 0, bytes: "GIF89a" },
  { kind: "webp", at: 8, bytes: "WEBP" },
  { kind: "tiff", at: 0, bytes: "II*\0" },
  { kind: "tiff", at: 0, bytes: "MM\0*" },
  { kind: "tiff", at: 0, bytes: "II+\0" },
  { kind: "tiff", at: 0, bytes: "MM\0+" },
  { kind: "avif", at: 4, bytes: "ftypavif" },
  { kind: "avif", at: 4, bytes: "ftypavis" },
  { kind: "heic", at: 4, bytes: "ftypheic" },
  { kind: "heic", at: 4, bytes: "ftypheix" },
  { kind: "heic", at: 4, bytes: "ftypmif1" },
];

/** The lengths that a BMP's second header can have: OS/2's 12, 16 and 64, Windows' 40, 52, 56, 108 and 124. */
const BMP_HEADER_BYTES: readonly number[] = [12, 16, 40, 52, 56, 64, 108, 124];

/** Bytes that are enough for `recogniseFile`. */
export const HEAD_BYTES = SVG_WITHIN_BYTES;

/** What a file is by its content; a name proves nothing. */
export function recogniseFile(bytes: Uint8Array): ImageFormat | NoImage {
  if (bytes.length === 0) return "empty";
  if (beginsAsBmp(bytes)) return "bmp";
  const found = SIGNATURES.find(
    ({ at, bytes: expected }) => latin1(bytes.subarray(at, at + expected.length)) === expected,
  );
  if (found) return found.kind === "heic" && hasAvifBrand(bytes) ? "avif" : found.kind;
  return /<(\w+:)?svg[\s>]/i.test(latin1(bytes.subarray(0, SVG_WITHIN_BYTES)).replaceAll("\0", "")) ? "svg" : "unknown";
}

/** A file of HEIC's family may say further on, within its first box, that it is AVIF too. */
function hasAvifBrand(bytes: Uint8Array): boolean {
  const boxBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return (
    latin1(bytes.subarray(8, Math.min(boxBytes, SVG_WITHIN_BYTES)))
      .match(/.{4}/gs)
      ?.includes("avif") ?? false
  );
}

/** "BM" alone is how many a text begins; behind it stands the length of the second header. */
function beginsAsBmp(bytes: Uint8Array): boolean {
  if (latin1(bytes.subarray(0, 2)) !== "BM" || bytes.length < 18) return false;
  return BMP_HEADER_BYTES.includes(new DataView(bytes.buffer, bytes.byteOffset).getUint32(14, true));
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
