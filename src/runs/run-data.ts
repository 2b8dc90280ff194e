import type { LoadedData, Report } from "../data/sources/chain.ts";
import { loadFashionMnist } from "../data/sources/fashion-mnist.ts";
import { dataFolder, loadOwnData } from "../data/sources/own-data.ts";
import { loadSplit } from "../data/sources/picture-folder.ts";
import { UserError } from "../errors.ts";
import { whatIsAt } from "./file-errors.ts";
import { readAnyRunRecord, readSplit } from "./run-files.ts";

/**
 * The data that a run was trained on: the same images in the same parts.
 *
 * @param run its folder
 * @param folder where the data are now; default: where they were, and Fashion-MNIST for runs that were trained on it and
 *   for imported weights
 * @throws UserError when the folder is no run, or the data are not there or no longer the run's
 */
export async function loadRunData(
  run: string,
  { folder, report = () => {} }: { folder?: string | undefined; report?: Report } = {},
): Promise<LoadedData> {
  const record = readAnyRunRecord(run);
  if (record.status === "imported")
    return folder === undefined ? loadFashionMnist({ report }) : loadOwnData(folder, {}, report);
  const { source, verified, folder: place, preparation, image } = record.data;
  if (folder === undefined && place !== undefined && !verified && whatIsAt(place) !== "folder") {
    throw new UserError(
      `${run} was trained on the data in ${place}, which are not there any more; name the folder where they are with --data`,
    );
  }
  const path = folder ?? place;
  if (source === "pictures") return loadSplit(dataFolder(path!), readSplit(run), { name: run, report });
  // Fashion-MNIST is where it can be found; a folder of it may be gone.
  if (path === undefined || (verified && folder === undefined)) return loadFashionMnist({ report });
  const size = image && image.height === image.width ? image.height : undefined;
  const fit = preparation?.kind === "fit" ? preparation.fit : undefined;
  return loadOwnData(path, { size, channels: image?.channels === 3 ? 3 : undefined, fit }, report);
}
