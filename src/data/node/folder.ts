import { createHash } from "node:crypto";
import { access, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { UserError } from "../../errors.ts";
import type { IdxFile } from "../../formats/node/idx-file.ts";
import { readIdxFile } from "../../formats/node/idx-file.ts";
import type { PublishedData, PublishedFile } from "../fashion-mnist.ts";
import { DATA_PARTS } from "../fashion-mnist.ts";
import type { ImageSet } from "../image-set.ts";
import { createImageSet } from "../image-set.ts";

/** Content of a folder of four IDX files. */
export interface DataFolder {
  readonly train: ImageSet;
  readonly test: ImageSet;
  /** Name, size and SHA-256 of the uncompressed files, in the order of `DATA_PARTS`. */
  readonly files: readonly PublishedFile[];
  /** Names of the files that differ from the published ones. */
  readonly different: readonly string[];
}

/**
 * Reads a data set from a folder with its four files, each uncompressed or with the ending ".gz". Files of another data
 * set of the same format (MNIST, Kuzushiji-MNIST) are accepted too and listed as `different`; their classes are named
 * 0, 1, 2 ...
 *
 * @throws UserError when files are missing, or naming the file that is unreadable, malformed or of another shape
 */
export async function readDataFolder(data: PublishedData, folder: string): Promise<DataFolder> {
  const missing = await missingFiles(data, folder);
  if (missing.length > 0) throw await incompleteFolder(data, folder, missing);

  const read = (file: PublishedFile): Promise<IdxFile> => readIdxFile(join(folder, file.name));
  const trainImages = await read(data.files.trainImages);
  const trainLabels = await read(data.files.trainLabels);
  const testImages = await read(data.files.testImages);
  const testLabels = await read(data.files.testLabels);

  const files = [trainImages, trainLabels, testImages, testLabels].map(describeFile);
  const different = DATA_PARTS.filter((part, i) => data.files[part].sha256 !== files[i]!.sha256).map(
    (part) => data.files[part].name,
  );
  const classNames = different.length === 0 ? data.classNames : [...data.classNames.keys()].map(String);
  return {
    train: pair(data, trainImages, trainLabels, classNames),
    test: pair(data, testImages, testLabels, classNames),
    files,
    different,
  };
}

/** Names of the published files that the folder has neither uncompressed nor compressed. */
export async function missingFiles(data: PublishedData, folder: string): Promise<string[]> {
  const names = DATA_PARTS.map((part) => data.files[part].name);
  const present = await Promise.all(
    names.map(async (name) => (await exists(join(folder, name))) || (await exists(join(folder, `${name}.gz`)))),
  );
  return names.filter((_, i) => !present[i]);
}

/** Combines images and labels to a set, after checking that their shape is the data set's. */
function pair(data: PublishedData, images: IdxFile, labels: IdxFile, classNames: readonly string[]): ImageSet {
  const { height, width } = data;
  const [count, ...size] = images.shape;
  if (images.shape.length !== 3 || size[0] !== height || size[1] !== width) {
    throw new UserError(
      `${images.path}: expected images of ${height}x${width}, [count, ${height}, ${width}]; found [${images.shape.join(", ")}]`,
    );
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new UserError(
      `${labels.path}: expected ${count} labels, one for each image of ${images.path}; found [${labels.shape.join(", ")}]`,
    );
  }
  return createImageSet(
    { images: images.data, labels: labels.data, channels: 1, height, width, classNames },
    labels.path,
  );
}

export function describeFile({ path, bytes }: IdxFile): PublishedFile {
  return {
    name: basename(path, ".gz"),
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
}

async function incompleteFolder(data: PublishedData, folder: string, missing: string[]): Promise<UserError> {
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const names = DATA_PARTS.map((part) => data.files[part].name);
  return new UserError(
    (w) =>
      `${isFolder ? `${folder} has no ${missing.join(", no ")}` : `${folder} is not a folder`}. ` +
      `A data folder holds the four files ${names.join(", ")}, each as it is or with the ending .gz; pictures of your own are for training${w.command("train RECIPE", { data: folder })}`,
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
