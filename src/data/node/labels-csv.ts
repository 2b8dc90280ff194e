import { extname, relative, sep } from "node:path";
import { UserError } from "../../errors.ts";
import { count, counted } from "../../text.ts";
import { PARTS, type Part } from "../picture-split.ts";
import { type ListedPicture, type ListedPictures, PART_FOLDERS } from "./class-folders.ts";
import { MAX_CLASSES, namesBeside } from "./class-names.ts";
import { type CsvHead, isCsvName, readCsv, readCsvHead } from "./csv-file.ts";
import type { DataPlace } from "./data-place.ts";
import { heicLines } from "./left-out.ts";
import { filesIn, IMAGE_EXTENSIONS } from "./picture-files.ts";
import type { UnreadablePicture } from "./read-pictures.ts";

/** Headers of the columns, in any case, best first; spaces and hyphens count as underscores. */
const FILE_COLUMNS = [
  ...["file", "filename", "file_name", "filepath", "file_path", "path", "image_path", "image", "image_name"],
  ...["image_file", "img", "img_path", "picture", "photo", "image_id", "img_id", "id", "name"],
];
export const LABEL_COLUMNS = ["label", "class", "category", "target", "class_name", "label_name"];
const SPLIT_COLUMNS = ["split", "subset"];

/** Longest row, in characters. */
const MAX_ROW = 2 ** 16;
/** Maximum number of examples to name. */
const MAX_NAMED = 3;

/** A CSV file that has labels of pictures. */
interface LabelTable {
  readonly head: CsvHead;
  /** The part of its pictures, unless a column says it. */
  readonly part: Part;
  /** Indices of the columns. */
  readonly columns: { readonly file: number; readonly label: number; readonly split: number };
}

/**
 * Whether a place has a table of pictures and their labels. A table in a folder that also has class folders must name
 * at least one picture that is there, as it may be about something else.
 */
export function hasLabelTable(place: DataPlace): boolean {
  const tables = tablesIn(place);
  if (tables.length === 0 || place.file || !hasClassFolders(place.folder)) return tables.length > 0;
  const index = new PictureIndex(place.folder);
  return tables.some(({ head, part, columns }) =>
    head.rows.some((row) => index.find(row[columns.file] ?? "", part).length > 0),
  );
}

/**
 * Lists pictures whose labels are in a CSV file beside them: `labels.csv` or a table of another name, or `train.csv`
 * with or without `val.csv` and `test.csv`. Pictures are found by their path within the folder, by the end of their path
 * (`cat1.jpg` in any subfolder), and both without the extension where the table has none. Labels are the names of the
 * classes; whole numbers are named by `classes.txt` or `labels.txt`.
 *
 * @throws UserError naming the file and the line: no or an unknown value, a picture named twice or that several files
 *   may be; more than 256 classes or fewer than two
 */
export async function listLabelled(place: DataPlace): Promise<ListedPictures> {
  const { tables, notes } = chooseTables(place);
  const index = new PictureIndex(place.folder);
  const rows = new Map<string, Row>();
  const missing: UnreadablePicture[] = [];
  for (const table of tables) {
    const { path } = table.head;
    for await (const { file, label, part, line } of labelled(table)) {
      const found = index.find(file, part);
      if (found.length === 0) {
        missing.push({ file, message: `${path}, line ${line}: there is no picture ${file} in ${place.folder}` });
        continue;
      }
      if (found.length > 1) {
        throw new UserError(
          `${path}, line ${line}: ${file} may be ${found.slice(0, MAX_NAMED).join(" or ")}; give the path within the folder`,
        );
      }
      const row = { file: found[0]!, label, part, path, line };
      const before = rows.get(row.file);
      if (before) throw named2Times(before, row);
      rows.set(row.file, row);
    }
  }
  if (rows.size === 0) {
    const [first] = missing;
    const none = `${tables[0]!.head.path} names no picture that is in ${place.folder}`;
    const message = first ? `${none} (${first.message})` : `${none}: it has no rows`;
    throw new UserError([message, ...heicLines(index.others)].join("\n"));
  }
  return { ...listedRows(place, [...rows.values()], tables), missing, ...leftOver(place, index, rows, notes, tables) };
}

interface Row {
  readonly file: string;
  readonly label: string;
  readonly part: Part;
  readonly path: string;
  readonly line: number;
}

function named2Times(first: Row, again: Row): UserError {
  const where = ({ path, line }: Row) => `${path}, line ${line}`;
  const what =
    first.label === again.label
      ? `names ${again.file} again, after ${where(first)}; keep one of the two`
      : `${again.file} is ${again.label} here, but ${first.label} in ${where(first)}; a picture has one class`;
  return new UserError(`${where(again)}: ${what}`);
}

function listedRows(
  { folder }: DataPlace,
  rows: readonly Row[],
  tables: readonly LabelTable[],
): Pick<ListedPictures, "classNames" | "pictures" | "parts"> {
  const table = tables[0]!.head.path;
  const labels = [...new Set(rows.map(({ label }) => label))];
  const areNumbers = labels.every((label) => /^\d{1,9}$/.test(label));
  labels.sort(areNumbers ? (a, b) => Number(a) - Number(b) : undefined);
  const parts = PARTS.filter((part) => rows.some((row) => row.part === part));
  if (!parts.includes("train"))
    throw new UserError(`${table} has no pictures to train; allowed are train, val and test`);
  if (labels.length === 1)
    throw new UserError(`${table} has one class only, ${labels[0]}: there is nothing to tell apart`);
  if (labels.length > MAX_CLASSES) {
    throw new UserError(
      `${table} has ${count(labels.length)} different labels; at most ${MAX_CLASSES} classes are possible. Labels are classes, not measured values`,
    );
  }
  const trained = new Set(rows.filter(({ part }) => part === "train").map(({ label }) => label));
  const strange = rows.find(({ label }) => !trained.has(label));
  if (strange) {
    throw new UserError(
      `${strange.path}, line ${strange.line}: no picture to train has the class ${strange.label} of ${strange.file}: what is tested must be trained`,
    );
  }
  const classNames = areNumbers ? namedNumbers(folder, labels, rows) : labels;
  const indices = new Map(labels.map((label, i) => [label, i]));
  const pictures = rows
    .map(({ file, label, part }): ListedPicture => ({ file, label: indices.get(label)!, part }))
    .sort((a, b) => (a.file < b.file ? -1 : 1));
  return { classNames, pictures, parts: parts.length === 1 ? [] : parts };
}

function namedNumbers(folder: string, labels: readonly string[], rows: readonly Row[]): readonly string[] {
  const found = namesBeside(folder);
  if (!found) return labels;
  const { names, file } = found;
  const strange = rows.find(({ label }) => !names[Number(label)]);
  if (!strange) return labels.map((label) => names[Number(label)]!);
  const { path, line, label } = strange;
  throw new UserError(
    `${path}, line ${line}: the label is ${label}, but ${file} has ${Number(label) < names.length ? "an empty line" : `${counted(names.length, "line")} only`} there: the classes are 0 to ${names.length - 1}, one a line`,
  );
}

/** What the tables do not name, and lines about it. */
function leftOver(
  { folder, file }: DataPlace,
  index: PictureIndex,
  rows: ReadonlyMap<string, Row>,
  notes: readonly string[],
  tables: readonly LabelTable[],
): Pick<ListedPictures, "others" | "notes"> {
  const unnamed = index.pictures.filter((picture) => !rows.has(picture));
  const read = tables.map(({ head }) => relative(folder, head.path));
  const examples = unnamed.slice(0, MAX_NAMED).join(", ");
  const those = unnamed.length === 1 ? "1 picture is" : `${count(unnamed.length)} pictures are`;
  const line =
    unnamed.length === 0
      ? []
      : [
          `${those} left out, as no row of ${read.join(", ")} names ${unnamed.length === 1 ? "it" : "them"}: ${unnamed.length > MAX_NAMED ? "such as " : ""}${examples}`,
        ];
  const names = ["classes.txt", "labels.txt"];
  const others = index.others.filter((other) => !read.includes(other) && !names.includes(other));
  return { others: file ? [] : others, notes: [...tables.map(describe), ...notes, ...line] };
}

/** "labels.csv: pictures in the column image_id, labels in dx" */
function describe({ head, columns }: LabelTable): string {
  const { path, header } = head;
  const split = columns.split < 0 ? "" : `, parts in ${header[columns.split]}`;
  return `${path}: pictures in the column ${header[columns.file]}, labels in ${header[columns.label]}${split}`;
}

/** The rows of a table, checked. */
async function* labelled({ head, part, columns }: LabelTable): AsyncGenerator<Omit<Row, "path">> {
  let isHeader = true;
  for await (const { cells, line } of readCsv(head, MAX_ROW)) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const place = `${head.path}, line ${line}`;
    const [file, label] = [cells[columns.file]!, cells[columns.label]!];
    if (file === "") throw new UserError(`${place}: no picture is named; fill the cell, or remove the row`);
    if (label === "") throw new UserError(`${place}: ${file} has no label; fill the cell, or remove the row`);
    yield { file, label, part: columns.split < 0 ? part : partOf(cells[columns.split]!, place), line };
  }
}

function partOf(text: string, place: string): Part {
  const found = PARTS.find((part) => PART_FOLDERS[part].includes(text.toLowerCase()));
  if (found) return found;
  throw new UserError(`${place}: the part is "${text}"; allowed are train, val, validation and test`);
}

/** The tables of a place that have columns of pictures and of labels. */
function tablesIn({ files, file }: DataPlace): LabelTable[] {
  return files.filter(isCsvName).flatMap(({ name, path }) => {
    // Kaggle's sample submissions have such columns too, but their labels are placeholders.
    if (!file && /submission/i.test(name)) return [];
    const head = readCsvHead(path);
    const columns = head && columnsOf(head.header);
    return columns && columns.label >= 0
      ? [{ head, part: file ? "train" : (statedPart(name) ?? "train"), columns }]
      : [];
  });
}

/** @returns undefined without a column of pictures; -1 for the others where there are none */
function columnsOf(header: readonly string[]): LabelTable["columns"] | undefined {
  const names = header.map((name) =>
    name
      .trim()
      .toLowerCase()
      .replace(/[\s-]+/g, "_"),
  );
  const first = (known: readonly string[]) => {
    const name = known.find((one) => names.includes(one));
    return name === undefined ? -1 : names.indexOf(name);
  };
  const file = first(FILE_COLUMNS);
  return file < 0 ? undefined : { file, label: first(LABEL_COLUMNS), split: first(SPLIT_COLUMNS) };
}

/** The part that the name of a file or folder says: `train.csv`, `train_labels.csv`, `fashion-mnist_test.csv`. */
export function statedPart(name: string): Part | undefined {
  const words = name.toLowerCase().split(/[^a-z]+/);
  return PARTS.find((part) => words.some((word) => PART_FOLDERS[part].includes(word)));
}

function chooseTables(place: DataPlace): { tables: readonly LabelTable[]; notes: readonly string[] } {
  const found = tablesIn(place);
  const isPart = ({ head }: LabelTable, part: Part) => statedPart(head.path.slice(place.folder.length)) === part;
  const chosen = place.file ? found : PARTS.flatMap((part) => found.filter((table) => isPart(table, part)));
  const tables = chosen.some(({ part }) => part === "train") ? chosen : found;
  const again = tables.find(({ part }, i) => tables.findIndex((other) => other.part === part) < i);
  if (again) {
    const names = tables.filter(({ part }) => part === again.part).map(({ head }) => relative(place.folder, head.path));
    throw new UserError(
      (w) =>
        `${place.folder} has several tables of labels (${names.join(", ")}); name the one to use with ${w.option("data")}, or keep only that one`,
    );
  }
  if (!tables.some(({ part }) => part === "train")) {
    throw new UserError(
      `${tables[0]!.head.path} has pictures to ${tables[0]!.part === "test" ? "test" : "validate"}, but there is no train.csv; put one beside it`,
    );
  }
  const [divided] = tables.filter(({ columns }) => columns.split >= 0);
  if (divided && tables.length > 1) {
    throw new UserError(
      `${divided.head.path} has a column ${divided.head.header[divided.columns.split]}, and there are ${tables.length} tables; say the parts of the pictures in one way: by a column or by a file each`,
    );
  }
  return { tables, notes: place.file ? [] : unlabelled(place) };
}

/** Lines about tables that name pictures but have no labels, Kaggle's test.csv. */
function unlabelled({ files, folder }: DataPlace): string[] {
  return files.filter(isCsvName).flatMap(({ path }) => {
    const columns = columnsOf(readCsvHead(path)?.header ?? []);
    if (!columns || columns.label >= 0) return [];
    return [
      `${relative(folder, path)} is left out: it has no column of labels (${LABEL_COLUMNS.slice(0, 4).join(", ")})`,
    ];
  });
}

/** Whether a folder has at least two folders of pictures that are not parts, or a train with two. */
function hasClassFolders(folder: string): boolean {
  const parts = Object.values(PART_FOLDERS).flat();
  const tops = new Set<string>();
  for (const path of filesIn(folder).pictures) {
    const words = relative(folder, path).split(sep);
    const isInPart = parts.includes(words[0]!.toLowerCase());
    if (words.length > (isInPart ? 2 : 1)) tops.add(isInPart ? words[1]! : words[0]!);
    if (tops.size > 1) return true;
  }
  return false;
}

/** The pictures of a folder, to be found by what tables call them. */
class PictureIndex {
  /** Paths within the folder, with / between their parts, sorted. */
  readonly pictures: readonly string[];
  /** Other entries, as `ListedPictures.others`. */
  readonly others: readonly string[];
  /** By file name, with and without the extension. */
  readonly #byName = new Map<string, string[]>();

  constructor(folder: string) {
    const { pictures, others } = filesIn(folder);
    const within = (path: string) => relative(folder, path).replaceAll(sep, "/") + (path.endsWith("/") ? "/" : "");
    this.pictures = pictures.map(within);
    this.others = others.map(within);
    for (const path of this.pictures) {
      const name = path.slice(path.lastIndexOf("/") + 1).normalize("NFC");
      for (const key of new Set([name, stemOf(name)])) {
        const known = this.#byName.get(key);
        if (known) known.push(path);
        else this.#byName.set(key, [path]);
      }
    }
  }

  /**
   * @param text as a table has it @param part of the picture: of several files that in the part's folder is meant
   * @returns the files that it may be; none when there is no such picture, or the path leads out of the folder
   */
  find(text: string, part: Part): readonly string[] {
    const path = text
      .replaceAll("\\", "/")
      .replace(/^(\.\/)+/, "")
      .normalize("NFC");
    if (path === "" || path.startsWith("/") || path.split("/").includes("..")) return [];
    const named = this.#byName.get(path.slice(path.lastIndexOf("/") + 1)) ?? [];
    const isMeant = (file: string) => file === path || stemOf(file) === path;
    const found = named.map((file) => ({ file, path: file.normalize("NFC") }));
    const exact = found.filter((one) => isMeant(one.path));
    const ending = found.filter(
      (one) => `/${one.path}`.endsWith(`/${path}`) || `/${stemOf(one.path)}`.endsWith(`/${path}`),
    );
    const files = (exact.length > 0 ? exact : ending).map(({ file }) => file);
    const inPart = files.filter((file) => file.includes("/") && statedPart(file.slice(0, file.indexOf("/"))) === part);
    return files.length > 1 && inPart.length > 0 ? inPart : files;
  }
}

/** A path without the extension of a picture. */
function stemOf(path: string): string {
  const extension = extname(path);
  return IMAGE_EXTENSIONS.has(extension.toLowerCase()) ? path.slice(0, -extension.length) : path;
}
