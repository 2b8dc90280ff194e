import { defaultSize, medianOf } from "../../src/data/default-size.ts";
import { firstPlanes, hasNoColor } from "../../src/data/gray-images.ts";
import { createImageSet, type ImageSet, imageBytes, selectImages } from "../../src/data/image-set.ts";
import { drawParts, type Part } from "../../src/data/picture-split.ts";
import type { Preparation } from "../../src/imaging/preparation.ts";
import type { DataSet } from "./load-data.ts";
import { preparePicture, shrunkSize } from "./prepare-picture.ts";

/** A class of the user's own pictures, to be trained. */
export interface PictureClass {
  readonly name: string;
  readonly pictures: readonly {
    /** A file that this browser can decode as a picture. */
    readonly file: Blob;
    /** Its size as decoded, in pixels. */
    readonly width: number;
    readonly height: number;
  }[];
}

/** As the command line prepares pictures. */
const PREPARATION: Preparation = { kind: "fit", fit: "crop" };

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
  const classNames = classes.map(({ name }) => name);
  const all = createImageSet(
    {
      images: isGray ? firstPlanes(colored, size * size) : colored,
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
  const { classNames } = all;
  const smallest = Math.min(...classNames.map((_, label) => pictures.filter((one) => one.label === label).length));
  const hasTest = smallest >= MIN_WITH_TEST;
  const drawn: readonly Part[] = hasTest ? ["validation", "test"] : ["validation"];
  const whole = pictures.map(({ label }) => ({ label, part: "train" as Part }));
  const parts = drawParts(whole, { classNames, drawn }).map(({ part }) => part);
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
