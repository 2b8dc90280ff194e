/** Folders that lie among pictures and hold none to train on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { entriesOf, type FolderEntry } from "./folder-entries.ts";

/** What systems and programs put beside other people's files; nobody calls a class so. */
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

/** By these files tailor knows its own folders again; each is a JSON object with a status. */
const MARKERS = ["run.json", "seeds.json", "sweep.json", "ablation.json", "study.json"] as const;

/**
 * Whether a folder is none to look for pictures in: hidden, a system's or a program's, or one that tailor wrote into. The last are known
 * by what they hold, as `runs` or `study` may be the name of a class.
 */
export function isAside({ name, path, isHidden }: FolderEntry): boolean {
  return isHidden || NAMES.has(name) || hasMarker(path);
}

/** Whether a folder in it is one that tailor wrote into: without pictures beside it, the folder is there for results. */
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
    return false; // there is no such file, or it is somebody else's
  }
}
