import { extname } from "node:path";
import { count } from "../../text.ts";

/** Maximum number of examples to name. */
const MAX_NAMED = 3;

/**
 * Summarizes the ignored entries of a data folder: numbers of files and folders, some examples, and advice for HEIC
 * pictures, which were certainly meant to be used.
 *
 * @param others paths; paths of folders end in /
 * @returns one line for each kind of entry
 */
export function leftOutLines(others: readonly string[]): string[] {
  const folders = others.filter(isFolder);
  const pictures = others.filter(isHeicName);
  const files = others.filter((path) => !isFolder(path) && !isHeicName(path));
  return [
    ...line(files, "other file", ""),
    ...line(folders, "folder", ""),
    ...line(pictures, "HEIC picture", "; convert them to JPEG first, e.g. with heif-convert"),
  ];
}

/** The lines about HEIC pictures only. */
export function heicLines(others: readonly string[]): string[] {
  return leftOutLines(others.filter(isHeicName));
}

/** HEIC is the format of many phones; sharp comes without a decoder for it. */
function isHeicName(path: string): boolean {
  return [".heic", ".heif", ".hif"].includes(extname(path).toLowerCase()) && !isFolder(path);
}

function isFolder(path: string): boolean {
  return path.endsWith("/");
}

function line(paths: readonly string[], what: string, advice: string): string[] {
  const some = paths.slice(0, MAX_NAMED).join(", ");
  if (paths.length === 0) return [];
  if (paths.length === 1) return [`1 ${what} is left out: ${some}${advice.replace("them", "it")}`];
  return [`${count(paths.length)} ${what}s are left out, such as ${some}${advice}`];
}
