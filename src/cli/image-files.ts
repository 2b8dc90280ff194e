import { type Stats, statSync } from "node:fs";
import { heicLines } from "../data/sources/left-out.ts";
import { filesIn, IMAGE_EXTENSIONS } from "../data/sources/picture-files.ts";
import { UserError } from "../errors.ts";
import { explainFileError } from "../runs/file-errors.ts";

/** What standard input is called. */
export const STANDARD_INPUT = "-";

/**
 * The image files that a word of the command line means: a file, whatever its name, or all images in a folder and the
 * folders inside it, sorted by path. What is no picture is left out, as from a data folder (`filesIn`).
 *
 * @throws UserError when there is no such file or folder, it cannot be read, or the folder holds no images
 */
export function imageFilesOf(word: string): string[] {
  if (word === STANDARD_INPUT) return [word];
  const entry = entryAt(word);
  if (!entry) throw new UserError(`there is no file or folder ${word === "" ? '""' : word}`);
  if (!entry.isDirectory()) return [word];
  const { pictures, others } = filesIn(word);
  if (pictures.length > 0) return [...pictures];
  const extensions = [...IMAGE_EXTENSIONS].join(", ");
  const message = `the folder ${word} holds no images: no file in it ends in ${extensions}, and none without an ending is one`;
  throw new UserError([message, ...heicLines(others)].join("\n"));
}

/** Undefined when there is nothing. @throws UserError when the system refuses to look, as for links that lead in a circle */
function entryAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw explainFileError(error, "read", path);
  }
}
