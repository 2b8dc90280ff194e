import { decodedSize, type Preparation, prepareAs } from "../../src/imaging/preparation.ts";
import type { PreparationTarget } from "../../src/imaging/prepare-image.ts";

/**
 * How a picture is shrunk while it is decoded, as pictures in folders are: a photo's edge is then a few times that of
 * the network's image. Undefined for pictures that are small enough.
 */
export function shrunkSize(
  { width, height }: { readonly width: number; readonly height: number },
  preparation: Preparation,
  target: PreparationTarget,
): ImageBitmapOptions | undefined {
  const { edge, of } = decodedSize(preparation, target);
  const scale = edge / (of === "longer" ? Math.max(width, height) : Math.min(width, height));
  if (scale >= 1) return undefined;
  const [resizeWidth, resizeHeight] = [width, height].map((one) => Math.max(1, Math.round(one * scale)));
  return { resizeWidth: resizeWidth!, resizeHeight: resizeHeight!, resizeQuality: "high" };
}

/**
 * Converts a decoded picture to a network's input. The picture is closed.
 *
 * @returns pixels 0 to 255, [channels, height, width]
 */
export function preparePicture(picture: ImageBitmap, preparation: Preparation, target: PreparationTarget): Uint8Array {
  const { width, height } = picture;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser does not let the page read the picture's pixels.");
  context.drawImage(picture, 0, 0);
  picture.close();
  const { data } = context.getImageData(0, 0, width, height);
  return prepareAs(preparation, { data, width, height, channels: 4 }, target);
}
