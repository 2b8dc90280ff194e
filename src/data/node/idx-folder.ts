import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { type IdxFile, readIdxFile } from "../../formats/node/idx-file.ts";
import { type Fit, fitPicture } from "../../imaging/fit-picture.ts";
import { GARMENT } from "../../imaging/preparation.ts";
import { DATA_PARTS, FASHION_MNIST } from "../fashion-mnist.ts";
import { createImageSet, type ImageSet, imageBytes, selectImages } from "../image-set.ts";
import { preparationOf } from "../picture-split.ts";
import { drawPart } from "../split.ts";
import { describeData, type LoadedData, type Report } from "./chain.ts";
import { readClassNames } from "./class-names.ts";
import { type CustomDataOptions, DEFAULT_FIT, MAX_SIZE } from "./custom-data-options.ts";
import { describeFile } from "./folder.ts";
import { entriesOf } from "./picture-files.ts";

/** `train-images-idx3-ubyte`, `emnist-balanced-test-labels-idx1-ubyte.gz`, `t10k-images.idx3-ubyte` */
const FILE_NAME = /^(?<prefix>.*?)(?<part>train|t10k|test)-(?<what>images|labels)[-.]idx[13]-ubyte(?:\.gz)?$/;
const NAMES_FILE = "classes.txt";
/** Share of the images drawn for testing, where the folder has no test images. */
const DRAWN_SHARE = 0.1;

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
 * Loads a folder of IDX files: gray images of any size, one file of images and one of labels for training and
 * optionally for testing, each uncompressed or with the ending ".gz". Classes are the labels that occur, unless
 * `classes.txt` names them.
 *
 * @throws UserError naming the file that is missing, damaged or inconsistent with the others
 */
export async function loadIdxFolder(folder: string, options: CustomDataOptions, report: Report): Promise<LoadedData> {
  const paths = findFiles(folder);
  const train = await readPair(paths.train);
  const test = paths.test && (await readPair(paths.test));
  const files = [train.images, train.labels, ...(test ? [test.images, test.labels] : [])].map(describeFile);
  const isPublished = DATA_PARTS.every((part, i) => FASHION_MNIST.files[part].sha256 === files[i]?.sha256);
  const classes = isPublished ? publishedClasses() : classesOf(folder, train.labels, report);
  const sets = {
    train: imageSet(train, classes, options),
    ...(test ? { test: imageSet(test, classes, options) } : {}),
  };
  checkSets(sets, { train, test });
  const divided = "test" in sets ? { train: sets.train, test: sets.test! } : drawTest(sets.train, train.labels.path);
  const drawn = test ? "" : "; a tenth of the images was drawn to test";
  const title = isPublished ? FASHION_MNIST.title : "IDX files";
  report(`${describeData(title, { ...divided, files })} from ${folder}${drawn}`);
  return {
    ...divided,
    source: "folder",
    folder,
    verified: isPublished && train.images.data === sets.train.images,
    files,
    preparation: isPublished ? GARMENT : preparationOf({ fit: options.fit ?? DEFAULT_FIT }),
  };
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

/** Class names, and the class of each label; a label without a class maps to 255 or to an index beyond the classes. */
interface Classes {
  readonly names: readonly string[];
  readonly of: (label: number) => number | undefined;
}

function publishedClasses(): Classes {
  return { names: FASHION_MNIST.classNames, of: (label) => label };
}

function classesOf(folder: string, { data, path }: IdxFile, report: Report): Classes {
  const present = [...new Set(data)].sort((a, b) => a - b);
  if (present.length < 2) {
    throw new UserError(`${path} has one class only, ${present[0]}: there is nothing to tell apart`);
  }
  const classes = new Map(present.map((label, i) => [label, i]));
  const of = (label: number) => classes.get(label);
  const file = join(folder, NAMES_FILE);
  if (!entriesOf(folder).some(({ name }) => name === NAMES_FILE)) return { names: present.map(String), of };
  const names = readClassNames(file);
  const beyond = present.find((label) => label >= names.length);
  if (beyond !== undefined) {
    throw new UserError(
      `${path}: label ${data.indexOf(beyond)} is ${beyond}, but the ${names.length} classes of ${file} are 0 to ${names.length - 1}`,
    );
  }
  const nameless = present.find((label) => names[label] === "");
  if (nameless !== undefined) {
    throw new UserError(
      `${file}: line ${nameless + 1} is empty, but label ${data.indexOf(nameless)} of ${path} is ${nameless}; put the name of its class there`,
    );
  }
  const unused = names.filter((name, label) => name !== "" && !present.includes(label));
  if (unused.length > 0) report(`${path} has no image of ${unused.join(", ")}, which ${file} names: left out`);
  return { names: present.map((label) => names[label]!), of };
}

function imageSet({ images, labels }: IdxPair, { names, of }: Classes, options: CustomDataOptions): ImageSet {
  const known = labels.data.map((label) => of(label) ?? names.length);
  const strange = known.indexOf(names.length);
  if (strange >= 0) {
    throw new UserError(
      `${labels.path}: label ${strange} is ${labels.data[strange]}, which no image to train has; there are ${names.join(", ")}`,
    );
  }
  const [, height, width] = images.shape;
  const { size, channels = 1, fit = DEFAULT_FIT } = options;
  if (size === undefined && Math.max(height!, width!) > MAX_SIZE) {
    throw new UserError(
      (w) =>
        `${images.path} holds images of ${height}x${width}; networks take at most ${MAX_SIZE}x${MAX_SIZE}: make them smaller with ${w.option("size")}`,
    );
  }
  const target = { channels, height: size ?? height!, width: size ?? width! };
  return createImageSet(
    { images: fitted(images, target, fit), labels: known, ...target, classNames: names },
    labels.path,
  );
}

/** Converts images to another size and number of channels; returns them unchanged where nothing differs. */
function fitted({ data, shape }: IdxFile, target: Parameters<typeof fitPicture>[1], fit: Fit): Uint8Array {
  const [count, height, width] = [shape[0]!, shape[1]!, shape[2]!];
  if (target.channels === 1 && target.height === height && target.width === width) return data;
  const [from, to] = [height * width, imageBytes(target)];
  const images = new Uint8Array(count * to);
  for (let i = 0; i < count; i++) {
    const picture = { data: data.subarray(i * from, (i + 1) * from), height, width, channels: 1 as const };
    images.set(fitPicture(picture, target, fit), i * to);
  }
  return images;
}

/** Test images must have the size of the training images. */
function checkSets(
  { train, test }: { train: ImageSet; test?: ImageSet },
  pairs: { train: IdxPair; test: IdxPair | undefined },
): void {
  if (!test || (train.height === test.height && train.width === test.width)) return;
  throw new UserError(
    (w) =>
      `${pairs.test!.images.path} holds images of ${test.height}x${test.width}, ${pairs.train.images.path} of ${train.height}x${train.width}; they must have one size: give one with ${w.option("size")}`,
  );
}

/** Sets test images aside, deterministically. */
function drawTest(all: ImageSet, labelsPath: string): Pick<LoadedData, "train" | "test"> {
  const few = all.classNames.filter((_, label) => all.labels.filter((other) => other === label).length < 2);
  if (few.length > 0) {
    throw new UserError(`${labelsPath}: each class needs at least 2 images, one to test; too few: ${few.join(", ")}`);
  }
  const tested = drawPart(all.labels, { classes: all.classNames.length, share: DRAWN_SHARE, part: "test" });
  const isTested = new Set(tested);
  const rest = Uint32Array.from(all.labels.keys()).filter((i) => !isTested.has(i));
  return { train: selectImages(all, rest), test: selectImages(all, tested) };
}
