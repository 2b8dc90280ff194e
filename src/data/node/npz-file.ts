import { relative } from "node:path";
import type { Entry } from "yauzl";
import { UserError } from "../../errors.ts";
import { MAX_NPY_HEADER, type NpyHeader, parseNpyHeader } from "../../formats/npy.ts";
import { count } from "../../text.ts";
import { PARTS, type Part } from "../picture-split.ts";
import { checksumOf } from "./checksum.ts";
import type { DataPlace } from "./data-place.ts";
import { checkTotal, type StoredImages, type StoredPart } from "./stored-images.ts";
import { withZip, type ZipContent } from "./zip-file.ts";

/** A file of images has four or six arrays, and perhaps some about them. */
const MAX_ENTRIES = 1000;
/** Names of arrays, without ".npy", in any case: Keras's `x_train`, MedMNIST's `train_images`. */
const IMAGES = /^(?:x_(?<part>[a-z]+)|(?<other>[a-z]+)_(?:x|images|imgs|data))$/;
const LABELS = /^(?:y_(?<part>[a-z]+)|(?<other>[a-z]+)_(?:y|labels|targets))$/;
const PART_NAMES: Readonly<Record<string, Part>> = {
  train: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  test: "test",
};
const NEEDED =
  "needed are x_train and y_train, and x_test and y_test if there are images to test (or train_images, train_labels, val_images and so on)";

/** Whether a place has a file of arrays with such names, or one that cannot be looked into. */
export async function hasNpzFile(place: DataPlace): Promise<boolean> {
  return (await npzFiles(place)).length > 0;
}

/**
 * Reads images from a file of NumPy arrays (`np.savez`, `np.savez_compressed`): arrays named as Keras or MedMNIST do,
 * images [n, height, width], [n, height, width, channels] or [n, channels, height, width] with 1 or 3 channels, labels
 * [n] or [n, 1]. Values of 8 bits are pixels as they are; others must be in a range that has a meaning (`scaleOf`).
 *
 * @throws UserError naming the file and the array
 */
export async function readNpz(place: DataPlace): Promise<StoredImages> {
  const files = await npzFiles(place);
  if (files.length > 1) {
    const names = files.map((path) => relative(place.folder, path)).join(", ");
    throw new UserError(
      (w) => `${place.folder} has several files of arrays (${names}); name the one to use with ${w.option("data")}`,
    );
  }
  const path = files[0]!;
  return withZip(path, MAX_ENTRIES, async (zip) => {
    const { found, others } = findArrays(zip, path);
    const images = await Promise.all(found.map(async ({ images }) => imageArray(await openArray(zip, images, path))));
    const scale = await scaleOf(images);
    const parts: Partial<Record<Part, StoredPart>> = {};
    for (const [i, { part, labels }] of found.entries()) {
      const array = images[i]!;
      parts[part] = {
        images: await convert(array, scale),
        channels: array.channels,
        height: array.height,
        width: array.width,
        labels: await readLabels(await openArray(zip, labels, path), array),
        imagesPath: array.name,
        labelsPath: nameOf(path, labels),
      };
    }
    const { train, validation, test } = parts;
    return {
      title: "NumPy arrays",
      train: train!,
      validation,
      test,
      files: [await checksumOf(path)],
      notes: others.length === 0 ? [] : [`${path}: not used: ${others.join(", ")}`],
    };
  });
}

/** The `.npz` files of a place; in a folder those without any of the known arrays are something else. */
async function npzFiles({ files, file }: DataPlace): Promise<string[]> {
  const named = files.filter(({ name }) => name.toLowerCase().endsWith(".npz")).map(({ path }) => path);
  if (file) return named;
  const isMeant = await Promise.all(
    named.map((path) =>
      withZip(path, MAX_ENTRIES, async ({ entries }) => entries.some((entry) => roleOf(entry) !== undefined)).catch(
        (error: unknown) => {
          if (error instanceof UserError) return true; // reading it reports what is wrong
          throw error;
        },
      ),
    ),
  );
  return named.filter((_, i) => isMeant[i]);
}

function roleOf({ fileName }: Entry): { readonly part: Part; readonly what: "images" | "labels" } | undefined {
  const name = fileName.replace(/\.npy$/, "").toLowerCase();
  for (const [what, pattern] of [
    ["images", IMAGES],
    ["labels", LABELS],
  ] as const) {
    const { part, other } = pattern.exec(name)?.groups ?? {};
    const known = PART_NAMES[part ?? other ?? ""];
    if (known) return { part: known, what };
  }
  return undefined;
}

interface ArrayPair {
  readonly part: Part;
  readonly images: Entry;
  readonly labels: Entry;
}

/** The arrays of each part, and the names of those that are none. */
function findArrays({ entries }: ZipContent, path: string): { found: ArrayPair[]; others: string[] } {
  const byRole = new Map<string, Entry>();
  const others: string[] = [];
  for (const entry of entries) {
    const role = roleOf(entry);
    if (!role) {
      others.push(entry.fileName.replace(/\.npy$/, ""));
      continue;
    }
    const key = `${role.what} ${role.part}`;
    const before = byRole.get(key);
    if (before) {
      throw new UserError(
        `${path} has two arrays of ${role.what} to ${VERBS[role.part]}: ${before.fileName} and ${entry.fileName}; keep one`,
      );
    }
    byRole.set(key, entry);
  }
  const found = PARTS.flatMap((part) => {
    const [images, labels] = [byRole.get(`images ${part}`), byRole.get(`labels ${part}`)];
    if (images && labels) return [{ part, images, labels }];
    if (!images && !labels) return [];
    throw new UserError(
      `${path} has ${images ? "images" : "labels"} to ${VERBS[part]} (${(images ?? labels)!.fileName}) but no ${images ? "labels" : "images"}; ${NEEDED}`,
    );
  });
  if (found[0]?.part !== "train") {
    const names = entries.map(({ fileName }) => fileName.replace(/\.npy$/, "")).join(", ");
    throw new UserError(`${path} has ${names === "" ? "no arrays" : `the arrays ${names}`}; ${NEEDED}`);
  }
  return { found, others };
}

const VERBS: Readonly<Record<Part, string>> = { train: "train", validation: "validate", test: "test" };

/** An array in the file: its header is read, its elements can be. */
interface OpenArray extends NpyHeader {
  readonly name: string;
  /** Calls `visit` for each element, in the order of the file. */
  readonly each: (visit: (value: number | string, index: number) => void) => Promise<void>;
}

function nameOf(path: string, { fileName }: Entry): string {
  return `${path} (${fileName.replace(/\.npy$/, "")})`;
}

async function openArray(zip: ZipContent, entry: Entry, path: string): Promise<OpenArray> {
  const name = nameOf(path, entry);
  const header = parseNpyHeader(await beginningOf(zip, entry), name);
  const { shape, type, headerBytes } = header;
  const declared = shape.reduce((product, size) => product * size, type.bytes);
  const stored = entry.uncompressedSize - headerBytes;
  if (declared !== stored) {
    throw new UserError(
      `${name}: its header says ${type.name} elements of the shape [${shape.join(", ")}], ${count(declared)} bytes, but there are ${count(stored)}${stored < declared ? " (cut short?)" : ""}`,
    );
  }
  return {
    ...header,
    name,
    async each(visit) {
      let index = 0;
      let rest = Buffer.alloc(0);
      let skip = headerBytes;
      for await (const part of zip.read(entry)) {
        const skipped = Math.min(skip, part.length);
        skip -= skipped;
        const bytes = Buffer.concat([rest, part.subarray(skipped)]);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const whole = bytes.length - (bytes.length % type.bytes);
        for (let at = 0; at < whole; at += type.bytes) visit(type.read(view, at), index++);
        rest = bytes.subarray(whole);
      }
    },
  };
}

async function beginningOf(zip: ZipContent, entry: Entry): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of zip.read(entry)) {
    parts.push(part);
    length += part.length;
    if (length >= MAX_NPY_HEADER) break;
  }
  return Buffer.concat(parts);
}

/** An array of images, and where its elements belong in [n, channels, height, width]. */
interface ImageArray extends OpenArray {
  readonly count: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** By axis of the array. */
  readonly strides: readonly number[];
}

/** @throws UserError unless the shape is one of images and has one meaning only */
function imageArray(array: OpenArray): ImageArray {
  const { name, shape, type } = array;
  const found = `${name} has the shape [${shape.join(", ")}]`;
  const allowed = "images are [n, height, width], or have 1 or 3 channels as the second or the last size";
  if (type.kind === "text") throw new UserError(`${name} holds text; images are numbers`);
  if (shape.length < 3 || shape.length > 4) throw new UserError(`${found}; ${allowed}`);
  if (shape.includes(0)) throw new UserError(`${found}: it has no images; leave the array out, or fill it`);
  const isChannels = (size: number | undefined) => size === 1 || size === 3;
  const isFirst = shape.length === 4 && isChannels(shape[1]);
  const isLast = shape.length === 4 && isChannels(shape[3]);
  if (isFirst && isLast) {
    throw new UserError(`${found}, where the channels may be the second or the last size; save images of another size`);
  }
  if (shape.length === 4 && !isFirst && !isLast) throw new UserError(`${found}; ${allowed}`);
  const [total, ...rest] = shape as [number, number, number, number?];
  const [channels, height, width] = isFirst ? (rest as [number, number, number]) : [rest[2] ?? 1, rest[0], rest[1]];
  checkTotal(total, { channels, height, width });
  const plane = height * width;
  const image = channels * plane;
  const strides = isFirst ? [image, plane, width, 1] : [image, width, 1, plane];
  return { ...array, count: total, channels, height, width, strides };
}

/** Converts an element to a pixel, 0 to 255. */
type Scale = (value: number) => number;

const AS_IS: Scale = (value) => value;

/**
 * How elements become pixels: 8 bits without sign as they are, true white, 16 bits without sign like pictures of 16
 * bits if any value is above 255. Floats from 0 to 1 are shares of white. Other numbers must be whole and 0 to 255. The
 * images of all parts have one scale.
 *
 * @throws UserError naming the array, the image and the value that has no meaning, or two arrays of different types
 */
async function scaleOf(arrays: readonly ImageArray[]): Promise<Scale> {
  const [{ type, name }] = arrays as [ImageArray, ...ImageArray[]];
  const other = arrays.find((array) => array.type.name !== type.name);
  if (other)
    throw new UserError(
      `${name} is ${type.name}, but ${other.name} ${other.type.name}; save them as one type, best uint8`,
    );
  if (type.name === "uint8") return AS_IS;
  if (type.kind === "boolean") return (value) => 255 * value;
  const ranges: Range[] = [];
  for (const array of arrays) ranges.push(await rangeOf(array));
  const least = Math.min(...ranges.map((range) => range.least.value));
  const most = Math.max(...ranges.map((range) => range.most.value));
  const fraction = ranges.find((range) => range.fraction)?.fraction;
  if (type.kind === "float" && least >= 0 && most <= 1) return (value) => Math.round(255 * value);
  if (type.name === "uint16" && most > 255) return (value) => Math.round(value / 257);
  if (least >= 0 && most <= 255 && !fraction) return AS_IS;
  const extremes = ranges.flatMap((range) => [range.least, range.most]);
  const strange = extremes.find(({ value }) => !(value >= 0 && value <= 255)) ?? fraction ?? extremes[0]!;
  throw new UserError(
    `${strange.name}: image ${strange.image} has the value ${strange.value}, and all are from ${least} to ${most}; allowed are ${type.kind === "float" ? "0 to 1, or whole numbers from 0 to 255" : "0 to 255"}. Save the pixels as uint8`,
  );
}

/** A value, and the first image that has it, from 0. */
interface Found {
  readonly value: number;
  readonly name: string;
  readonly image: number;
}

interface Range {
  readonly least: Found;
  readonly most: Found;
  /** The first value that is not a whole number. */
  readonly fraction: Found | undefined;
}

async function rangeOf(array: ImageArray): Promise<Range> {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const at = { least: 0, most: 0, fraction: -1 };
  let fraction = 0;
  await array.each((element, index) => {
    const value = Number(element);
    if (Number.isNaN(value)) {
      throw new UserError(`${array.name}: image ${imageOf(array, index)} has a value that is not a number (NaN)`);
    }
    if (value < least) [least, at.least] = [value, index];
    if (value > most) [most, at.most] = [value, index];
    if (at.fraction < 0 && !Number.isInteger(value)) [fraction, at.fraction] = [value, index];
  });
  const found = (value: number, index: number): Found => ({ value, name: array.name, image: imageOf(array, index) });
  return {
    least: found(least, at.least),
    most: found(most, at.most),
    fraction: at.fraction < 0 ? undefined : found(fraction, at.fraction),
  };
}

/** The image of an element, by its place in the file. */
function imageOf({ isFortran, count: total, strides }: ImageArray, index: number): number {
  return isFortran ? index % total : Math.floor(index / strides[0]!);
}

/** @returns pixels, [n, channels, height, width] */
async function convert(array: ImageArray, scale: Scale): Promise<Uint8Array> {
  const { shape, strides, isFortran, channels, height, width } = array;
  const images = new Uint8Array(array.count * channels * height * width);
  const axes = isFortran ? [...shape.keys()] : [...shape.keys()].reverse();
  const steps = axes.map((axis) => strides[axis]!);
  const sizes = axes.map((axis) => shape[axis]!);
  const position = axes.map(() => 0);
  let to = 0;
  await array.each((value) => {
    images[to] = scale(value as number);
    for (let k = 0; k < steps.length; k++) {
      to += steps[k]!;
      position[k]!++;
      if (position[k]! < sizes[k]!) break;
      to -= steps[k]! * sizes[k]!;
      position[k] = 0;
    }
  });
  return images;
}

/** @throws UserError unless there is one label per image, a whole number from 0 or a name */
async function readLabels(array: OpenArray, images: ImageArray): Promise<readonly (number | string)[]> {
  const { name, shape } = array;
  const expected = `expected ${count(images.count)} labels, [${images.count}] or [${images.count}, 1], one for each image of ${images.name}`;
  if (shape[0] !== images.count || !(shape.length === 1 || (shape.length === 2 && shape[1] === 1))) {
    const isOneHot = shape.length === 2 && shape[0] === images.count;
    throw new UserError(
      `${name}: ${expected}; found [${shape.join(", ")}]${isOneHot ? ". If these are indicators of classes, save .argmax(axis=1)" : ""}`,
    );
  }
  const labels: (number | string)[] = [];
  await array.each((label, index) => {
    if (typeof label === "number" && !(Number.isSafeInteger(label) && label >= 0)) {
      throw new UserError(`${name}: label ${index} is ${label}; labels are whole numbers from 0, or names of classes`);
    }
    if (label === "") throw new UserError(`${name}: label ${index} is empty; give each image a class`);
    labels.push(label);
  });
  return labels;
}
