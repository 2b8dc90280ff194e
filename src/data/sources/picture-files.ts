import { type Dirent, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { UserError } from "../../errors.ts";

/** Endings of files that are taken for pictures. */
export const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  ".png",
  ".jpg",
  ".jpeg",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".avif",
]);

/** What a folder holds, the folders inside it included. Paths begin with the folder's own. */
export interface FolderFiles {
  /** By the order of their paths. */
  readonly pictures: readonly string[];
  /** Files of other endings. */
  readonly others: readonly string[];
}

/**
 * Looks through a folder and the folders inside it. Hidden files and folders are left out, and links to folders are not
 * followed: a loop of links would have no end.
 *
 * @throws UserError when a folder cannot be read
 */
export function filesIn(folder: string): FolderFiles {
  const pictures: string[] = [];
  const others: string[] = [];
  const visit = (inner: string) => {
    for (const entry of entriesOf(inner)) {
      const path = join(inner, entry.name);
      if (entry.isDirectory()) visit(path);
      else (isPictureName(entry.name) ? pictures : others).push(path);
    }
  };
  visit(folder);
  return { pictures, others };
}

export function isPictureName(name: string): boolean {
  return IMAGE_EXTENSIONS.has(extname(name).toLowerCase());
}

/**
 * The entries of a folder that are not hidden, by their names.
 *
 * @throws UserError when it cannot be read
 */
export function entriesOf(folder: string): Dirent[] {
  return allEntriesOf(folder).filter(({ name }) => !isHidden(name));
}

/** A class's folder may be hidden without its owner's knowing it. */
export function hiddenFoldersIn(folder: string): string[] {
  return allEntriesOf(folder).flatMap((entry) => (isHidden(entry.name) && entry.isDirectory() ? [entry.name] : []));
}

const isHidden = (name: string) => name.startsWith(".");

function allEntriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? cause.code : cause;
    throw new UserError(`the folder ${folder} cannot be read (${reason}): check who owns it`, { cause });
  }
}
