import { UserError } from "../../errors.ts";
import { drawParts, type PictureSplit, preparationOf, type SplitPicture } from "../picture-split.ts";
import type { LoadedData } from "./chain.ts";
import type { ListedPicture, ListedPictures } from "./class-folders.ts";
import type { DataPlace } from "./data-place.ts";
import { findReader } from "./data-readers.ts";
import type { ReadingHooks } from "./picture-cache.ts";
import { readPicturesOnce } from "./picture-cache.ts";
import { leaveOutUnreadable, loadSplit } from "./picture-folder.ts";

/**
 * Loads the pictures of an existing run together with those that were added to their folder since. Every picture of the run
 * keeps its part and its class's index; new classes follow, and are divided as those of a new folder; pictures added to a known class are trained on,
 * so that it is tested on the same ones, unless the folder itself has parts.
 *
 * @param split of the run @param name of the run, for error messages
 * @throws UserError when the run's pictures are not all there as they were, none was added, or one cannot be read
 *   and may not be left out (`skipUnreadable`)
 */
export async function loadGrownFolder(
  place: DataPlace,
  split: PictureSplit,
  { name, skipUnreadable, ...hooks }: { name: string; skipUnreadable?: boolean | undefined } & ReadingHooks,
): Promise<LoadedData> {
  const reader = await findReader(place, {});
  if (reader.kind !== "pictures") {
    throw new UserError(`${place.path} holds no folder of pictures, as ${name} was trained on; name that folder`, {
      exitCode: 2,
    });
  }
  const listed = await reader.list(place, {});
  const { classNames, added } = addedPictures(place.path, split, listed, name);
  const { folder } = place;
  const files = added.map(({ file }) => file);
  const form = { ...split.image, preparation: preparationOf(split) };
  const { pictures: read, unreadable } = await readPicturesOnce(folder, files, form, hooks);
  leaveOutUnreadable(unreadable, files.length, { skipUnreadable, report: hooks.report });
  if (read.length === 0) throw new UserError(`${place.path}: no picture that was added can be read; add some that can`);
  const sums = new Map(read.map((picture) => [picture.file, picture]));
  const readable = added.filter(({ file }) => sums.has(file));
  const pictures = withParts(readable, split, { classNames, listed }).map((picture): SplitPicture => {
    const { bytes, sha256 } = sums.get(picture.file)!;
    return { ...picture, bytes, sha256 };
  });
  const whole = {
    ...split,
    classNames,
    skipped: [...split.skipped, ...unreadable],
    pictures: [...split.pictures, ...pictures],
  };
  return { ...(await loadSplit(folder, whole, { name: `${name} and those added`, ...hooks })), folder: place.path };
}

/** The classes of a run's grown folder, and what was added to it. */
function addedPictures(
  place: string,
  { classNames: known, pictures, skipped }: PictureSplit,
  listed: ListedPictures,
  name: string,
): { classNames: string[]; added: ListedPicture[] } {
  const lost = known.filter((one) => !listed.classNames.includes(one));
  if (lost.length > 0) {
    throw new UserError(
      (w) =>
        `${place} lacks ${lost.join(", ")}, ${lost.length === 1 ? "a class" : "classes"} of ${name}; give the folder with the run's pictures and the new ones together with ${w.option("data")}`,
      { exitCode: 2 },
    );
  }
  const classNames = [...known, ...listed.classNames.filter((one) => !known.includes(one))];
  const before = new Set([...pictures, ...skipped].map(({ file }) => file));
  const found = listed.pictures
    .filter(({ file }) => !before.has(file))
    .map((picture) => ({ ...picture, label: classNames.indexOf(listed.classNames[picture.label]!) }));
  if (found.length === 0) {
    throw new UserError(
      (w) =>
        `${place} holds no pictures but those of ${name}; add some, or train it for more epochs with ${w.option("epochs")}`,
      { exitCode: 2 },
    );
  }
  return { classNames, added: found };
}

/** Added pictures of known classes are trained on; those of new classes are divided as a new folder's are. */
function withParts(
  added: readonly ListedPicture[],
  { classNames: known, drawn }: PictureSplit,
  { classNames, listed }: { readonly classNames: readonly string[]; readonly listed: ListedPictures },
): ListedPicture[] {
  const isNew = ({ label }: ListedPicture) => label >= known.length;
  const toDraw = drawn.filter((part) => !listed.parts.includes(part));
  // Labels of the new classes only, as each of the classes that are drawn from must have pictures.
  const divided = drawParts(
    added.filter(isNew).map((picture) => ({ ...picture, label: picture.label - known.length })),
    { classNames: classNames.slice(known.length), drawn: toDraw },
  ).map((picture) => ({ ...picture, label: picture.label + known.length }));
  return [...added.filter((picture) => !isNew(picture)), ...divided];
}
