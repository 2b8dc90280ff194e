import { closeSync, type Dirent, openSync, readdirSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { extname, join, sep } from "node:path";
import { UserError } from "../../errors.ts";
import { canDecodeHeic } from "../../formats/node/heic.ts";
import { recogniseImageFile } from "../../formats/node/image-file.ts";
import { IMAGE_FORMATS } from "../../imaging/signature.ts";

/** An entry of a folder, with links resolved. */
export interface FolderEntry {
  readonly name: string;
  readonly path: string;
  /** other: a broken or circular link, a pipe, a device. */
  readonly kind: "file" | "folder" | "other";
  readonly isLink: boolean;
  readonly isHidden: boolean;
}

/**
 * The entries of a folder sorted by name, including hidden ones.
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
 * Whether a link leads to one of these folders or to a parent of one: following it would never end.
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
    return undefined; // a broken link, a circle of links, or no permission
  }
}

/** Folders that systems and programs create; these are never classes. */
const NAMES: ReadonlySet<string> = new Set([
  "__MACOSX",
  ".ipynb_checkpoints",
  "__pycache__",
  "node_modules",
  "@eaDir",
  "lost+found",
  "$RECYCLE.BIN",
  "System Volume Information",
]);

/** Files that mark a folder as tailor's output; each is a JSON object with a status. */
const MARKERS = [
  "run.json",
  "seeds.json",
  "folds.json",
  "sweep.json",
  "ablation.json",
  "study.json",
  "race.json",
] as const;

/**
 * Whether a folder is excluded from the search for pictures: hidden, created by a system or program, or tailor's
 * output. Output is detected by its content, since `runs` or `study` may be the name of a class.
 */
export function isAside({ name, path, isHidden }: FolderEntry): boolean {
  return isHidden || NAMES.has(name) || hasMarker(path);
}

/** Whether a folder directly contains tailor's output; if it has no pictures, it is a folder of results. */
export function holdsResults(folder: string): boolean {
  return entriesOf(folder).some(({ kind, path }) => kind === "folder" && hasMarker(path));
}

function hasMarker(folder: string): boolean {
  return MARKERS.some((name) => isMarker(join(folder, name)));
}

function isMarker(file: string): boolean {
  try {
    const content: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof content === "object" && content !== null && "status" in content;
  } catch {
    return false; // the file does not exist or is not tailor's
  }
}

const HEIC_EXTENSIONS: readonly string[] = [".heic", ".heif", ".hif"];

/** Extensions of picture files; HEIC's are read where its decoder is installed. */
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
  ...HEIC_EXTENSIONS,
]);

/** Whether a file is a HEIC picture by its name. */
export function isHeicName(path: string): boolean {
  return HEIC_EXTENSIONS.includes(extname(path).toLowerCase());
}

/** All files below a folder. Paths begin with the folder's own. */
export interface FolderFiles {
  /** Sorted by path. */
  readonly pictures: readonly string[];
  /** All other entries: other files, broken or circular links, excluded folders (paths end in /). */
  readonly others: readonly string[];
}

/**
 * Searches a folder recursively. Links to files and folders are followed; a folder reached by several links is read
 * once, and links back to a parent folder are excluded, as are the folders of `isAside`. Hidden files are not listed at
 * all.
 *
 * @param above real paths of further folders that links must not lead back to
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

/** Judged by the extension; a file without one by its content. HEIC pictures only where they can be decoded. */
export function isPicture({ name, path, kind }: FolderEntry): boolean {
  if (kind !== "file") return false;
  if (isHeicName(name)) return canDecodeHeic();
  if (extname(name) !== "") return IMAGE_EXTENSIONS.has(extname(name).toLowerCase());
  const found = recogniseImageFile(path);
  return IMAGE_FORMATS.some((format) => format === found) && (found !== "heic" || canDecodeHeic());
}

/** The first bytes of a file; undefined when it cannot be read, which is reported when all of it is read. */
export function readHead(path: string, bytes: number): Uint8Array | undefined {
  try {
    const file = openSync(path, "r");
    try {
      const head = new Uint8Array(bytes);
      return head.subarray(0, readSync(file, head));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}
