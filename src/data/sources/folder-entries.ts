import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { UserError } from "../../errors.ts";

/** What a name in a folder leads to; links are followed. */
export interface FolderEntry {
  readonly name: string;
  readonly path: string;
  /** other: a link that leads nowhere or in a circle, a pipe, a device. */
  readonly kind: "file" | "folder" | "other";
  readonly isLink: boolean;
  readonly isHidden: boolean;
}

/**
 * The entries of a folder by their names, hidden ones among them.
 *
 * @throws UserError when it cannot be read
 */
export function entriesOf(folder: string): FolderEntry[] {
  return listFolder(folder).map((entry) => {
    const { name } = entry;
    const path = join(folder, name);
    return {
      name,
      path,
      kind: kindOf(entry.isSymbolicLink() ? targetOf(path) : entry),
      isLink: entry.isSymbolicLink(),
      isHidden: name.startsWith("."),
    };
  });
}

/**
 * Whether a link leads to one of these folders or to one that they lie in: whoever followed it would come by again.
 *
 * @param folders real paths
 */
export function leadsBack(link: string, folders: readonly string[]): boolean {
  const target = realpathSync(link);
  const inside = target.endsWith(sep) ? target : `${target}${sep}`;
  return folders.some((folder) => folder === target || folder.startsWith(inside));
}

function listFolder(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? cause.code : cause;
    throw new UserError(`the folder ${folder} cannot be read (${reason}): check who owns it`, { cause });
  }
}

function kindOf(found: { isFile(): boolean; isDirectory(): boolean } | undefined): FolderEntry["kind"] {
  if (found?.isFile()) return "file";
  return found?.isDirectory() ? "folder" : "other";
}

function targetOf(link: string) {
  try {
    return statSync(link);
  } catch {
    return undefined; // it leads nowhere, in a circle, or to where nobody may look
  }
}
