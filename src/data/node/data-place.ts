import { existsSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { entriesOf, type FolderEntry } from "./picture-files.ts";

/** Where data are: a folder, or one file in it. */
export interface DataPlace {
  /** Absolute path as it was named, for messages and for a run's record. */
  readonly path: string;
  /** The folder in which files are looked up. */
  readonly folder: string;
  /** The file that was named; undefined for a folder. */
  readonly file: FolderEntry | undefined;
  /** The files that may be data: the named one alone, or the folder's visible files, sorted by name. */
  readonly files: readonly FolderEntry[];
}

/**
 * Looks at the place of data, without reading the data.
 *
 * @throws UserError unless there is a folder or a file
 */
export function openPlace(named: string): DataPlace {
  const path = resolve(named);
  if (!existsSync(path)) throw new UserError(`there is no data folder ${path}`);
  const found = statSync(path);
  if (found.isDirectory()) {
    const files = entriesOf(path).filter(({ kind, isHidden }) => kind === "file" && !isHidden);
    return { path, folder: path, file: undefined, files };
  }
  if (!found.isFile()) throw new UserError(`${path} is a pipe or device; data are in a folder or a file`);
  const file: FolderEntry = { name: basename(path), path, kind: "file", isLink: false, isHidden: false };
  return { path, folder: dirname(path), file, files: [file] };
}
