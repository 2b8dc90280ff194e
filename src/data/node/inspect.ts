import { UserError } from "../../errors.ts";
import type { ImageSet } from "../image-set.ts";
import { type Imbalance, imbalanceOf } from "../imbalance.ts";
import { normalizationOf, trainingData } from "../training-data.ts";
import type { LoadedData, Report } from "./chain.ts";
import type { CustomDataOptions } from "./custom-data-options.ts";
import { atPlace, type DataPlace } from "./data-place.ts";
import { findReader, type StoredKind } from "./data-readers.ts";
import type { ReadingHooks } from "./picture-cache.ts";
import {
  assemblePictures,
  countListed,
  type PictureFolder,
  readPictureFolder,
  unreadableLines,
} from "./picture-folder.ts";
import type { OnRead, UnreadablePicture } from "./read-pictures.ts";
import { assembleStored } from "./stored-images.ts";

/** Content of a folder or file of data, and how training would use it. */
export interface Inspection {
  /** The folder or file that was inspected. */
  readonly folder: string;
  readonly kind: "pictures" | StoredKind;
  /** "pictures", or the kind of files. */
  readonly title: string;
  /** By class index; number of images in each part. */
  readonly classes: readonly { name: string; train: number; validation: number; test: number }[];
  readonly images: { readonly train: number; readonly validation: number; readonly test: number };
  /** Parts that are drawn, as the folder does not have them. */
  readonly drawn: readonly ("validation" | "test")[];
  readonly image: { readonly channels: number; readonly height: number; readonly width: number };
  /** Of the training images, per channel; pixels from 0 to 1. */
  readonly normalization: { readonly mean: readonly number[]; readonly standardDeviation: readonly number[] };
  /** Class imbalance of the training images. */
  readonly imbalance: Imbalance;
  readonly unreadable: readonly UnreadablePicture[];
  /** Lines that say how something was read, or what is left out. */
  readonly notes: readonly string[];
  /** Only for picture folders. */
  readonly pictures?: PictureFacts;
}

/** Facts about picture files. */
export interface PictureFacts {
  /** Width of the files, in pixels. */
  readonly width: Extent;
  readonly height: Extent;
  /** Width divided by height. */
  readonly aspect: Extent;
  /** Number of pictures whose file is a byte-for-byte copy of another. */
  readonly copies: number;
  /**
   * Ignored entries, as for `leftOutLines`: files that are not pictures or not in a class, folders (paths end in /).
   */
  readonly others: readonly string[];
}

/** Range and median of a quantity. */
export interface Extent {
  readonly least: number;
  readonly most: number;
}

/**
 * Reads a whole data set and summarizes it. Unreadable pictures are reported and skipped.
 *
 * @param hooks report: takes lines about the reading itself, which are not part of the result; onRead: called after each
 *   picture that is decoded
 * @throws UserError when training would be refused for another reason
 */
export async function inspectData(
  folder: string,
  options: CustomDataOptions = {},
  hooks: { report?: Report; onRead?: OnRead | undefined } = {},
): Promise<Inspection> {
  const { report = () => {}, onRead } = hooks;
  return atPlace(folder, report, (place, tell) => inspectPlace(place, options, { report: tell, onRead }));
}

async function inspectPlace(place: DataPlace, options: CustomDataOptions, hooks: ReadingHooks): Promise<Inspection> {
  const reader = await findReader(place, options);
  if (reader.kind !== "pictures") {
    const stored = await reader.read(place, options);
    const { loaded, drawn } = assembleStored(stored, place, options, () => {});
    const { title, notes = [] } = stored;
    return { ...describe(loaded), kind: reader.kind, title, drawn, unreadable: [], notes: shownNotes(place, notes) };
  }
  const listed = await reader.list(place, options);
  const content = await readPictureFolder(place, listed, options, hooks);
  const loaded = assembleTelling(place.folder, content, options);
  const { pictures, unreadable } = content.read;
  const sizes = pictures.map(({ size }) => size);
  const range = (values: readonly number[]): Extent => ({
    least: values.reduce((a, b) => Math.min(a, b)),
    most: values.reduce((a, b) => Math.max(a, b)),
  });
  return {
    ...describe({ ...loaded, folder: place.path }),
    kind: "pictures",
    title: "pictures",
    drawn: (["validation", "test"] as const).filter((part) => loaded.split!.drawn.includes(part)),
    unreadable,
    notes: shownNotes(place, listed.notes),
    pictures: {
      width: range(sizes.map(({ width }) => width)),
      height: range(sizes.map(({ height }) => height)),
      aspect: range(sizes.map(({ width, height }) => width / height)),
      copies: pictures.length - new Set(pictures.map(({ sha256 }) => sha256)).size,
      others: content.listed.others,
    },
  };
}

function shownNotes({ notes, shown }: DataPlace, read: readonly string[] = []): string[] {
  return [...notes, ...read.map(shown)];
}

/** Lists unreadable pictures in the error when too few others remain, as they may be the reason. */
function assembleTelling(path: string, content: PictureFolder, options: CustomDataOptions) {
  const { unreadable } = content.read;
  try {
    return assemblePictures(path, content, options);
  } catch (cause) {
    if (!(cause instanceof UserError) || unreadable.length === 0) throw cause;
    const lines = unreadableLines(unreadable, countListed(content.listed));
    throw new UserError([cause.message, ...lines].join("\n"), { cause });
  }
}

function describe({ train: all, test, folder }: LoadedData) {
  const { train, validation } = trainingData(all, { trainOn: "split", limit: null });
  const { classNames, channels, height, width } = train;
  const of = (set: ImageSet | null, label: number) => set?.labels.filter((other) => other === label).length ?? 0;
  return {
    folder,
    classes: classNames.map((name, label) => ({
      name,
      train: of(train, label),
      validation: of(validation, label),
      test: of(test, label),
    })),
    images: { train: train.count, validation: validation?.count ?? 0, test: test.count },
    image: { channels, height, width },
    normalization: normalizationOf(train),
    imbalance: imbalanceOf(train.labels, classNames),
  };
}
