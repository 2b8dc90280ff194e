import { imbalanceText } from "../../data/imbalance.ts";
import { type Inspection, inspectData, type PictureFacts } from "../../data/sources/inspect.ts";
import { unreadableLines } from "../../data/sources/picture-folder.ts";
import { trainingData } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { count, table } from "../../report/format.ts";
import type { Command, OptionValues } from "../command.ts";
import type { Output } from "../output.ts";
import { dataToTrain, OWN_DATA_OPTION, PREPARATION_OPTIONS, preparationOptions } from "../own-data.ts";
import { commandLine } from "../parse.ts";

export const data: Command = {
  name: "data",
  summary: "fetch and check the data, and say where it is; inspect a folder of your own",
  arguments: [
    {
      name: "[action]",
      description: "inspect: say what a folder of your own holds, and what training would make of it",
    },
    { name: "[folder]", description: "the folder to inspect" },
  ],
  options: [OWN_DATA_OPTION, ...PREPARATION_OPTIONS],
  examples: [
    "node bin/tailor.js data",
    "node bin/tailor.js data --data ./mnist",
    "node bin/tailor.js data inspect photos",
    "node bin/tailor.js data inspect photos --size 32 --fit pad --json",
  ],
  async run([action, folder], options, output) {
    if (action === undefined) return tellData(options, output);
    if (action !== "inspect") {
      throw new UserError(`data knows no "${action}"; name a folder: data inspect FOLDER`, { exitCode: 2 });
    }
    if (folder === undefined || options.data !== undefined) {
      throw new UserError("name the folder to inspect: data inspect FOLDER", { exitCode: 2 });
    }
    const found = await inspectData(folder, preparationOptions(options));
    for (const line of inspectionLines(found, folder, options)) output.say(line);
    output.result({ ...found });
    return 0;
  },
};

async function tellData(options: OptionValues, output: Output): Promise<number> {
  const loaded = await dataToTrain(options, output);
  const { train, validation } = trainingData(loaded.train, { trainOn: "split", limit: null });
  const split = { train: train.count, validation: validation?.count ?? 0, test: loaded.test.count };
  output.say(`${loaded.folder} (${loaded.verified ? "checksums as published" : "not the published files"})`);
  const rows = loaded.files.map(({ name, bytes, sha256 }) => [name, count(bytes), sha256]);
  for (const line of table([["file", "bytes", "SHA-256 of the uncompressed file"], ...rows])) output.say(line);
  output.say(
    `train ${count(split.train)}, validation ${count(split.validation)}, test ${count(split.test)} images of ${train.height}x${train.width}`,
  );
  output.say(`classes: ${train.classNames.join(", ")}`);
  output.result({
    source: loaded.source,
    folder: loaded.folder,
    verified: loaded.verified,
    files: loaded.files,
    classes: train.classNames,
    ...split,
  });
  return 0;
}

function inspectionLines(found: Inspection, folder: string, options: OptionValues): string[] {
  const { classes, images, drawn, image, normalization, imbalance, unreadable, pictures } = found;
  const rows = classes.map(({ name, train, validation, test }) => [name, ...[train, validation, test].map(count)]);
  const total = images.train + images.validation + images.test;
  const three = (values: readonly number[]) => values.map((value) => value.toFixed(3)).join(", ");
  const { size, channels, fit } = options;
  const skipUnreadable = unreadable.length > 0;
  return [
    `${found.folder}: ${found.kind === "idx" ? "IDX files" : "pictures"}, ${count(classes.length)} classes, ${count(total)} images`,
    ...table([["class", "train", "validation", "test"], ...rows, ["total", ...Object.values(images).map(count)]]),
    imbalanceText(imbalance),
    ...(pictures ? pictureLines(pictures, image) : []),
    ...(unreadable.length > 0 ? unreadableLines(unreadable, total + unreadable.length) : []),
    `drawn, as the folder has no such part: ${drawn.length === 0 ? "none" : drawn.join(", ")} (the same images each time)`,
    `training would see ${image.channels}x${image.height}x${image.width} images (${image.channels === 1 ? "gray" : "colour"}), mean ${three(normalization.mean)}, deviation ${three(normalization.standardDeviation)}`,
    `to train: ${commandLine("train enhanced", { data: folder, size, channels, fit, skipUnreadable })}`,
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
    ...(others.length > 0 ? [`${count(others.length)} other files are left out, such as ${others[0]}`] : []),
  ];
}
