import { extname } from "node:path";
import { count } from "../../text.ts";

/** So many are named as examples. */
const MAX_NAMED = 3;

/**
 * Says what of a data folder is left out: files and folders counted, some of them named, and what to do about HEIC
 * pictures, as these were certainly meant to be seen.
 *
 * @param others paths; those of folders end in /
 * @returns a line for each kind that occurs
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

/** Only what is said of HEIC pictures. */
export function heicLines(others: readonly string[]): string[] {
  return leftOutLines(others.filter(isHeicName));
}

/** Phones save so; no decoder of it comes with sharp. */
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
