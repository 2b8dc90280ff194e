import { defaultSize, medianOf } from "../../src/data/default-size.ts";
import { grayRows, hasNoColor } from "../../src/data/gray-images.ts";
import { createImageSet, type ImageSet, imageBytes, type LabelledSet, selectImages } from "../../src/data/image-set.ts";
import { drawParts, type Part } from "../../src/data/picture-split.ts";
import { memoryRows } from "../../src/data/rows.ts";
import type { LabelledData } from "../../src/data/training-data.ts";
import type { Preparation } from "../../src/imaging/preparation.ts";
import type { DataSet } from "./load-data.ts";
import { preparePicture, shrunkSize } from "./prepare-picture.ts";

/** A class of the user's own pictures, to be trained. */
export interface PictureClass {
  readonly name: string;
  readonly pictures: readonly {
    readonly name: string;
    /** A file that this browser can decode as a picture. */
    readonly file: Blob;
    /** Its size as decoded, in pixels. */
    readonly width: number;
    readonly height: number;
    /** What a pretrained network made of it, where the training starts from one. */
    readonly features?: Float32Array;
  }[];
}

/** As the command line prepares pictures. */
export const PREPARATION: Preparation = { kind: "fit", fit: "crop" };

/** A class of fewer pictures has one to train and one to validate, and none to test. */
const MIN_WITH_TEST = 3;

/**
 * Prepares pictures as the command line prepares a folder of them: square images of the pictures' shorter edge (median),
 * gray where no picture has colour; a tenth of each class to validate, a tenth to test.
 *
 * @param options.maxDefaultSize the network's
 * @param options.onPrepared called with the number of pictures prepared so far, and of all
 * @returns without test images where a class has two pictures only
 */
export async function ownData(
  classes: readonly PictureClass[],
  {
    maxDefaultSize,
    onPrepared,
  }: { maxDefaultSize: number | undefined; onPrepared: (count: number, total: number) => void },
): Promise<DataSet> {
  const pictures = classes.flatMap(({ pictures }, label) => pictures.map((picture) => ({ ...picture, label })));
  const size = defaultSize(medianOf(pictures.map(({ width, height }) => Math.min(width, height))), maxDefaultSize);
  const target = { channels: 3, height: size, width: size };
  const colored = new Uint8Array(pictures.length * imageBytes(target));
  for (const [i, { file, ...picture }] of pictures.entries()) {
    const bitmap = await createImageBitmap(file, shrunkSize(picture, PREPARATION, target) ?? {});
    colored.set(preparePicture(bitmap, PREPARATION, target), i * imageBytes(target));
    onPrepared(i + 1, pictures.length);
  }
  const isGray = hasNoColor(colored, size * size);
  const rows = memoryRows(colored, imageBytes(target));
  const classNames = classes.map(({ name }) => name);
  const all = createImageSet(
    {
      images: isGray ? grayRows(rows, size * size) : rows,
      labels: Uint8Array.from(pictures, ({ label }) => label),
      ...target,
      channels: isGray ? 1 : 3,
      classNames,
    },
    "the pictures",
  );
  return divided(all, pictures);
}

function divided(all: ImageSet, pictures: readonly { readonly label: number }[]): DataSet {
  const { parts, hasTest } = drawnParts(pictures, all.classNames);
  const indices = (isMeant: (part: Part) => boolean) =>
    Uint32Array.from(parts.keys()).filter((i) => isMeant(parts[i]!));
  const training = indices((part) => part !== "test");
  const validation = Uint32Array.from(training.keys()).filter((i) => parts[training[i]!] === "validation");
  return {
    train: { ...selectImages(all, training), validation },
    test: hasTest
      ? selectImages(
          all,
          indices((part) => part === "test"),
        )
      : undefined,
    preparation: PREPARATION,
  };
}

/** Features of pictures, divided like their images. */
export interface FeatureData {
  readonly parts: LabelledData;
  /** Undefined for too few pictures. */
  readonly test: LabelledSet | undefined;
}

/**
 * Divides the features of pictures as `ownData` divides their images.
 *
 * @throws Error when a picture has none, or too many or too few numbers
 */
export function ownFeatures(classes: readonly PictureClass[], count: number): FeatureData {
  const classNames = classes.map(({ name }) => name);
  const pictures = classes.flatMap(({ pictures }, label) => pictures.map(({ features }) => ({ label, features })));
  const { parts, hasTest } = drawnParts(pictures, classNames);
  const setOf = (wanted: Part): LabelledSet => {
    const chosen = pictures.filter((_, i) => parts[i] === wanted);
    const images = new Float32Array(chosen.length * count);
    for (const [i, { features }] of chosen.entries()) {
      if (features?.length !== count) throw new Error("The pictures' features are of another network: start again.");
      images.set(features, i * count);
    }
    const labels = Uint8Array.from(chosen, ({ label }) => label);
    return {
      images: memoryRows(images, count),
      labels,
      count: chosen.length,
      channels: count,
      height: 1,
      width: 1,
      classNames,
    };
  };
  const divided = { train: setOf("train"), validation: setOf("validation") };
  return { parts: divided, test: hasTest ? setOf("test") : undefined };
}

/** The part of each picture: a tenth of each class validates and a tenth tests, if all classes have enough. */
function drawnParts(
  pictures: readonly { readonly label: number }[],
  classNames: readonly string[],
): { parts: readonly Part[]; hasTest: boolean } {
  const smallest = Math.min(...classNames.map((_, label) => pictures.filter((one) => one.label === label).length));
  const hasTest = smallest >= MIN_WITH_TEST;
  const drawn: readonly Part[] = hasTest ? ["validation", "test"] : ["validation"];
  const whole = pictures.map(({ label }) => ({ label, part: "train" as Part }));
  return { parts: drawParts(whole, { classNames, drawn }).map(({ part }) => part), hasTest };
}
