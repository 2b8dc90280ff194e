import type { LoadedData, Report } from "./chain.ts";
import { loadFashionMnist } from "./fashion-mnist.ts";
import { loadOwnData } from "./own-data.ts";
import type { OwnDataOptions } from "./own-data-options.ts";

/** What `--data` and the options beside it name. */
export interface DataChoice extends OwnDataOptions {
  /** Pictures or IDX files of one's own; left out: Fashion-MNIST, wherever it is found. */
  readonly folder?: string | undefined;
}

/**
 * The data to train on.
 *
 * @param report takes the lines that say what was found
 * @throws UserError as `loadOwnData` and `loadFashionMnist` do
 */
export function loadData({ folder, ...options }: DataChoice, report: Report = () => {}): Promise<LoadedData> {
  return folder === undefined ? loadFashionMnist({ report }) : loadOwnData(folder, options, report);
}
