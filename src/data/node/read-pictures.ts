import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeImage, imageSize, readImageBytes } from "../../formats/node/image-file.ts";
import { decodedSize, type Preparation, prepareAs } from "../../imaging/preparation.ts";
import { mapConcurrently } from "../concurrently.ts";
import { grayRows, hasNoColor } from "../gray-images.ts";
import { imageBytes } from "../image-set.ts";
import { type Rows, selectRows } from "../rows.ts";
import { createRowStore, storedRows } from "./row-store.ts";

/** Number of files read and decoded concurrently: twice the size of Node's thread pool. Only these are in memory. */
const AT_ONCE = 8;

const WHAT = "the decoded pictures";

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
  /** Their pixels, 0 to 255, a row for each: [channels, height, width]. */
  readonly images: Rows;
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
 * preparing overlap. Memory holds a few files, and the prepared images unless they are many (`createRowStore`).
 *
 * @param files paths within `folder`
 * @throws UserError when there is no room for the images; unreadable pictures are returned, not thrown
 */
export async function readPictures(
  folder: string,
  files: readonly string[],
  { height, width, channels, preparation }: ReadOptions,
  onRead: OnRead = () => {},
): Promise<ReadPictures> {
  const target = { height, width, channels: channels ?? 3 };
  const shape = { dtype: "uint8", count: files.length, size: imageBytes(target) } as const;
  const store = await createRowStore<Uint8Array>({ ...shape, what: WHAT });
  const plane = height * width;
  let isGray = channels === undefined;
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
        const image = prepareAs(preparation, await decodeImage(bytes, path, { size }), target);
        const sha256 = createHash("sha256").update(bytes).digest("hex");
        const picture = { file, bytes: bytes.length, sha256, size: await imageSize(bytes, path) };
        store.write(i, image);
        isGray &&= hasNoColor(image, plane);
        return picture;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return { file, message: error.message };
      } finally {
        onRead(++done, files.length);
      }
    },
  );
  const readable = found.flatMap((one, i) => (isRead(one) ? [i] : []));
  const all = readable.length === files.length ? store.rows() : selectRows(store.rows(), Uint32Array.from(readable));
  return {
    pictures: found.filter(isRead),
    images: isGray ? await storedRows(grayRows(all, plane), WHAT) : all,
    channels: isGray ? 1 : target.channels,
    unreadable: found.filter((one): one is UnreadablePicture => !isRead(one)),
  };
}

function isRead(one: ReadPicture | UnreadablePicture): one is ReadPicture {
  return "sha256" in one;
}
