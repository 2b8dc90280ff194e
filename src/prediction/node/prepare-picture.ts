import { UserError } from "../../errors.ts";
import { type DecodingOptions, decodeImage, readImageFile } from "../../formats/node/image-file.ts";
import type { Picture } from "../../imaging/picture.ts";
import { decodedSize, type Preparation, prepareAs } from "../../imaging/preparation.ts";
import type { PreparationTarget } from "../../imaging/prepare-image.ts";
import type { ImageInput, PrepareOptions } from "../prediction.ts";

/** How a network's pictures are prepared. */
export interface PictureTarget extends PrepareOptions {
  readonly preparation: Preparation;
  readonly imageShape: PreparationTarget;
}

/**
 * Decodes a picture and prepares it for a network.
 *
 * @returns pixels 0 to 255, [channels, height, width]
 * @throws UserError naming the picture when it cannot be decoded or prepared
 */
export async function preparePicture(
  image: ImageInput,
  { preparation, imageShape, mostPixels, background }: PictureTarget,
): Promise<Uint8Array> {
  const picture = await decode(image, { mostPixels, size: decodedSize(preparation, imageShape) });
  return naming(nameOf(image), () => prepareAs(preparation, picture, imageShape, background ? { background } : {}));
}

async function decode(image: ImageInput, options: DecodingOptions): Promise<Picture> {
  if (typeof image === "string") return readImageFile(image, options);
  if (image instanceof Uint8Array) return decodeImage(image, nameOf(image), options);
  if (typeof image === "object" && image !== null && "data" in image) return image;
  throw new UserError(
    `expected an image: the path of a file, its bytes as a Uint8Array, or a picture; got ${image === null ? "null" : typeof image}`,
  );
}

function nameOf(image: ImageInput): string {
  return typeof image === "string" ? image : "the image";
}

/** Runs `work`. @throws its UserError, prefixed with the image's name */
function naming<Result>(name: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${name}: ${error.message}`, { cause: error });
  }
}
