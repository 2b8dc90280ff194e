import { createHash } from "node:crypto";
import { UserError } from "../../errors.ts";
import { inWords, type Wording, type Words } from "../../wording.ts";
import { type ImageSet, imageBytes, selectImages } from "../image-set.ts";
import { drawParts, type PictureSplit, preparationOf, type SplitPicture } from "../picture-split.ts";
import type { Rows } from "../rows.ts";
import type { LoadedData } from "./chain.ts";
import type { ListedPictures } from "./class-folders.ts";
import { type CustomDataOptions, DEFAULT_FIT } from "./custom-data-options.ts";
import type { DataPlace } from "./data-place.ts";
import { leftOutLines } from "./left-out.ts";
import { type DefaultSize, measurePictures } from "./measure-pictures.ts";
import { type ReadingHooks, readPicturesOnce } from "./picture-cache.ts";
import type { ReadPictures, UnreadablePicture } from "./read-pictures.ts";

/** The content of a data folder of pictures, before it is divided into parts. */
export interface PictureFolder {
  readonly listed: ListedPictures;
  readonly read: ReadPictures;
  /** Edge of the square images. */
  readonly size: number;
  /** How the size was chosen; undefined when it was given. */
  readonly chosen: DefaultSize | undefined;
}

/** Reads the listed pictures of a folder; listed ones that are missing are unreadable. */
export async function readPictureFolder(
  { folder, shown }: DataPlace,
  listed: ListedPictures,
  { size: given, maxDefaultSize, channels, fit = DEFAULT_FIT }: CustomDataOptions,
  hooks: ReadingHooks,
): Promise<PictureFolder> {
  const files = listed.pictures.map(({ file }) => file);
  const preparation = preparationOf({ fit });
  const chosen = given === undefined ? await measurePictures(folder, files, maxDefaultSize) : undefined;
  const size = given ?? chosen!.size;
  const read = await readPicturesOnce(folder, files, { height: size, width: size, channels, preparation }, hooks);
  const unreadable = [...(listed.missing ?? []), ...read.unreadable].map(({ file, message }) => ({
    file,
    message: shown(message),
  }));
  return { listed, read: { ...read, unreadable }, size, chosen };
}

/**
 * Divides the pictures of a folder into parts.
 *
 * @throws UserError when a class has too few pictures or only identical ones, or no picture of a part can be read
 */
export function assemblePictures(
  folder: string,
  { listed, read, size }: PictureFolder,
  { fit = DEFAULT_FIT }: CustomDataOptions,
): LoadedData & { readonly split: PictureSplit } {
  const { classNames, pictures, parts } = listed;
  const of = new Map(pictures.map((picture) => [picture.file, picture]));
  const found = read.pictures.map(({ file, bytes, sha256 }) => ({ ...of.get(file)!, bytes, sha256 }));
  const drawn = (["validation", "test"] as const).filter((part) => !parts.includes(part));
  for (const part of parts) {
    if (found.some((picture) => picture.part === part)) continue;
    throw new UserError(`${folder}: no picture of the part ${part} can be read`);
  }
  const split: PictureSplit = {
    format: 1,
    classNames: [...classNames],
    image: { channels: read.channels, height: size, width: size },
    fit,
    drawn,
    skipped: [...read.unreadable],
    pictures: drawParts(found, { classNames, drawn }),
  };
  const labels = found.map(({ label }) => label);
  checkDifferences(folder, { classNames, labels, images: read.images, channels: read.channels });
  return loadedData(folder, split, read.images);
}

/** All pictures that were meant, readable or not. */
export function countListed({ pictures, missing = [] }: ListedPictures): number {
  return pictures.length + missing.length;
}

/**
 * Loads the listed pictures of a folder for a new run, and reports what is left out.
 *
 * @throws UserError listing every picture that cannot be read unless they may be skipped
 */
export async function loadPictureFolder(
  place: DataPlace,
  listed: ListedPictures,
  options: CustomDataOptions,
  hooks: ReadingHooks,
): Promise<LoadedData> {
  const { report } = hooks;
  const content = await readPictureFolder(place, listed, options, hooks);
  leaveOutUnreadable(content.read.unreadable, countListed(listed), { ...options, report });
  const loaded = assemblePictures(place.folder, content, options);
  const words: Words = (w) =>
    `${describePictures(place.path, loaded.split)}${content.chosen ? whySize(content.chosen, w) : ""}`;
  report(inWords(words), words);
  for (const line of [...(listed.notes ?? []), ...leftOutLines(listed.others)]) report(line);
  return { ...loaded, folder: place.path };
}

/**
 * Loads the pictures of an existing run from `folder`, where they are now.
 *
 * @param name of the run, for error messages
 * @throws UserError that lists the pictures that are missing or were changed since the run
 */
export async function loadSplit(
  folder: string,
  split: PictureSplit,
  { name, ...hooks }: { name: string } & ReadingHooks,
): Promise<LoadedData> {
  const files = split.pictures.map(({ file }) => file);
  const preparation = preparationOf(split);
  const { pictures, images, unreadable } = await readPicturesOnce(
    folder,
    files,
    { ...split.image, preparation },
    hooks,
  );
  const now = new Map(pictures.map(({ file, sha256 }) => [file, sha256]));
  const changed = split.pictures.filter(({ file, sha256 }) => now.has(file) && now.get(file) !== sha256);
  const problems = [
    ...unreadable.map(({ message }) => message),
    ...changed.map(({ file }) => `${file} has another content than it had`),
  ];
  if (problems.length > 0) {
    const what = `${problems.length} of the ${files.length} pictures of ${name} are not as they were in ${folder}:`;
    throw new UserError((w) =>
      [
        what,
        ...problems.map((problem) => `  ${problem}`),
        `Put them back, or name the folder where they are with ${w.option("data")}`,
      ].join("\n"),
    );
  }
  hooks.report(describePictures(folder, split));
  return loadedData(folder, split, images);
}

/**
 * Reports the pictures that cannot be read, which are left out.
 *
 * @param total number of pictures, readable or not
 * @throws UserError listing every one of them unless they may be skipped
 */
export function leaveOutUnreadable(
  unreadable: readonly UnreadablePicture[],
  total: number,
  { skipUnreadable, report }: Pick<CustomDataOptions, "skipUnreadable"> & Pick<ReadingHooks, "report">,
): void {
  if (unreadable.length === 0) return;
  const lines = unreadableLines(unreadable, total);
  if (skipUnreadable !== true) {
    throw new UserError((w) =>
      [...lines, `Mend or remove them, or leave them out with ${w.option("skipUnreadable")}`].join("\n"),
    );
  }
  for (const line of lines) report(line);
}

/** Lists all unreadable pictures, so that they can be fixed at once. */
export function unreadableLines(unreadable: readonly UnreadablePicture[], total: number): string[] {
  const count = `${unreadable.length} of ${total.toLocaleString("en-US")}`;
  return [`${count} pictures cannot be read:`, ...unreadable.map(({ message }) => `  ${message}`)];
}

/** "Pictures in photos: 3 classes, 81 to train, 9 to validate, 10 to test, as 3x28x28 images" */
function describePictures(folder: string, { classNames, image, pictures }: PictureSplit): string {
  const count = (part: SplitPicture["part"]) => pictures.filter((p) => p.part === part).length.toLocaleString("en-US");
  const { channels, height, width } = image;
  return `Pictures in ${folder}: ${classNames.length} classes, ${count("train")} to train, ${count("validation")} to validate, ${count("test")} to test, as ${channels}x${height}x${width} images`;
}

function whySize({ median }: DefaultSize, w: Wording): string {
  const why = median === undefined ? "" : `: half of the pictures have a shorter edge of ${median} pixels or more`;
  return ` (${w.option("size")} chooses another)${why}`;
}

/** @param images of the split's pictures in their order */
function loadedData(folder: string, split: PictureSplit, images: Rows): LoadedData & { readonly split: PictureSplit } {
  const { classNames, image, pictures } = split;
  const labels = Uint8Array.from(pictures, ({ label }) => label);
  const files = pictures.map(({ file }) => file);
  const all: ImageSet = { images, labels, count: pictures.length, ...image, classNames, files };
  if (images.count !== all.count || images.size !== imageBytes(image))
    throw new Error(`${images.count} rows of ${images.size} bytes for ${all.count} images`);
  const indices = (isMeant: (part: SplitPicture["part"]) => boolean) =>
    Uint32Array.from(pictures.keys()).filter((i) => isMeant(pictures[i]!.part));
  const training = indices((part) => part !== "test");
  const validation = Uint32Array.from(training.keys()).filter((i) => pictures[training[i]!]!.part === "validation");
  return {
    train: { ...selectImages(all, training), validation },
    test: selectImages(
      all,
      indices((part) => part === "test"),
    ),
    source: "pictures",
    folder,
    verified: false,
    files: [fingerprint(split)],
    preparation: preparationOf(split),
    split,
  };
}

/** All pictures as one file of the data, whose checksum identifies runs on the same pictures. */
function fingerprint({ skipped: _, ...split }: PictureSplit) {
  return {
    name: "pictures",
    bytes: split.pictures.reduce((sum, { bytes }) => sum + bytes, 0),
    sha256: createHash("sha256").update(JSON.stringify(split)).digest("hex"),
  };
}

/** Input of the check of classes. */
interface Pictures {
  readonly classNames: readonly string[];
  readonly labels: readonly number[];
  readonly images: Rows;
  readonly channels: number;
}

/**
 * Checks that no class consists of identical images: such a class cannot be learned and is hardly intended. Often the
 * pixel range is misread, so that all become black or white, or one file was copied over the others.
 *
 * @throws UserError that names the first class of at least two pictures without any difference between them
 */
export function checkDifferences(folder: string, { classNames, labels, images, channels }: Pictures): void {
  const imageAt = (i: number) => images.read(i, i + 1);
  const firsts = new Map<number, { first: Uint8Array; count: number; isEqual: boolean }>();
  labels.forEach((label, i) => {
    const known = firsts.get(label);
    if (!known) firsts.set(label, { first: imageAt(i), count: 1, isEqual: true });
    else {
      known.count++;
      known.isEqual &&= Buffer.compare(known.first, imageAt(i)) === 0; // no longer read once one differs
    }
  });
  for (const [label, { first, count, isEqual }] of firsts) {
    if (count < 2 || !isEqual) continue;
    throw new UserError(
      `the ${count} pictures of the class ${classNames[label]} in ${folder} are all equal once they are decoded${looks(first, channels)}: there is nothing to learn from them; put different pictures there, or remove the class`,
    );
  }
}

/** Describes the colour of a single-coloured image; empty for others. */
function looks(image: Uint8Array, channels: number): string {
  const plane = image.length / channels;
  if (image.some((value, i) => value !== image[Math.floor(i / plane) * plane])) return "";
  if (image.every((value) => value === 0)) return " (black, pixel for pixel)";
  if (image.every((value) => value === 255)) return " (white, pixel for pixel)";
  return " (of one colour, pixel for pixel)";
}
