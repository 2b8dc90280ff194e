import { crc32, deflateSync } from "node:zlib";
import type SharpModule from "sharp";
import type { Sharp } from "sharp";
import type { Picture } from "../../imaging/picture.ts";

/** The signature of a PNG file and its first chunk, IHDR. */
const PNG_HEAD_BYTES = 33;

/**
 * A picture with the ICC profile of its colours, for sharp to convert. sharp applies the profiles of files, not of pixels, so it
 * is given a file: an uncompressed PNG with the profile. A profile that cannot be used is ignored, as it is in other files.
 */
export async function withProfile(
  { data, ...raw }: Picture,
  profile: Uint8Array,
  sharp: typeof SharpModule,
): Promise<Sharp> {
  return sharp(withChunk(await sharp(data, { raw }).png({ compressionLevel: 0 }).toBuffer(), profile));
}

/** Chunk iCCP (PNG, third edition, 11.3.2.3): a name, a zero, the method of compression (0, zlib), the profile. */
function withChunk(png: Uint8Array, profile: Uint8Array): Uint8Array {
  const chunk = Buffer.concat([Buffer.from("iCCPicc\0\0", "latin1"), deflateSync(profile)]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(chunk.length - 4);
  check.writeUInt32BE(crc32(chunk));
  return Buffer.concat([png.subarray(0, PNG_HEAD_BYTES), length, chunk, check, png.subarray(PNG_HEAD_BYTES)]);
}

/** Primaries of Display P3, by their number in ITU-T H.273, table 2. */
const DISPLAY_P3 = 12;

/**
 * The profile of the colours that a HEIF file (HEIC or AVIF) states by number, which decoders leave as they are; undefined where
 * they are those of sRGB, or of a number that is not known here.
 */
export async function statedProfile(bytes: Uint8Array, sharp: typeof SharpModule): Promise<Uint8Array | undefined> {
  if (statedPrimaries(bytes) !== DISPLAY_P3) return undefined;
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: "black" } });
  return (await sharp(await pixel.withIccProfile("p3").png().toBuffer()).metadata()).icc;
}

/** Where colours are described (ISO/IEC 14496-12 and 23008-12), each box in the one before; the first has 4 bytes of its own. */
const [ROOT, ...INNER] = ["meta", "iprp", "ipco", "colr"] as const;

/** The primaries of boxes `colr` of type `nclx`; undefined without any, or where those of several images differ. */
function statedPrimaries(bytes: Uint8Array): number | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let found = boxesIn(file, ROOT).map((content) => content.subarray(4));
  for (const type of INNER) found = found.flatMap((content) => boxesIn(content, type));
  const stated = found
    .filter((content) => content.length >= 6 && content.toString("latin1", 0, 4) === "nclx")
    .map((content) => content.readUInt16BE(4));
  return new Set(stated).size === 1 ? stated[0] : undefined;
}

/** The contents of the boxes of a type; what does not fit into its surroundings ends the search. */
function boxesIn(bytes: Buffer, type: string): Buffer[] {
  const contents: Buffer[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const size = bytes.readUInt32BE(at);
    // 1: the size follows in 64 bits; 0: the box takes the rest.
    const isLarge = size === 1 && at + 16 <= bytes.length;
    const length = isLarge ? Number(bytes.readBigUInt64BE(at + 8)) : size === 0 ? bytes.length - at : size;
    const head = isLarge ? 16 : 8;
    if (length < head || at + length > bytes.length) break;
    if (bytes.toString("latin1", at + 4, at + 8) === type) contents.push(bytes.subarray(at + head, at + length));
    at += length;
  }
  return contents;
}
