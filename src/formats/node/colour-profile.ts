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
