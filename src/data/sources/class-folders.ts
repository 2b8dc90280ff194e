import { statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { UserError } from "../../errors.ts";
import type { Part } from "../picture-split.ts";
import { entriesOf, filesIn, hiddenFoldersIn, isPictureName } from "./picture-files.ts";

/** Labels are bytes. */
const MOST_CLASSES = 256;
/** What the folders of the parts are called, in small or capital letters. */
const PART_FOLDERS: Readonly<Record<Part, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["val", "valid", "validation"],
  test: ["test", "testing"],
};

/** A picture and its class, as folders tell. */
export interface ListedPicture {
  /** Path within the data folder, with / between its parts. */
  readonly file: string;
  /** An index of `classNames`. */
  readonly label: number;
  readonly part: Part;
}

/** The pictures of a data folder; none is opened yet. */
export interface ListedPictures {
  /** In the order of their names, as torchvision's ImageFolder. */
  readonly classNames: readonly string[];
  readonly pictures: readonly ListedPicture[];
  /** Parts that the folder has; without any, all pictures are listed as "train". */
  readonly parts: readonly Part[];
  /** Files that are no pictures by their names, pictures that lie in no class, and hidden folders beside the classes. */
  readonly others: readonly string[];
}

/**
 * Lists a folder of pictures in the form of torchvision's ImageFolder: a folder a class, whose name is the class's; or
 * train (or training), val (or valid, validation) and test (or testing) with such folders in each. In a class folder,
 * folders are looked through too.
 *
 * @throws UserError that says what does not fit: no classes or one, a class without pictures, two that differ by case only,
 *   a class that train does not have
 */
export function listClassFolders(folder: string): ListedPictures {
  const roots = partFolders(folder);
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
  const inFolder = (path: string) => relative(folder, path).replaceAll(sep, "/");
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
    others: listed.flatMap(({ others }) => others.map(inFolder)),
  };
}

/** The folders that hold class folders, train first. A class may be called train: then its folder holds none. */
function partFolders(folder: string): { part: Part; path: string }[] {
  const names = foldersIn(folder);
  const found = (["train", "validation", "test"] as const).flatMap((part) =>
    names
      .filter((name) => PART_FOLDERS[part].includes(name.toLowerCase()))
      .map((name) => ({ part, path: join(folder, name) })),
  );
  const isParted = found[0]?.part === "train" && foldersIn(found[0].path).length > 0;
  if (!isParted) {
    const holdFolders = found.every(({ path }) => foldersIn(path).length > 0);
    if (found.length > 0 && found.length === names.length && holdFolders) {
      throw new UserError(
        `${folder} has ${names.join(" and ")} with folders in ${names.length === 1 ? "it" : "them"}, but no train; put the pictures to train into train, a folder a class`,
      );
    }
    return [{ part: "train", path: folder }];
  }
  const twice = found.find(({ part }, i) => found.findIndex((other) => other.part === part) < i);
  if (twice) throw new UserError(`${folder} has more than one folder for ${twice.part}; keep one of them`);
  const paths = new Set(found.map(({ path }) => path));
  const strange = names.filter((name) => !paths.has(join(folder, name)));
  if (strange.length > 0) {
    throw new UserError(
      `${folder} has train and besides it ${strange.join(", ")}; allowed are val and test. Put classes into train, or move ${strange.length === 1 ? "that folder" : "those folders"} away`,
    );
  }
  return found;
}

interface ListedPart {
  readonly path: string;
  readonly classes: readonly { readonly name: string; readonly files: readonly string[] }[];
  readonly others: readonly string[];
}

function classesIn(path: string): ListedPart {
  const loose = entriesOf(path).filter((entry) => !isFolder(join(path, entry.name)));
  const found = foldersIn(path).map((name) => ({ name, ...filesIn(join(path, name)) }));
  return {
    path,
    classes: found.map(({ name, pictures }) => ({ name, files: pictures })),
    others: [
      ...loose.map(({ name }) => join(path, name)),
      ...hiddenFoldersIn(path).map((name) => join(path, name)),
      ...found.flatMap(({ others }) => others),
    ],
  };
}

/** Of the part that trains. */
function checkClasses(folder: string, { path, classes, others }: ListedPart): void {
  const form = "a data folder holds one folder a class with its pictures, or train (and val, test) with such folders";
  const loose = others.filter(isPictureName).length;
  if (classes.every(({ files }) => files.length === 0)) {
    if (loose > 0) throw new UserError(`${path} holds ${loose} pictures but no class folders with pictures; ${form}`);
    throw new UserError(`${folder} holds no pictures; ${form}, or IDX files`);
  }
  const empty = classes.filter(({ files }) => files.length === 0).map(({ name }) => name);
  if (empty.length > 0) {
    throw new UserError(
      `${path} has ${empty.length === 1 ? "a class folder" : "class folders"} without pictures: ${empty.map((name) => `"${name}"`).join(", ")}; add some, or remove ${empty.length === 1 ? "it" : "them"}`,
    );
  }
  if (classes.length === 1) {
    throw new UserError(`${path} has one class only, ${classes[0]!.name}: there is nothing to tell apart; ${form}`);
  }
  if (classes.length > MOST_CLASSES) {
    throw new UserError(`${path} has ${classes.length} classes; at most ${MOST_CLASSES} are possible`);
  }
  const folded = classes.map(({ name }) => name.normalize("NFC").toLowerCase());
  const second = folded.findIndex((name, i) => folded.indexOf(name) < i);
  if (second >= 0) {
    const first = classes[folded.indexOf(folded[second]!)]!.name;
    throw new UserError(
      `the classes ${first} and ${classes[second]!.name} in ${path} differ by case, or by how accents are stored, only; put their pictures into one folder, or rename one`,
    );
  }
}

function foldersIn(path: string): string[] {
  return entriesOf(path).flatMap(({ name }) => (isFolder(join(path, name)) ? [name] : []));
}

/** Links to folders count here; those that lead nowhere or in a circle are none. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function named(classes: readonly string[]): string {
  return `the ${classes.length === 1 ? "class" : "classes"} ${classes.join(", ")}`;
}
