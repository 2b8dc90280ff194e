import { UserError } from "../../errors.ts";
import { type Fit, fitPicture } from "../../imaging/fit-picture.ts";
import { GARMENT } from "../../imaging/preparation.ts";
import { count, counted } from "../../text.ts";
import { FASHION_MNIST, type PublishedFile } from "../fashion-mnist.ts";
import { createImageSet, type ImageGeometry, type ImageSet, imageBytes, selectImages } from "../image-set.ts";
import { preparationOf } from "../picture-split.ts";
import { joinRows, memoryRows, type Rows } from "../rows.ts";
import { drawPart } from "../split.ts";
import { describeData, type LoadedData, type Report } from "./chain.ts";
import { MAX_CLASSES, namesBeside } from "./class-names.ts";
import { type CustomDataOptions, DEFAULT_FIT, MAX_SIZE } from "./custom-data-options.ts";
import type { DataPlace } from "./data-place.ts";

/** Share of the images drawn for testing, where the files have no test images. */
const DRAWN_SHARE = 0.1;
/** Maximum size of all images of a part. */
const MAX_BYTES = 2 ** 31 - 1;

/** Images and labels of one part as files store them, all images of one size. */
export interface StoredPart {
  /** Pixels 0 to 255, [count, channels, height, width]: one array, or a row for each image. */
  readonly images: Uint8Array | Rows;
  /** 1 (gray) or 3 (red, green, blue). */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Of each image, [count]: all numbers, or all names of classes. */
  readonly labels: Uint8Array | readonly (number | string)[];
  /** The file of the images, and that of the labels, for messages. */
  readonly imagesPath: string;
  readonly labelsPath: string;
  /** Names the place of a label in its file. Default: "label 5", from 0. */
  readonly placeOf?: (index: number) => string;
}

/** Files of images that are no picture files (IDX, NumPy, CIFAR ...), read but not yet fitted. */
export interface StoredImages {
  /** The kind of files: "IDX files". */
  readonly title: string;
  readonly train: StoredPart;
  readonly validation?: StoredPart | undefined;
  readonly test?: StoredPart | undefined;
  /** Name, size and SHA-256 of every file that was read. */
  readonly files: readonly PublishedFile[];
  /** Names of the classes 0, 1, 2 ..., where the files have them, and the file they are in. */
  readonly names?: { readonly names: readonly string[]; readonly file: string } | undefined;
  /** Whether these are the published files of Fashion-MNIST. */
  readonly isPublished?: boolean;
  /** Lines that say what is left out, or how something ambiguous was read. */
  readonly notes?: readonly string[];
}

/** Stored images as data to train on, and which parts had to be drawn. */
export interface AssembledImages {
  readonly loaded: LoadedData;
  readonly drawn: readonly ("validation" | "test")[];
}

/**
 * Makes data to train on of stored images: names the classes, fits the images to one size and draws missing test
 * images. Classes are the labels that occur among the training images; numbers are named by the files themselves, or
 * by `classes.txt` or `labels.txt` in the folder.
 *
 * @throws UserError naming the file and the label or size that is refused
 */
export function assembleStored(
  stored: StoredImages,
  { path: place, folder }: DataPlace,
  options: CustomDataOptions,
  report: Report,
): AssembledImages {
  const { files, isPublished = false, notes = [] } = stored;
  const classes = isPublished ? publishedClasses() : classesOf(stored, folder, report);
  const setOf = (part: StoredPart | undefined) => part && imageSet(part, classes, options);
  const sets = { train: setOf(stored.train)!, validation: setOf(stored.validation), test: setOf(stored.test) };
  checkSizes(sets, stored);
  const { train, test } = sets.test
    ? { train: sets.train, test: sets.test }
    : drawTest(sets.train, stored.train.labelsPath);
  const all = sets.validation ? withValidation(train, sets.validation) : train;
  const title = isPublished ? FASHION_MNIST.title : stored.title;
  const drawn = sets.test ? "" : "; a tenth of the images was drawn to test";
  const validated = sets.validation ? `; ${count(sets.validation.count)} of those to train validate` : "";
  report(`${describeData(title, { train: all, test, files })} from ${place}${validated}${drawn}`);
  for (const note of notes) report(note);
  return {
    loaded: {
      train: all,
      test,
      source: "folder",
      folder: place,
      verified: isPublished && isFitted(stored.train, sets.train),
      files,
      preparation: isPublished ? GARMENT : preparationOf({ fit: options.fit ?? DEFAULT_FIT }),
    },
    drawn: [...(sets.validation ? [] : (["validation"] as const)), ...(sets.test ? [] : (["test"] as const))],
  };
}

/** Class names, and the class of each label; a label without a class maps to an index beyond the classes. */
interface Classes {
  readonly names: readonly string[];
  readonly of: (label: number | string) => number | undefined;
}

function publishedClasses(): Classes {
  return { names: FASHION_MNIST.classNames, of: Number };
}

function classesOf({ train, names: own }: StoredImages, folder: string, report: Report): Classes {
  const { labels, labelsPath: path } = train;
  const present: (number | string)[] = [...new Set<number | string>(labels)];
  if (present.every((label) => typeof label === "number")) present.sort((a, b) => Number(a) - Number(b));
  else present.sort();
  if (present.length < 2) {
    throw new UserError(`${path} has one class only, ${present[0]}: there is nothing to tell apart`);
  }
  if (present.length > MAX_CLASSES) {
    throw new UserError(
      `${path} has ${count(present.length)} classes; at most ${MAX_CLASSES} are possible. Labels are classes, not measured values`,
    );
  }
  const classes = new Map(present.map((label, i) => [label, i]));
  const of = (label: number | string) => classes.get(label);
  const numbers = present.filter((label) => typeof label === "number");
  const found = numbers.length < present.length ? undefined : (own ?? namesBeside(folder));
  if (!found) return { names: present.map(String), of };
  const { names, file } = found;
  const place = train.placeOf ?? ((index: number) => `label ${index}`);
  const beyond = numbers.find((label) => label < 0 || label >= names.length);
  if (beyond !== undefined) {
    throw new UserError(
      `${path}: ${place([...labels].indexOf(beyond))} is ${beyond}, but the ${names.length} classes of ${file} are 0 to ${names.length - 1}`,
    );
  }
  const nameless = numbers.find((label) => names[label] === "");
  if (nameless !== undefined) {
    throw new UserError(
      `${file}: line ${nameless + 1} is empty, but ${place([...labels].indexOf(nameless))} of ${path} is ${nameless}; put the name of its class there`,
    );
  }
  const unused = names.filter((name, label) => name !== "" && !numbers.includes(label));
  if (unused.length > 0) report(`${path} has no image of ${unused.join(", ")}, which ${file} names: left out`);
  return { names: numbers.map((label) => names[label]!), of };
}

function imageSet(part: StoredPart, { names, of }: Classes, options: CustomDataOptions): ImageSet {
  const { labels, labelsPath, imagesPath, height, width, placeOf = (index: number) => `label ${index}` } = part;
  const known = Array.from<number | string, number>(labels, (label) => of(label) ?? names.length);
  const strange = known.findIndex((label) => label >= names.length);
  if (strange >= 0) {
    throw new UserError(
      `${labelsPath}: ${placeOf(strange)} is ${labels[strange]}, which no image to train has; there are ${names.join(", ")}`,
    );
  }
  const { size, channels = part.channels, fit = DEFAULT_FIT } = options;
  if (size === undefined && Math.max(height, width) > MAX_SIZE) {
    throw new UserError(
      (w) =>
        `${imagesPath} holds images of ${height}x${width}; networks take at most ${MAX_SIZE}x${MAX_SIZE}: make them smaller with ${w.option("size")}`,
    );
  }
  const target = { channels, height: size ?? height, width: size ?? width };
  const images = fitted(part, target, fit);
  return createImageSet({ images, labels: Uint8Array.from(known), ...target, classNames: names }, labelsPath);
}

/** Whether images have the size that is wanted, so that they stay as they are. */
function isFitted(part: ImageGeometry, target: ImageGeometry): boolean {
  return target.channels === part.channels && target.height === part.height && target.width === part.width;
}

/** Converts images to another size and number of channels; returns them unchanged where nothing differs. */
function fitted(part: StoredPart, target: ImageGeometry, fit: Fit): Rows {
  const { channels, height, width } = part;
  const [from, to] = [imageBytes(part), imageBytes(target)];
  const rows = part.images instanceof Uint8Array ? memoryRows(part.images, from) : part.images;
  if (isFitted(part, target)) return rows;
  const total = rows.count;
  checkTotal(total, target);
  const images = new Uint8Array(total * to);
  const picture = { data: new Uint8Array(from), height, width, channels: channels as 1 | 3 };
  const plane = height * width;
  for (let i = 0; i < total; i++) {
    const data = rows.read(i, i + 1);
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < plane; k++) picture.data[k * channels + c] = data[c * plane + k]!;
    }
    images.set(fitPicture(picture, target, fit), i * to);
  }
  return memoryRows(images, to);
}

/** @throws UserError when the images would take more than 2 GB */
export function checkTotal(images: number, { channels, height, width }: ImageGeometry): void {
  if (images * channels * height * width <= MAX_BYTES) return;
  throw new UserError(
    (w) =>
      `${count(images)} images of ${height}x${width} with ${counted(channels, "channel")} take more than 2 GB; make them smaller with ${w.option("size")}, or use ${w.option("channels", 1)}`,
  );
}

/** Images of all parts must have the size of the training images. */
function checkSizes(
  { train, validation, test }: { train: ImageSet; validation: ImageSet | undefined; test: ImageSet | undefined },
  stored: StoredImages,
): void {
  for (const [set, part] of [
    [validation, stored.validation],
    [test, stored.test],
  ] as const) {
    if (!set || !part) continue;
    if (train.height !== set.height || train.width !== set.width) {
      throw new UserError(
        (w) =>
          `${part.imagesPath} holds images of ${set.height}x${set.width}, ${stored.train.imagesPath} of ${train.height}x${train.width}; they must have one size: give one with ${w.option("size")}`,
      );
    }
    if (train.channels !== set.channels) {
      throw new UserError(
        (w) =>
          `${part.imagesPath} holds images with ${counted(set.channels, "channel")}, ${stored.train.imagesPath} with ${train.channels}; give one number with ${w.option("channels")}`,
      );
    }
  }
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

/** Images to train followed by those that the files set aside for validation. */
function withValidation(train: ImageSet, validation: ImageSet): ImageSet {
  const total = train.count + validation.count;
  checkTotal(total, train);
  const images = joinRows([train.images, validation.images]);
  const labels = new Uint8Array(total);
  labels.set(train.labels);
  labels.set(validation.labels, train.count);
  const indices = Uint32Array.from({ length: validation.count }, (_, i) => train.count + i);
  return { ...train, images, labels, count: total, validation: indices };
}
