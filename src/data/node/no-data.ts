import { extname } from "node:path";
import { UserError } from "../../errors.ts";
import { count, counted } from "../../text.ts";
import type { DataPlace } from "./data-place.ts";
import { filesIn } from "./picture-files.ts";

/** What is read, for messages. */
export const LAYOUTS =
  "a data folder holds one folder a class with its pictures, or train (and val, test) with such folders, pictures and a table of their labels (CSV), or files of images: IDX, NumPy (.npz), a table of pixels, CIFAR's binary version, Parquet";

const ARCHIVE = { what: "archive", advice: "an archive (zip, tar, tar.gz) is read when it is named itself" };
const PACKED = { what: "packed file", advice: "of packed files zip, tar and tar.gz are read: unpack others" };

/** What files are, by their extension, and what to do with them where they are not read. */
const KINDS: Readonly<Record<string, { readonly what: string; readonly advice?: string }>> = {
  idx: { what: "IDX file", advice: "IDX files come in pairs: name their folder" },
  ".zip": ARCHIVE,
  ".tar": ARCHIVE,
  ".tgz": ARCHIVE,
  ".gz": ARCHIVE,
  ".xz": PACKED,
  ".bz2": PACKED,
  ".zst": PACKED,
  ".7z": PACKED,
  ".rar": PACKED,
  ".npz": { what: "file of arrays", advice: "arrays are named x_train, y_train and so on" },
  ".csv": { what: "table", advice: "a table of labels needs a first line with columns for the file and the label" },
  ".tsv": { what: "table", advice: "a table of labels needs a first line with columns for the file and the label" },
};

/** The error for a file that no reader recognizes. */
export function unknownFile({ path }: DataPlace): UserError {
  return new UserError(`${path} is no data that can be read; ${adviceFor([path])[0] ?? LAYOUTS}`);
}

/** The message for a folder without anything that can be read: what is there, and what is expected. */
export function nothingIn(folder: string): string {
  return `${folder} holds no pictures; ${[LAYOUTS, ...whatIsThere(folder)].join(". ")}`;
}

/** What a folder holds, by kind of files, and advice about each kind; nothing for an empty folder. */
function whatIsThere(folder: string): string[] {
  const { pictures, others } = filesIn(folder);
  const files = others.filter((path) => !path.endsWith("/"));
  const kinds = new Map<string, number>();
  const add = (kind: string, times: number) => kinds.set(kind, (kinds.get(kind) ?? 0) + times);
  if (pictures.length > 0) add("picture", pictures.length);
  for (const path of files) add(kindOf(path)?.what ?? (extname(path).toLowerCase() || "other file"), 1);
  const found = [...kinds].map(([kind, times]) =>
    kind.startsWith(".") ? `${count(times)} ${kind}` : counted(times, kind),
  );
  return found.length === 0 ? [] : [`It holds ${found.join(", ")}`, ...adviceFor(files)];
}

function adviceFor(files: readonly string[]): string[] {
  return [...new Set(files.flatMap((path) => kindOf(path)?.advice ?? []))];
}

function kindOf(path: string) {
  const name = path.replace(/\.gz$/, "");
  if (/idx[13]-ubyte$/.test(name)) return KINDS.idx;
  return KINDS[extname(name).toLowerCase()];
}
