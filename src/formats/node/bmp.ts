import { UserError } from "../../errors.ts";
import type { Picture } from "../../imaging/picture.ts";

/** A file's header, and the first field of the second one: its length. */
const FILE_HEADER_BYTES = 14;
/** The length of the header that OS/2 has; all others have at least 40 bytes, and Windows' fields. */
const OS2_HEADER_BYTES = 12;

/**
 * The size of a BMP file, by its header.
 *
 * @param bytes of what `recogniseFile` takes for a BMP; the first `HEAD_BYTES` are enough
 * @throws UserError when it is cut short or the size is none
 */
export function bmpSize(bytes: Uint8Array, name: string): { width: number; height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_BYTES + OS2_HEADER_BYTES) {
    throw new UserError(`${name} is damaged or cut short (its header is not whole)`);
  }
  const isOs2 = view.getUint32(FILE_HEADER_BYTES, true) === OS2_HEADER_BYTES;
  const width = isOs2 ? view.getUint16(18, true) : view.getInt32(18, true);
  // Below 0: rows from the top down.
  const height = Math.abs(isOs2 ? view.getUint16(20, true) : view.getInt32(22, true));
  if (width <= 0 || height === 0) {
    throw new UserError(`${name} is damaged (its header says ${width} x ${height} pixels)`);
  }
  return { width, height };
}

/**
 * Decodes a BMP file with NetSurf's decoder, as libvips as it comes with sharp has none. Memory of the claimed size is taken:
 * check `bmpSize` first.
 *
 * @throws UserError when the file is damaged, cut short or of a kind that the decoder does not know (packed rows, say)
 */
export async function decodeBmp(bytes: Uint8Array, name: string): Promise<Picture> {
  const { decode } = await import("@cwasm/nsbmp");
  try {
    const { data, width, height } = decode(bytes);
    const pixels = new Uint8Array(data.buffer);
    // Most files of 32 bits leave the opacity's byte empty.
    if (pixels.every((value, i) => i % 4 < 3 || value === 0)) {
      for (let i = 3; i < pixels.length; i += 4) pixels[i] = 255;
    }
    return { data: pixels, width, height, channels: 4 };
  } catch (cause) {
    throw new UserError(`${name} is damaged or cut short, or a BMP of a rare kind (packed rows, say); save it as PNG`, {
      cause,
    });
  }
}
