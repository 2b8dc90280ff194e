import { existsSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { archiveKind, unpackArchive } from "./archive.ts";
import type { Report } from "./chain.ts";
import { entriesOf, type FolderEntry } from "./picture-files.ts";

/** Where data are: a folder, one file in it, or an archive. */
export interface DataPlace {
  /** Absolute path as it was named, for messages and for a run's record. */
  readonly path: string;
  /** The folder in which files are looked up. */
  readonly folder: string;
  /** The file that was named; undefined for a folder and for an archive. */
  readonly file: FolderEntry | undefined;
  /** The files that may be data: the named one alone, or the folder's visible files, sorted by name. */
  readonly files: readonly FolderEntry[];
  /** Lines about what an archive has and is not unpacked. */
  readonly notes: readonly string[];
  /** A text with the archive's path in place of the folder that it was unpacked to. */
  readonly shown: (text: string) => string;
}

/**
 * Looks at the place of data, without reading the data, and does some work with it. An archive is unpacked. Messages
 * name the archive, not the folder that it was unpacked to.
 *
 * @throws UserError unless there is a folder or a file, and as `work` does
 */
export async function atPlace<Result>(
  named: string,
  report: Report,
  work: (place: DataPlace, report: Report) => Promise<Result>,
): Promise<Result> {
  const place = await openPlace(named);
  const { shown } = place;
  try {
    return await work(place, (line, words) =>
      report(shown(line), words && ((w) => shown(typeof words === "string" ? words : words(w)))),
    );
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause;
    // Of data that are several files, some messages name none of them; an archive is one.
    const isArchive = place.file === undefined && place.folder !== place.path;
    const inPlace = (text: string) => (isArchive && !text.includes(place.path) ? `${place.path}: ${text}` : text);
    throw new UserError((w) => inPlace(shown(cause.worded(w))), { cause, exitCode: cause.exitCode });
  }
}

async function openPlace(named: string): Promise<DataPlace> {
  const path = resolve(named);
  if (!existsSync(path)) throw new UserError(`there is no data folder ${path}`);
  const found = statSync(path);
  const plain = { path, notes: [], shown: (text: string) => text };
  if (found.isDirectory()) return { ...plain, folder: path, file: undefined, files: filesOf(path) };
  if (!found.isFile()) throw new UserError(`${path} is a pipe or device; data are in a folder or a file`);
  const kind = archiveKind(path);
  if (kind) {
    const { root, folder, notes } = await unpackArchive(path, kind);
    return {
      path,
      folder,
      file: undefined,
      files: filesOf(folder),
      notes,
      shown: (text) => text.replaceAll(root, path),
    };
  }
  const file: FolderEntry = { name: basename(path), path, kind: "file", isLink: false, isHidden: false };
  return { ...plain, folder: dirname(path), file, files: [file] };
}

function filesOf(folder: string): FolderEntry[] {
  return entriesOf(folder).filter(({ kind, isHidden }) => kind === "file" && !isHidden);
}
