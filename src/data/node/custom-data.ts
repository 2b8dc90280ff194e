import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { imbalanceOf, imbalanceText } from "../imbalance.ts";
import type { LoadedData, Report } from "./chain.ts";
import type { CustomDataOptions } from "./custom-data-options.ts";
import { loadFashionMnist } from "./fashion-mnist.ts";
import { hasIdxFiles, loadIdxFolder } from "./idx-folder.ts";
import { loadPictureFolder } from "./picture-folder.ts";

/**
 * Loads a custom data folder: IDX files (MNIST's format), or pictures in one folder per class, optionally inside train,
 * val and test folders. Missing parts are drawn deterministically.
 *
 * @param report takes the lines that say what was found
 * @throws UserError that names the problem and what is expected
 */
export async function loadCustomData(
  folder: string,
  options: CustomDataOptions = {},
  report: Report = () => {},
): Promise<LoadedData> {
  const path = dataFolder(folder);
  const load = hasIdxFiles(path) ? loadIdxFolder : loadPictureFolder;
  const loaded = await load(path, options, report);
  const imbalance = imbalanceOf(loaded.train.labels, loaded.train.classNames);
  if (imbalance.isUneven) report(imbalanceText(imbalance));
  return loaded;
}

/** @returns the absolute path @throws UserError unless the folder exists */
export function dataFolder(folder: string): string {
  const path = resolve(folder);
  if (!existsSync(path)) throw new UserError(`there is no data folder ${path}`);
  if (!statSync(path).isDirectory()) throw new UserError(`${path} is not a folder; data lie in a folder`);
  return path;
}

/** A folder of data, and how what is in it is read. */
export interface DataChoice extends CustomDataOptions {
  /** Custom pictures or IDX files. Default: Fashion-MNIST, from the first available source. */
  readonly folder?: string | undefined;
}

/**
 * Loads the data to train on.
 *
 * @param report takes the lines that say what was found
 * @throws UserError as `loadCustomData` and `loadFashionMnist` do
 */
export function loadData({ folder, ...options }: DataChoice, report: Report = () => {}): Promise<LoadedData> {
  return folder === undefined ? loadFashionMnist({ report }) : loadCustomData(folder, options, report);
}
