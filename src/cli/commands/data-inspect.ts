import { MAX_DEFAULT_SIZE } from "../../data/default-size.ts";
import { imbalanceText } from "../../data/imbalance.ts";
import type { CustomDataOptions } from "../../data/node/custom-data-options.ts";
import { type Inspection, inspectData, type PictureFacts } from "../../data/node/inspect.ts";
import { leftOutLines } from "../../data/node/left-out.ts";
import { unreadableLines } from "../../data/node/picture-folder.ts";
import { fitToImages } from "../../recipes/fit-to-images.ts";
import { enhanced, photos } from "../../recipes/index.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { TRANSFER } from "../../recipes/transfer.ts";
import { count, counted, table } from "../../text.ts";
import { preparationOptions, type TypedPreparation } from "../custom-data.ts";
import type { Output } from "../output.ts";
import { whileReading } from "../reading-display.ts";
import { commandLine } from "../wording.ts";

/** `data inspect`: what a folder of one's own holds, and what training would make of it. */
export async function dataInspect(folder: string, options: TypedPreparation, output: Output): Promise<number> {
  const { found, recipe } = await inspectForRecipe(folder, preparationOptions(options), output);
  for (const line of inspectionLines(found, { folder, options, recipe })) output.say(line);
  output.result({ ...found });
  return 0;
}

/** Smaller pictures, CIFAR's say, and gray ones are hardly photos: cropping and turning could change their class. */
const MIN_PHOTO_SIZE = 33;

/** Inspects a folder as the recipe that suits its pictures would use it. */
async function inspectForRecipe(folder: string, options: CustomDataOptions, output: Output) {
  const inspect = (chosen: CustomDataOptions) =>
    whileReading(output, (onRead) => inspectData(folder, chosen, { report: output.note, onRead }));
  const found = await inspect({ ...options, maxDefaultSize: photos.model.maxDefaultSize });
  const { kind, image } = found;
  const arePictures = kind === "pictures" || kind === "parquet";
  if (arePictures && image.channels === 3 && image.height >= MIN_PHOTO_SIZE) return { found, recipe: photos };
  const isOtherSize = options.size === undefined && image.height > MAX_DEFAULT_SIZE && arePictures;
  return { found: isOtherSize ? await inspect(options) : found, recipe: enhanced };
}

function inspectionLines(
  found: Inspection,
  { folder, options, recipe }: { folder: string; options: TypedPreparation; recipe: Recipe },
): string[] {
  const { classes, images, drawn, image, normalization, imbalance, unreadable, notes, pictures } = found;
  const rows = classes.map(({ name, train, validation, test }) => [name, ...[train, validation, test].map(count)]);
  const total = images.train + images.validation + images.test;
  const three = (values: readonly number[]) => values.map((value) => value.toFixed(3)).join(", ");
  const { size, channels, fit, labelFrom } = options;
  const skipUnreadable = unreadable.length > 0;
  const task = { ...image, classes: classes.length };
  const { batchSize, epochs } = fitToImages(recipe, { images: images.train, task }).recipe;
  return [
    `${found.folder}: ${found.title}, ${count(classes.length)} classes, ${count(total)} images`,
    ...table([["class", "train", "validation", "test"], ...rows, ["total", ...Object.values(images).map(count)]]),
    imbalanceText(imbalance),
    ...notes,
    ...(pictures ? pictureLines(pictures, image) : []),
    ...(unreadable.length > 0 ? unreadableLines(unreadable, total + unreadable.length) : []),
    drawn.length === 0
      ? "the folder has all three parts: none is drawn"
      : `drawn, as the folder has no such part: ${drawn.join(", ")} (the same images each time)`,
    `training would see ${image.channels}x${image.height}x${image.width} images (${image.channels === 1 ? "gray" : "colour"}), mean ${three(normalization.mean)}, deviation ${three(normalization.standardDeviation)}`,
    `to train, in ${counted(epochs, "epoch")} and batches of ${batchSize}: ${commandLine(`train ${recipe.name}`, { data: folder, size, channels, fit, labelFrom, skipUnreadable })}`,
    // Its pictures get the size of the pretrained network, in colour.
    ...(recipe === photos
      ? [
          `or a classifier on a pretrained network, in a fraction of the time (docs/transfer.md): ${commandLine(`train ${TRANSFER}`, { data: folder, fit, labelFrom, skipUnreadable })}`,
        ]
      : []),
  ];
}

function pictureLines({ width, height, aspect, copies, others }: PictureFacts, image: Inspection["image"]): string[] {
  const isSmall = Math.min(width.least, height.least) < image.height;
  return [
    `pictures: ${width.least} to ${width.most} pixels wide, ${height.least} to ${height.most} high; width over height ${aspect.least.toFixed(2)} to ${aspect.most.toFixed(2)}`,
    ...(isSmall ? [`some are smaller than ${image.width}x${image.height} and would be enlarged`] : []),
    ...(copies > 0
      ? [`${count(copies)} pictures are copies of others, byte for byte: one of a pair may train and the other test`]
      : []),
    ...leftOutLines(others),
  ];
}
