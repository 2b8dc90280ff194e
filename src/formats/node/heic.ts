import { createRequire } from "node:module";
import type { HeifError } from "libheif-js/wasm-bundle.js";
import { UserError } from "../../errors.ts";
import type { Picture } from "../../imaging/picture.ts";
import { loadOptional } from "../../optional-package.ts";

const PACKAGE = "libheif-js";

/**
 * What a picture's parts, its tiles and its transparency, may be longer than the picture itself, in pixels: tiles at its border are cut off.
 * Without this limit a file of 15 kB with an icon can refer to hundreds of tiles of 64 megapixels.
 */
const MAX_BEYOND = 1024;

let isInstalled: boolean | undefined;

/**
 * Whether HEIC pictures, the format of many phones, can be decoded. sharp comes without a decoder of HEVC; libheif's
 * is a package of its own that who needs it installs, as it is under the LGPL.
 */
export function canDecodeHeic(): boolean {
  isInstalled ??= isResolved();
  return isInstalled;
}

function isResolved(): boolean {
  try {
    createRequire(import.meta.url).resolve(PACKAGE);
    return true;
  } catch {
    return false;
  }
}

/** The version of the decoder; undefined where it is not installed. */
export function heicDecoderVersion(): string | undefined {
  if (!canDecodeHeic()) return undefined;
  return (createRequire(import.meta.url)(`${PACKAGE}/package.json`) as { version: string }).version;
}

let last: Promise<unknown> = Promise.resolve();

/**
 * Does `work` when what was given before is done. For decoding and shrinking a picture: libheif decodes in this thread, so that
 * pictures at once would take no less time, only the memory of all of them in full size.
 */
export function oneHeicAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
  const result = last.then(work);
  last = result.catch(() => {});
  return result;
}

/**
 * Decodes the main image of a HEIC file, turned as its container says. Its colours are those of its profile.
 *
 * @param size of the image by its header; a file whose parts are much larger is refused
 * @throws UserError when the decoder is not installed, or the file is damaged or truncated
 */
export async function decodeHeic(
  bytes: Uint8Array,
  name: string,
  size: { readonly width: number; readonly height: number },
): Promise<Picture> {
  const { default: libheif } = await loadOptional(
    `${name} is HEIC, which`,
    PACKAGE,
    () => import("libheif-js/wasm-bundle.js"),
  );
  const required = <Result>(result: Result): Exclude<Result, HeifError> => {
    const { code, message } = result as Partial<HeifError>;
    if (code === undefined || code === libheif.heif_error_code.heif_error_Ok)
      return result as Exclude<Result, HeifError>;
    throw new UserError(`${name} is damaged or cut short (${message?.trim()})`);
  };
  const file = libheif.heif_context_alloc();
  try {
    const limit = Math.max(size.width, size.height) + MAX_BEYOND;
    // The function of C: the one without the underscore has no effect.
    libheif._heif_context_set_maximum_image_size_limit(file.$$.ptr, limit);
    required(libheif.heif_context_read_from_memory(file, bytes));
    const image = required(libheif.heif_js_context_get_primary_image_handle(file));
    try {
      const channels = libheif.heif_image_handle_has_alpha_channel(image) ? 4 : 3;
      const { heif_chroma_interleaved_RGB: rgb, heif_chroma_interleaved_RGBA: rgba } = libheif.heif_chroma;
      const colours = libheif.heif_colorspace.heif_colorspace_RGB;
      const decoded = required(libheif.heif_js_decode_image2(image, colours, channels === 4 ? rgba : rgb));
      try {
        const [{ width, height, stride, data: rows }] = decoded.channels;
        const data = new Uint8Array(width * height * channels);
        for (let row = 0; row < height; row++) {
          data.set(rows.subarray(row * stride, row * stride + width * channels), row * width * channels);
        }
        return { data, width, height, channels };
      } finally {
        libheif.heif_image_release(decoded.image);
      }
    } finally {
      libheif.heif_image_handle_release(image);
    }
  } finally {
    libheif.heif_context_free(file);
  }
}
