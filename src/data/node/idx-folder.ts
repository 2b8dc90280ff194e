import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { type IdxFile, readIdxFile } from "../../formats/node/idx-file.ts";
import { DATA_PARTS, FASHION_MNIST } from "../fashion-mnist.ts";
import type { DataPlace } from "./data-place.ts";
import { describeFile } from "./folder.ts";
import { entriesOf } from "./picture-files.ts";
import type { StoredImages, StoredPart } from "./stored-images.ts";

/** `train-images-idx3-ubyte`, `emnist-balanced-test-labels-idx1-ubyte.gz`, `t10k-images.idx3-ubyte` */
const FILE_NAME = /^(?<prefix>.*?)(?<part>train|t10k|test)-(?<what>images|labels)[-.]idx[13]-ubyte(?:\.gz)?$/;

/** Paths of the files, without ".gz"; test images and test labels are either both present or both absent. */
interface IdxPaths {
  readonly train: { readonly images: string; readonly labels: string };
  readonly test: { readonly images: string; readonly labels: string } | undefined;
}

/** Whether a folder contains files (or links to files) named like IDX files. */
export function hasIdxFiles(folder: string): boolean {
  return idxNames(folder).length > 0;
}

function idxNames(folder: string): string[] {
  return entriesOf(folder).flatMap(({ name, kind, isHidden }) =>
    kind === "file" && !isHidden && FILE_NAME.test(name) ? [name] : [],
  );
}

/**
 * Reads a folder of IDX files: gray images of any size, one file of images and one of labels for training and
 * optionally for testing, each uncompressed or with the ending ".gz".
 *
 * @throws UserError naming the file that is missing, damaged or inconsistent with the others
 */
export async function readIdxFolder({ folder }: DataPlace): Promise<StoredImages> {
  const paths = findFiles(folder);
  const train = await readPair(paths.train);
  const test = paths.test && (await readPair(paths.test));
  const files = [train, ...(test ? [test] : [])].flatMap(({ images, labels }) => [images, labels].map(describeFile));
  const isPublished = DATA_PARTS.every((part, i) => FASHION_MNIST.files[part].sha256 === files[i]?.sha256);
  return { title: "IDX files", train: storedPart(train), test: test && storedPart(test), files, isPublished };
}

function findFiles(folder: string): IdxPaths {
  const found = idxNames(folder).map((name) => {
    const { prefix, part, what } = FILE_NAME.exec(name)!.groups!;
    return { path: join(folder, name.replace(/\.gz$/, "")), prefix, part, what };
  });
  const prefixes = [...new Set(found.map(({ prefix }) => prefix))];
  if (prefixes.length > 1) {
    throw new UserError(
      `${folder} holds the IDX files of ${prefixes.length} data sets (${prefixes.join(", ")}); put those of one into a folder of their own`,
    );
  }
  const pathOf = (isPart: (part: string) => boolean, what: string) =>
    found.find((file) => isPart(file.part!) && file.what === what)?.path;
  const pair = (name: string, isPart: (part: string) => boolean) => {
    const [images, labels] = [pathOf(isPart, "images"), pathOf(isPart, "labels")];
    if (images && labels) return { images, labels };
    if (!images && !labels) return undefined;
    throw new UserError(
      `${folder} has ${images ? "images" : "labels"} to ${name} (${images ?? labels}) but no ${images ? "labels" : "images"}; IDX files come in pairs`,
    );
  };
  const train = pair("train", (part) => part === "train");
  const test = pair("test", (part) => part !== "train");
  if (!train)
    throw new UserError(
      `${folder} has no IDX files to train with: train-images-idx3-ubyte and train-labels-idx1-ubyte`,
    );
  return { train, test };
}

interface IdxPair {
  readonly images: IdxFile;
  readonly labels: IdxFile;
}

async function readPair(paths: { images: string; labels: string }): Promise<IdxPair> {
  const [images, labels] = [await readIdxFile(paths.images), await readIdxFile(paths.labels)];
  const [count, ...size] = images.shape;
  if (size.length !== 2) {
    throw new UserError(`${images.path}: expected images, [count, height, width]; found [${images.shape.join(", ")}]`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new UserError(
      `${labels.path}: expected ${count} labels, one for each image of ${images.path}; found [${labels.shape.join(", ")}]`,
    );
  }
  return { images, labels };
}

function storedPart({ images, labels }: IdxPair): StoredPart {
  const [, height, width] = images.shape;
  return {
    images: images.data,
    channels: 1,
    height: height!,
    width: width!,
    labels: labels.data,
    imagesPath: images.path,
    labelsPath: labels.path,
  };
}
