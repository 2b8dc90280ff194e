import { realpathSync } from "node:fs";
import { extname } from "node:path";
import { recogniseImageFile } from "../../formats/image-file.ts";
import { IMAGE_FORMATS } from "../../imaging/signature.ts";
import { entriesOf, type FolderEntry, leadsBack } from "./folder-entries.ts";
import { isAside } from "./folders-aside.ts";

/** Endings of files that are taken for pictures. */
export const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  ".png",
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".avif",
  ".bmp",
  ".dib",
]);

/** What a folder holds, the folders inside it included. Paths begin with the folder's own. */
export interface FolderFiles {
  /** By the order of their paths. */
  readonly pictures: readonly string[];
  /** Whatever else is there: other files, links that lead nowhere or back, folders that are left out (these end in /). */
  readonly others: readonly string[];
}

/**
 * Looks through a folder and the folders inside it. Links to files and folders are followed, a folder that more than one leads
 * to once; one that leads back to a folder above is left out, as it would have no end. So are hidden folders and
 * those of `isAside`; hidden files are not even listed.
 *
 * @param above real paths of folders that links must not lead back to either
 * @throws UserError when a folder cannot be read
 */
export function filesIn(folder: string, above: readonly string[] = []): FolderFiles {
  const pictures: string[] = [];
  const others: string[] = [];
  const followed = new Set<string>();
  const visit = (inner: string, chain: readonly string[]) => {
    for (const entry of entriesOf(inner)) {
      const { path, kind, isLink, isHidden } = entry;
      if (kind === "folder") {
        const real = isLink ? realpathSync(path) : undefined;
        if (isAside(entry) || (real !== undefined && (followed.has(real) || leadsBack(path, chain)))) {
          others.push(`${path}/`);
        } else {
          if (real !== undefined) followed.add(real);
          visit(path, [...chain, realpathSync(path)]);
        }
      } else if (!isHidden) {
        (isPicture(entry) ? pictures : others).push(path);
      }
    }
  };
  visit(folder, [...above, realpathSync(folder)]);
  return { pictures, others };
}

/** By its ending; a file without one by its content. */
export function isPicture({ name, path, kind }: FolderEntry): boolean {
  if (kind !== "file") return false;
  if (extname(name) !== "") return IMAGE_EXTENSIONS.has(extname(name).toLowerCase());
  return IMAGE_FORMATS.some((format) => format === recogniseImageFile(path));
}
