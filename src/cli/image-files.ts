import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { UserError } from "../errors.ts";

/** Names of files in a folder that are taken for images. */
const IMAGE_EXTENSIONS = new Set([".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".avif"]);

/** What standard input is called. */
export const STANDARD_INPUT = "-";

/**
 * The image files that a word of the command line means: a file, whatever its name, or all images in a folder and the
 * folders inside it, sorted by path. Hidden files and folders are left out, and files of other extensions; links to
 * folders are not followed.
 *
 * @throws UserError when there is no such file or folder, it cannot be read, or the folder holds no images
 */
export function imageFilesOf(word: string): string[] {
  if (word === STANDARD_INPUT) return [word];
  const entry = statSync(word, { throwIfNoEntry: false });
  if (!entry) throw new UserError(`there is no file or folder ${word}`);
  if (!entry.isDirectory()) return [word];
  const files = imagesIn(word);
  if (files.length > 0) return files;
  const extensions = [...IMAGE_EXTENSIONS].join(", ");
  throw new UserError(`the folder ${word} holds no images: no file in it ends in ${extensions}`);
}

function imagesIn(folder: string): string[] {
  const entries = readFolder(folder)
    .filter(({ name }) => !name.startsWith("."))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return imagesIn(path);
    return IMAGE_EXTENSIONS.has(extname(entry.name).toLowerCase()) ? [path] : [];
  });
}

function readFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? cause.code : cause;
    throw new UserError(`the folder ${folder} cannot be read (${reason}): check who owns it`, { cause });
  }
}
