import { UserError } from "../../errors.ts";
import type { Picture } from "../../imaging/picture.ts";

/** The file header, and the first field of the second header: its length. */
const FILE_HEADER_BYTES = 14;
/** The length of OS/2's header; all others have at least 40 bytes, and the fields of Windows' header. */
const OS2_HEADER_BYTES = 12;

/**
 * Reads the size of a BMP image from its header.
 *
 * @param bytes of a file that `recogniseFile` detects as BMP; the first `HEAD_BYTES` are enough
 * @throws UserError when the file is truncated or the size is invalid
 */
export function bmpSize(bytes: Uint8Array, name: string): { width: number; height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_BYTES + OS2_HEADER_BYTES) {
    throw new UserError(`${name} is damaged or cut short (its header is not whole)`);
  }
  const isOs2 = view.getUint32(FILE_HEADER_BYTES, true) === OS2_HEADER_BYTES;
  const width = isOs2 ? view.getUint16(18, true) : view.getInt32(18, true);
  // A negative height means rows from top to bottom.
  const height = Math.abs(isOs2 ? view.getUint16(20, true) : view.getInt32(22, true));
  if (width <= 0 || height === 0) {
    throw new UserError(`${name} is damaged (its header says ${width} x ${height} pixels)`);
  }
  return { width, height };
}

/**
 * Decodes a BMP file with NetSurf's decoder, as sharp's build of libvips has none. It allocates memory for the claimed
 * size: check `bmpSize` first.
 *
 * @throws UserError when the file is damaged, truncated or of an unsupported kind (run-length encoded, say)
 */
export async function decodeBmp(bytes: Uint8Array, name: string): Promise<Picture> {
  const { decode } = await import("@cwasm/nsbmp");
  try {
    const { data, width, height } = decode(bytes);
    const pixels = new Uint8Array(data.buffer);
    // Most 32-bit files leave the alpha byte 0.
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
