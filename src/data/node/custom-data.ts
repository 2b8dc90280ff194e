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
 * Loads a data folder of one's own: IDX files (MNIST and its kin), or pictures in one folder a class, with or without
 * train, val and test above. Parts that are missing are drawn, the same ones each time.
 *
 * @param report takes the lines that say what was found
 * @throws UserError that says what does not fit and what would
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

/** @throws UserError unless there is such a folder @returns its whole path */
export function dataFolder(folder: string): string {
  const path = resolve(folder);
  if (!existsSync(path)) throw new UserError(`there is no data folder ${path}`);
  if (!statSync(path).isDirectory()) throw new UserError(`${path} is not a folder; data lie in a folder`);
  return path;
}

/** A folder of data, and how what is in it is read. */
export interface DataChoice extends CustomDataOptions {
  /** Pictures or IDX files of one's own; left out: Fashion-MNIST, wherever it is found. */
  readonly folder?: string | undefined;
}

/**
 * The data to train on.
 *
 * @param report takes the lines that say what was found
 * @throws UserError as `loadCustomData` and `loadFashionMnist` do
 */
export function loadData({ folder, ...options }: DataChoice, report: Report = () => {}): Promise<LoadedData> {
  return folder === undefined ? loadFashionMnist({ report }) : loadCustomData(folder, options, report);
}
