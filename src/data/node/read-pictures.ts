import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeImage, imageSize, readImageBytes } from "../../formats/node/image-file.ts";
import { decodedSize, type Preparation, prepareAs } from "../../imaging/preparation.ts";
import { mapConcurrently } from "../concurrently.ts";
import { firstPlanes, hasNoColor } from "../gray-images.ts";
import { imageBytes } from "../image-set.ts";

/** Number of files read and decoded concurrently: twice the size of Node's thread pool. Only these are in memory. */
const AT_ONCE = 8;
/** Maximum size of all images of a data set. */
const MAX_BYTES = 2 ** 31 - 1;

/** A decoded and prepared picture. */
export interface ReadPicture {
  /** The path as passed in. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Size of the file's image, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
}

/** An unreadable picture, and the reason. */
export interface UnreadablePicture {
  readonly file: string;
  readonly message: string;
}

export interface ReadPictures {
  /** The readable pictures, in the order of the files. */
  readonly pictures: readonly ReadPicture[];
  /** Their pixels, 0 to 255, [pictures, channels, height, width]. */
  readonly images: Uint8Array;
  readonly channels: 1 | 3;
  readonly unreadable: readonly UnreadablePicture[];
}

export interface ReadOptions {
  readonly height: number;
  readonly width: number;
  /** Default: 3 if any picture has colour, else 1. */
  readonly channels: 1 | 3 | undefined;
  readonly preparation: Preparation;
}

/** Called after each picture. @param read number of pictures so far @param of number of all */
export type OnRead = (read: number, of: number) => void;

/**
 * Reads pictures and prepares each for a network, several concurrently, so that decoding (on other threads) and
 * preparing overlap. Memory holds the prepared images and a few files.
 *
 * @param files paths within `folder`
 * @throws UserError when the images would take more than 2 GB; unreadable pictures are returned, not thrown
 */
export async function readPictures(
  folder: string,
  files: readonly string[],
  { height, width, channels, preparation }: ReadOptions,
  onRead: OnRead = () => {},
): Promise<ReadPictures> {
  const target = { height, width, channels: channels ?? 3 };
  const pixels = imageBytes(target);
  if (files.length * pixels > MAX_BYTES) {
    throw new UserError(
      (w) =>
        `${files.length.toLocaleString("en-US")} images of ${height}x${width} with ${target.channels} channels take more than 2 GB; make them smaller with ${w.option("size")}, or use ${w.option("channels", 1)}`,
    );
  }
  const images = new Uint8Array(files.length * pixels);
  const size = decodedSize(preparation, target);
  let done = 0;
  const found = await mapConcurrently(
    [...files.keys()],
    AT_ONCE,
    async (i): Promise<ReadPicture | UnreadablePicture> => {
      const file = files[i]!;
      try {
        const path = join(folder, file);
        const bytes = await readImageBytes(path);
        images.set(prepareAs(preparation, await decodeImage(bytes, path, { size }), target), i * pixels);
        const sha256 = createHash("sha256").update(bytes).digest("hex");
        return { file, bytes: bytes.length, sha256, size: await imageSize(bytes, path) };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return { file, message: error.message };
      } finally {
        onRead(++done, files.length);
      }
    },
  );
  const readable = found.flatMap((one, i) => (isRead(one) ? [i] : []));
  readable.forEach((from, to) => {
    if (from !== to) images.copyWithin(to * pixels, from * pixels, (from + 1) * pixels);
  });
  const kept = images.subarray(0, readable.length * pixels);
  const isGray = channels === undefined && hasNoColor(kept, height * width);
  return {
    pictures: found.filter(isRead),
    images: isGray ? firstPlanes(kept, height * width) : kept,
    channels: isGray ? 1 : target.channels,
    unreadable: found.filter((one): one is UnreadablePicture => !isRead(one)),
  };
}

function isRead(one: ReadPicture | UnreadablePicture): one is ReadPicture {
  return "sha256" in one;
}
