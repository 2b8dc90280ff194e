import { requireOwnData } from "../../data/differing-file.ts";
import { FASHION_MNIST, FASHION_MNIST_TASK } from "../../data/fashion-mnist.ts";
import type { ImageGeometry } from "../../data/image-set.ts";
import type { LoadedData, Report } from "../../data/node/chain.ts";
import { loadCustomData, loadData, loadGrownPictures, loadPicturesOfRun } from "../../data/node/custom-data.ts";
import type { CustomDataOptions } from "../../data/node/custom-data-options.ts";
import { loadFashionMnist } from "../../data/node/fashion-mnist.ts";
import type { OnRead } from "../../data/node/read-pictures.ts";
import { UserError } from "../../errors.ts";
import { factsFromText, type StatedFacts } from "../../formats/network-facts.ts";
import type { Preparation } from "../../imaging/preparation.ts";
import { whatIsAt } from "./file-errors.ts";
import { openRun, RUN_FILES, type Run, readSplit, readWeights } from "./run-files.ts";

/**
 * The data that a run was trained on: the same images in the same parts.
 *
 * @param folder the folder or file where the data are now; default: where they were, and Fashion-MNIST for runs that were trained on it and
 *   for imported weights
 * @throws UserError when the folder is no run, or the data are not there or no longer the run's
 */
export async function loadRunData(
  run: string | Run,
  { folder, report = () => {}, onRead }: { folder?: string | undefined; report?: Report; onRead?: OnRead } = {},
): Promise<LoadedData> {
  const opened = openRun(run);
  const { path: runPath, record } = opened;
  if (record.status === "imported") {
    const facts = factsFromText(readWeights(opened).metadata, `${runPath}/${RUN_FILES.weights}`);
    if (folder === undefined) requireFashionMnist(runPath, facts);
    return loadData({ folder, ...dataOptions(facts), skipUnreadable: true }, report, onRead);
  }
  const { source, verified, folder: place } = record.data;
  if (folder === undefined && place !== undefined && !verified && whatIsAt(place) === "nothing") {
    throw new UserError(
      (w) =>
        `${runPath} was trained on the data in ${place}, which are not there any more; name the folder where they are with ${w.option("data")}`,
    );
  }
  const path = folder ?? place;
  if (source === "pictures") return loadPicturesOfRun(path!, readSplit(opened), { name: runPath, report, onRead });
  // Fashion-MNIST is where it can be found; a folder of it may be gone.
  if (path === undefined || (verified && folder === undefined)) return loadFashionMnist({ report });
  const loaded = await loadCustomData(path, dataOptions(record.data), report, onRead);
  requireOwnData(runPath, loaded, record.data.files);
  return loaded;
}

/**
 * The pictures that a run was trained on together with those that were added since. With `skipUnreadable`, added ones that cannot be
 * read are left out.
 *
 * @param folder with all of them
 * @throws UserError when the run was not trained on pictures, its own are not there as they were, or none was added
 */
export function loadGrownRunData(
  run: string | Run,
  {
    folder,
    skipUnreadable,
    report = () => {},
    onRead,
  }: { folder: string; skipUnreadable?: boolean | undefined; report?: Report; onRead?: OnRead },
): Promise<LoadedData> {
  const opened = openRun(run);
  return loadGrownPictures(folder, readSplit(opened), { name: opened.path, skipUnreadable, report, onRead });
}

/** For imported weights the data is unknown; only the images' size and the classes are checked. */
function requireFashionMnist(run: string, { image, classNames }: StatedFacts): void {
  const { channels, height, width } = FASHION_MNIST_TASK;
  const isOther =
    (image && (image.channels !== channels || image.height !== height || image.width !== width)) ||
    (classNames && JSON.stringify(classNames) !== JSON.stringify(FASHION_MNIST.classNames));
  if (!isOther) return;
  const images = image ? `${image.channels}x${image.height}x${image.width} images` : "images";
  const named = classNames ? ` of ${classNames.length} classes (${classNames.join(", ")})` : "";
  throw new UserError(
    (w) =>
      `${run} holds imported weights for ${images}${named}, which is not Fashion-MNIST; name the folder of such images with ${w.option("data")}`,
  );
}

/** Size and preparation of a run's images, as far as known. */
interface MadeOf {
  readonly image?: ImageGeometry | undefined;
  readonly preparation?: Preparation | undefined;
}

/** The options for loading images of this size and preparation. */
export function dataOptions({ image, preparation }: MadeOf): CustomDataOptions {
  const channels = image?.channels;
  return {
    size: image && image.height === image.width ? image.height : undefined,
    channels: channels === 1 || channels === 3 ? channels : undefined,
    fit: preparation?.kind === "fit" ? preparation.fit : undefined,
  };
}
