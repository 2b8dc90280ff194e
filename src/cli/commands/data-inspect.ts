import { imbalanceText } from "../../data/imbalance.ts";
import { type Inspection, inspectData, type PictureFacts } from "../../data/node/inspect.ts";
import { leftOutLines } from "../../data/node/left-out.ts";
import { unreadableLines } from "../../data/node/picture-folder.ts";
import { fitToImages } from "../../recipes/fit-to-images.ts";
import { enhanced } from "../../recipes/index.ts";
import { count, counted, table } from "../../text.ts";
import { preparationOptions, type TypedPreparation } from "../custom-data.ts";
import type { Output } from "../output.ts";
import { commandLine } from "../wording.ts";

/** `data inspect`: what a folder of one's own holds, and what training would make of it. */
export async function dataInspect(folder: string, options: TypedPreparation, output: Output): Promise<number> {
  const found = await inspectData(folder, preparationOptions(options));
  for (const line of inspectionLines(found, folder, options)) output.say(line);
  output.result({ ...found });
  return 0;
}

function inspectionLines(found: Inspection, folder: string, options: TypedPreparation): string[] {
  const { classes, images, drawn, image, normalization, imbalance, unreadable, pictures } = found;
  const rows = classes.map(({ name, train, validation, test }) => [name, ...[train, validation, test].map(count)]);
  const total = images.train + images.validation + images.test;
  const three = (values: readonly number[]) => values.map((value) => value.toFixed(3)).join(", ");
  const { size, channels, fit } = options;
  const skipUnreadable = unreadable.length > 0;
  const task = { ...image, classes: classes.length };
  const { batchSize, epochs } = fitToImages(enhanced, { images: images.train, task }).recipe;
  return [
    `${found.folder}: ${found.kind === "idx" ? "IDX files" : "pictures"}, ${count(classes.length)} classes, ${count(total)} images`,
    ...table([["class", "train", "validation", "test"], ...rows, ["total", ...Object.values(images).map(count)]]),
    imbalanceText(imbalance),
    ...(pictures ? pictureLines(pictures, image) : []),
    ...(unreadable.length > 0 ? unreadableLines(unreadable, total + unreadable.length) : []),
    drawn.length === 0
      ? "the folder has all three parts: none is drawn"
      : `drawn, as the folder has no such part: ${drawn.join(", ")} (the same images each time)`,
    `training would see ${image.channels}x${image.height}x${image.width} images (${image.channels === 1 ? "gray" : "colour"}), mean ${three(normalization.mean)}, deviation ${three(normalization.standardDeviation)}`,
    `to train, in ${counted(epochs, "epoch")} and batches of ${batchSize}: ${commandLine("train enhanced", { data: folder, size, channels, fit, skipUnreadable })}`,
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
