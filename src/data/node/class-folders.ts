import { realpathSync } from "node:fs";
import { relative, sep } from "node:path";
import { UserError } from "../../errors.ts";
import type { Part } from "../picture-split.ts";
import { MAX_CLASSES } from "./class-names.ts";
import { heicLines } from "./left-out.ts";
import { LAYOUTS, nothingIn } from "./no-data.ts";
import { entriesOf, type FolderEntry, filesIn, holdsResults, isAside, isPicture, leadsBack } from "./picture-files.ts";
import type { UnreadablePicture } from "./read-pictures.ts";

/** Folder names of the parts, in any case. */
export const PART_FOLDERS: Readonly<Record<Part, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["val", "valid", "validation"],
  test: ["test", "testing"],
};

/** A picture and its class. */
export interface ListedPicture {
  /** Path within the data folder, with / between its parts. */
  readonly file: string;
  /** An index of `classNames`. */
  readonly label: number;
  readonly part: Part;
}

/** The pictures of a data folder and their classes, listed without opening them. */
export interface ListedPictures {
  /** Sorted, as in torchvision's ImageFolder; names of folders in NFC, as file systems differ in how they store accents. */
  readonly classNames: readonly string[];
  readonly pictures: readonly ListedPicture[];
  /** Parts present in the folder; if there are none, all pictures are listed as "train". */
  readonly parts: readonly Part[];
  /** Ignored entries: files that are not pictures, pictures outside class folders, other folders (paths end in /). */
  readonly others: readonly string[];
  /** Pictures that are named somewhere but are not there; treated like those that cannot be read. */
  readonly missing?: readonly UnreadablePicture[];
  /** Lines that say how the classes were found, and what else is left out. */
  readonly notes?: readonly string[];
}

/**
 * Lists a folder of pictures structured like torchvision's ImageFolder: one folder per class, named after it; or train
 * (or training), val (or valid, validation) and test (or testing) with class folders in each. Class folders are
 * searched recursively. Hidden folders, those of systems and programs, and tailor's own output are not classes.
 *
 * @throws UserError that names the problem: fewer than two classes, a class without pictures, two classes that differ
 *   only in case, a class that is missing in train
 */
export function listClassFolders(folder: string): ListedPictures {
  const { roots, others } = partFolders(folder);
  const listed = roots.map(({ part, path }) => ({ part, ...classesIn(path) }));
  const classNames = listed[0]!.classes.map(({ name }) => name);
  checkClasses(folder, listed[0]!);
  for (const { path, classes } of listed.slice(1)) {
    const strange = classes.filter(({ name }) => !classNames.includes(name)).map(({ name }) => name);
    if (strange.length > 0) {
      throw new UserError(
        `${path} has ${named(strange)}, which ${listed[0]!.path} does not have: what is tested must be trained; add pictures there, or remove ${strange.length === 1 ? "the folder" : "the folders"}`,
      );
    }
  }
  const inFolder = (path: string) => relative(folder, path).replaceAll(sep, "/") + (path.endsWith("/") ? "/" : "");
  const pictures = listed.flatMap(({ part, classes }) =>
    classes.flatMap(({ name, files }) =>
      files.map((file) => ({ file: inFolder(file), label: classNames.indexOf(name), part })),
    ),
  );
  for (const { path, part } of listed) {
    if (!pictures.some((picture) => picture.part === part)) {
      throw new UserError(`${path} holds no pictures; add some, or remove the folder: the part is then drawn`);
    }
  }
  return {
    classNames,
    pictures,
    parts: roots.length === 1 && roots[0]!.path === folder ? [] : roots.map(({ part }) => part),
    others: [...others, ...listed.flatMap((part) => part.others)].map(inFolder),
  };
}

/**
 * The folders that contain class folders, train first, and the other entries, which are ignored. A class may be called
 * train: its folder then contains no class folders.
 */
function partFolders(folder: string): { roots: { part: Part; path: string }[]; others: readonly string[] } {
  const { folders, others } = lookInto(folder);
  const names = folders.map(({ name }) => name);
  const found = (["train", "validation", "test"] as const).flatMap((part) =>
    folders.filter(({ name }) => PART_FOLDERS[part].includes(name.toLowerCase())).map(({ path }) => ({ part, path })),
  );
  const holdsFolders = (path: string) => lookInto(path).folders.length > 0;
  const isParted = found[0]?.part === "train" && holdsFolders(found[0].path);
  if (!isParted) {
    if (found.length > 0 && found.length === names.length && found.every(({ path }) => holdsFolders(path))) {
      throw new UserError(
        `${folder} has ${names.join(" and ")} with folders in ${names.length === 1 ? "it" : "them"}, but no train; put the pictures to train into train, a folder a class`,
      );
    }
    return { roots: [{ part: "train", path: folder }], others: [] };
  }
  const twice = found.find(({ part }, i) => found.findIndex((other) => other.part === part) < i);
  if (twice) throw new UserError(`${folder} has more than one folder for ${twice.part}; keep one of them`);
  const paths = new Set(found.map(({ path }) => path));
  const strange = folders.flatMap(({ name, path }) => (paths.has(path) ? [] : [name]));
  if (strange.length > 0) {
    throw new UserError(
      `${folder} has train and besides it ${strange.join(", ")}; allowed are val and test. Put classes into train, or move ${strange.length === 1 ? "that folder" : "those folders"} away`,
    );
  }
  return { roots: found, others };
}

interface ListedPart {
  readonly path: string;
  readonly classes: readonly { readonly name: string; readonly files: readonly string[] }[];
  readonly others: readonly string[];
}

function classesIn(path: string): ListedPart {
  const { folders, others } = lookInto(path);
  const found = folders.map((entry) => ({
    name: entry.name.normalize("NFC"),
    ...filesIn(entry.path, [realpathSync(path)]),
  }));
  return {
    path,
    classes: found
      .map(({ name, pictures }) => ({ name, files: pictures }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
    others: [...others, ...found.flatMap((one) => one.others)],
  };
}

/** The subfolders of a folder that may be classes or parts, and its other entries. */
function lookInto(path: string): { folders: readonly FolderEntry[]; others: readonly string[] } {
  const here = [realpathSync(path)];
  const entries = entriesOf(path);
  const isLeftOut = (entry: FolderEntry) =>
    isAside(entry) ||
    (entry.isLink && leadsBack(entry.path, here)) ||
    (holdsResults(entry.path) && filesIn(entry.path, here).pictures.length === 0);
  const folders = entries.filter((entry) => entry.kind === "folder" && !isLeftOut(entry));
  const kept = new Set(folders);
  return {
    folders,
    others: entries
      .filter((entry) => !kept.has(entry) && (entry.kind === "folder" || !entry.isHidden))
      .map((entry) => (entry.kind === "folder" ? `${entry.path}/` : entry.path)),
  };
}

/** Checks the classes of the training part. */
function checkClasses(folder: string, { path, classes, others }: ListedPart): void {
  // HEIC files may be the reason why pictures are missing.
  const refused = (message: string) => new UserError([message, ...heicLines(others)].join("\n"));
  if (classes.every(({ files }) => files.length === 0)) {
    const loose = entriesOf(path).filter((entry) => !entry.isHidden && isPicture(entry)).length;
    if (loose > 0) {
      const found = `${path} holds ${loose} pictures but no class folders with pictures; ${LAYOUTS}`;
      throw new UserError((w) =>
        [`${found}. Where file names hold the class, use ${w.option("labelFrom")}`, ...heicLines(others)].join("\n"),
      );
    }
    throw refused(nothingIn(folder));
  }
  const empty = classes.filter(({ files }) => files.length === 0).map(({ name }) => name);
  if (empty.length > 0) {
    throw refused(
      `${path} has ${empty.length === 1 ? "a class folder" : "class folders"} without pictures: ${empty.map((name) => `"${name}"`).join(", ")}; add some, or remove ${empty.length === 1 ? "it" : "them"}`,
    );
  }
  if (classes.length === 1) {
    throw new UserError(`${path} has one class only, ${classes[0]!.name}: there is nothing to tell apart; ${LAYOUTS}`);
  }
  if (classes.length > MAX_CLASSES) {
    throw new UserError(`${path} has ${classes.length} classes; at most ${MAX_CLASSES} are possible`);
  }
  const folded = classes.map(({ name }) => name.toLowerCase());
  const second = folded.findIndex((name, i) => folded.indexOf(name) < i);
  if (second >= 0) {
    const first = classes[folded.indexOf(folded[second]!)]!.name;
    throw new UserError(
      `the classes ${first} and ${classes[second]!.name} in ${path} differ by case, or by how accents are stored, only; put their pictures into one folder, or rename one`,
    );
  }
}

function named(classes: readonly string[]): string {
  return `the ${classes.length === 1 ? "class" : "classes"} ${classes.join(", ")}`;
}
