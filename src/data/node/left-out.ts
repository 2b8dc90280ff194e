import { count } from "../../text.ts";
import { isHeicName } from "./picture-files.ts";

/** Maximum number of examples to name. */
const MAX_NAMED = 3;

/**
 * Summarizes the ignored entries of a data folder: numbers of files and folders, some examples, and for HEIC pictures,
 * which were certainly meant to be used, how to read them.
 *
 * @param others paths; paths of folders end in /
 * @returns one line for each kind of entry
 */
export function leftOutLines(others: readonly string[]): string[] {
  const folders = others.filter(isFolder);
  const pictures = others.filter(isHeicFile);
  const files = others.filter((path) => !isFolder(path) && !isHeicFile(path));
  return [
    ...line(files, "other file", ""),
    ...line(folders, "folder", ""),
    ...line(pictures, "HEIC picture", "; to read them, run: npm install libheif-js; or convert them to JPEG"),
  ];
}

/** The lines about HEIC pictures only. */
export function heicLines(others: readonly string[]): string[] {
  return leftOutLines(others.filter(isHeicFile));
}

function isHeicFile(path: string): boolean {
  return !isFolder(path) && isHeicName(path);
}

function isFolder(path: string): boolean {
  return path.endsWith("/");
}

function line(paths: readonly string[], what: string, advice: string): string[] {
  const some = paths.slice(0, MAX_NAMED).join(", ");
  if (paths.length === 0) return [];
  if (paths.length === 1) return [`1 ${what} is left out: ${some}${advice.replaceAll("them", "it")}`];
  return [`${count(paths.length)} ${what}s are left out, such as ${some}${advice}`];
}
