import { imbalanceOf, imbalanceText } from "../imbalance.ts";
import type { PictureSplit } from "../picture-split.ts";
import type { LoadedData, Report } from "./chain.ts";
import type { CustomDataOptions } from "./custom-data-options.ts";
import { atPlace } from "./data-place.ts";
import { findReader } from "./data-readers.ts";
import { loadFashionMnist } from "./fashion-mnist.ts";
import { loadGrownFolder } from "./grown-folder.ts";
import type { ReadingHooks } from "./picture-cache.ts";
import { loadPictureFolder, loadSplit } from "./picture-folder.ts";
import type { OnRead } from "./read-pictures.ts";
import { assembleStored } from "./stored-images.ts";

/**
 * Loads custom data: a folder or a file of one of the layouts of `data-readers.ts`. Missing parts are drawn
 * deterministically.
 *
 * @param named the folder or file
 * @param report takes the lines that say what was found and what is left out
 * @param onRead called after each picture that is decoded
 * @throws UserError that names the problem and what is expected
 */
export async function loadCustomData(
  named: string,
  options: CustomDataOptions = {},
  report: Report = () => {},
  onRead?: OnRead,
): Promise<LoadedData> {
  return atPlace(named, report, async (place, tell) => {
    for (const note of place.notes) tell(note);
    const reader = await findReader(place, options);
    const loaded =
      reader.kind === "pictures"
        ? await loadPictureFolder(place, await reader.list(place, options), options, { report: tell, onRead })
        : assembleStored(await reader.read(place, options), place, options, tell).loaded;
    const imbalance = imbalanceOf(loaded.train.labels, loaded.train.classNames);
    if (imbalance.isUneven) tell(imbalanceText(imbalance));
    return loaded;
  });
}

/**
 * Loads the pictures of an existing run from where they are now.
 *
 * @param named as for `loadCustomData` @param name of the run, for error messages
 * @throws UserError that lists the pictures that are missing or were changed since the run
 */
export async function loadPicturesOfRun(
  named: string,
  split: PictureSplit,
  { name, report, onRead }: { name: string } & Pick<ReadingHooks, "report" | "onRead">,
): Promise<LoadedData> {
  return atPlace(named, report, async ({ path, folder }, tell) => ({
    ...(await loadSplit(folder, split, { name, report: tell, onRead })),
    folder: path,
  }));
}

/**
 * Loads the pictures of an existing run together with those that were added since.
 *
 * @param named the folder as it is now, or an archive of it @param name of the run, for error messages
 * @throws UserError as `loadGrownFolder`
 */
export function loadGrownPictures(
  named: string,
  split: PictureSplit,
  {
    name,
    skipUnreadable,
    report,
    onRead,
  }: { name: string; skipUnreadable?: boolean | undefined } & Pick<ReadingHooks, "report" | "onRead">,
): Promise<LoadedData> {
  return atPlace(named, report, (place, tell) =>
    loadGrownFolder(place, split, { name, skipUnreadable, report: tell, onRead }),
  );
}

/** Data, and how they are read. */
export interface DataChoice extends CustomDataOptions {
  /** A folder or file of one's own. Default: Fashion-MNIST, from the first available source. */
  readonly folder?: string | undefined;
}

/**
 * Loads the data to train on.
 *
 * @param report takes the lines that say what was found
 * @param onRead called after each picture that is decoded
 * @throws UserError as `loadCustomData` and `loadFashionMnist` do
 */
export function loadData(
  { folder, ...options }: DataChoice,
  report: Report = () => {},
  onRead?: OnRead,
): Promise<LoadedData> {
  return folder === undefined ? loadFashionMnist({ report }) : loadCustomData(folder, options, report, onRead);
}
