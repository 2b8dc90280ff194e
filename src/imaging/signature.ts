/** Formats that can be decoded. */
export const IMAGE_FORMATS = ["png", "jpeg", "webp", "gif", "tiff", "avif"] as const;
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

/** What a file is by its content; a name proves nothing. */
export function recogniseFile(bytes: Uint8Array): ImageFormat | NoImage {
  if (bytes.length === 0) return "empty";
  const found = SIGNATURES.find(
    ({ at, bytes: expected }) => latin1(bytes.subarray(at, at + expected.length)) === expected,
  );
  if (found) return found.kind;
  return /<(\w+:)?svg[\s>]/i.test(latin1(bytes.subarray(0, SVG_WITHIN_BYTES)).replaceAll("\0", "")) ? "svg" : "unknown";
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
