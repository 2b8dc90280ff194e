import { MAX_DEFAULT_SIZE, MIN_DEFAULT_SIZE } from "../data/default-size.ts";
import type { LoadedData } from "../data/node/chain.ts";
import { type DataChoice, loadData } from "../data/node/custom-data.ts";
import { type CustomDataOptions, DEFAULT_FIT, MAX_SIZE, MIN_SIZE } from "../data/node/custom-data-options.ts";
import { UserError } from "../errors.ts";
import { FITS } from "../imaging/fit-picture.ts";
import { photos } from "../models/photos.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { loadGrownRunData, loadRunData } from "../runs/node/run-data.ts";
import type { Run } from "../runs/node/run-files.ts";
import { loadDataFor } from "../training/node/data-to-train.ts";
import type { OptionSpec, OptionsOf } from "./command.ts";
import type { Output } from "./output.ts";
import { path, wholeNumber } from "./parse.ts";
import { whileReading } from "./reading-display.ts";
import { flag } from "./wording.ts";

const CHANNELS = ["1", "3"] as const;

/** `--data` where Fashion-MNIST is only the default. */
export const CUSTOM_DATA_OPTION = {
  flags: "--data <path>",
  description:
    "pictures, a folder a class (with or without train, val and test above) or with a table of labels (CSV); or files of images: IDX, NumPy (.npz), pixels in CSV, CIFAR, Parquet; or a zip or tar of any of them",
  default: "Fashion-MNIST, fetched if need be",
} as const satisfies OptionSpec;

/** `--data` of commands about a run. */
export const RUN_DATA_OPTION = {
  flags: "--data <path>",
  description: "where the run's data are now",
  default: "where they were; Fashion-MNIST is fetched if need be",
} as const satisfies OptionSpec;

/** How data of one's own becomes images. */
export const PREPARATION_OPTIONS = [
  {
    flags: "--size <pixels>",
    description: `edge of the square images, ${MIN_SIZE} to ${MAX_SIZE}`,
    default: `the pictures' shorter edge (median), ${MIN_DEFAULT_SIZE} to ${MAX_DEFAULT_SIZE}, for photos to ${photos.maxDefaultSize}; IDX files: as they are`,
  },
  {
    flags: "--channels <n>",
    description: "1: gray; 3: colour",
    choices: CHANNELS,
    default: "3 where a picture has colour, else 1",
  },
  {
    flags: "--fit <how>",
    description: "pictures that are not square: crop takes the middle, pad adds black, stretch changes the aspect",
    choices: FITS,
    default: DEFAULT_FIT,
  },
  {
    flags: "--label-from <regex>",
    description:
      "the class is in the name of each picture's file: a regular expression with one group, such as '^(.+?)_[0-9]+'",
  },
  { flags: "--skip-unreadable", description: "leave out pictures that cannot be read, instead of stopping" },
] as const satisfies readonly OptionSpec[];

const PREPARATION_NAMES = ["size", "channels", "fit", "labelFrom", "skipUnreadable"] as const;
export type TypedPreparation = OptionsOf<typeof PREPARATION_OPTIONS>;
export type TypedData = OptionsOf<readonly [typeof CUSTOM_DATA_OPTION]>;

/** @throws UserError when a value is refused */
export function preparationOptions(options: TypedPreparation): CustomDataOptions {
  const { channels, fit } = options;
  return {
    size: wholeNumber(options, "size", { least: MIN_SIZE, most: MAX_SIZE }),
    channels: channels && (channels === "3" ? 3 : 1),
    fit,
    labelFrom: options.labelFrom,
    skipUnreadable: options.skipUnreadable === true,
  };
}

/** The names of the options about preparation that were typed, as they were. */
export function typedPreparation(options: TypedPreparation): string[] {
  return PREPARATION_NAMES.filter((name) => options[name] !== undefined).map(flag);
}

/**
 * The data to train on: the folder that was named, or Fashion-MNIST.
 *
 * @param recipe that is trained, if any: pictures then have the size and channels of its backbone or weights
 * @throws UserError when its backbone takes other images
 */
export async function dataToTrain(
  options: TypedPreparation & TypedData,
  output: Output,
  recipe?: Pick<Recipe, "model" | "backbone" | "pretrained">,
): Promise<LoadedData> {
  const choice = dataChoice(options);
  return whileReading(output, (onRead) =>
    recipe ? loadDataFor(recipe, choice, output.note, onRead) : loadData(choice, output.note, onRead),
  );
}

/** What was typed of `--data` and the options beside it. @throws UserError when these are given without a folder */
export function dataChoice(options: TypedPreparation & TypedData): DataChoice {
  const folder = path(options, "data");
  const prepared = preparationOptions(options);
  const [typed] = typedPreparation(options);
  if (folder === undefined && typed !== undefined) {
    throw new UserError(`${typed} is for data of your own; name their folder with --data`, { exitCode: 2 });
  }
  return { folder, ...prepared };
}

/** The data of a run that something is asked of. */
export function dataOfRun(run: string | Run, options: TypedData, output: Output): Promise<LoadedData> {
  const folder = path(options, "data");
  return whileReading(output, (onRead) => loadRunData(run, { folder, report: output.note, onRead }));
}

/** The data of a run of pictures with what was added to them. */
export function grownData(run: Run, options: TypedPreparation & TypedData, output: Output): Promise<LoadedData> {
  const folder = path(options, "data")!;
  const { skipUnreadable } = preparationOptions(options);
  return whileReading(output, (onRead) =>
    loadGrownRunData(run, { folder, skipUnreadable, report: output.note, onRead }),
  );
}
