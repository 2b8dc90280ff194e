import { existsSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { decodeImage, imageSize } from "../../formats/node/image-file.ts";
import { decodedSize, prepareAs } from "../../imaging/preparation.ts";
import { count } from "../../text.ts";
import { mapConcurrently } from "../concurrently.ts";
import { defaultSize, medianOf } from "../default-size.ts";
import { grayRows, hasNoColor } from "../gray-images.ts";
import { imageBytes } from "../image-set.ts";
import { PARTS, type Part, preparationOf } from "../picture-split.ts";
import type { Rows } from "../rows.ts";
import { checksumOf } from "./checksum.ts";
import { type CustomDataOptions, DEFAULT_FIT } from "./custom-data-options.ts";
import type { DataPlace } from "./data-place.ts";
import { LABEL_COLUMNS, statedPart } from "./labels-csv.ts";
import { entriesOf, type FolderEntry } from "./picture-files.ts";
import { createRowStore, storedRows } from "./row-store.ts";
import type { StoredImages, StoredPart } from "./stored-images.ts";

/** `train-00000-of-00002.parquet`, with or without a checksum in the name; `test.parquet`. */
const FILE_NAME = /^(?<part>[a-z]+)(?:-(?<index>\d{5})-of-(?<total>\d{5})(?:-[0-9a-f]+)?)?\.parquet$/;
/** A row group is decoded as a whole. */
const MAX_GROUP_BYTES = 2 ** 31 - 1;
/** Pictures decoded concurrently. */
const AT_ONCE = 8;
const WHAT = "the decoded pictures";

/** Whether a place has Parquet files, itself or in its folder `data`. */
export function hasParquetFiles(place: DataPlace): boolean {
  return parquetFiles(place).length > 0;
}

function parquetFiles({ files, folder, file }: DataPlace): FolderEntry[] {
  const isParquet = ({ name, kind, isHidden }: FolderEntry) =>
    kind === "file" && !isHidden && name.endsWith(".parquet");
  const here = files.filter(isParquet);
  const data = join(folder, "data");
  return here.length > 0 || file || !existsSync(data) ? here : entriesOf(data).filter(isParquet);
}

/**
 * Reads Parquet files as Hugging Face writes sets of images: a column of pictures, each with its file's bytes, and a
 * column of labels, whose class names are in the file's metadata. `train-*`, `validation-*` and `test-*` are the parts.
 * Pictures are prepared like those in folders; memory holds one row group of a file, and the images unless they are many.
 *
 * @throws UserError naming the file and the row, from 0
 */
export async function readParquet(place: DataPlace, options: CustomDataOptions): Promise<StoredImages> {
  const parts = partsOf(place);
  const tables = new Map<Part, Table[]>();
  for (const [part, paths] of parts) {
    const opened: Table[] = [];
    for (const path of paths) opened.push(await openTable(path));
    tables.set(part, opened);
  }
  const all = [...tables.values()].flat();
  const first = all[0]!;
  for (const { path, image, label, names } of all) {
    const isAlike =
      image === first.image && label === first.label && JSON.stringify(names) === JSON.stringify(first.names);
    if (!isAlike)
      throw new UserError(
        `${path} has other columns or class names than ${first.path}; files of one set have the same`,
      );
  }
  const notes: string[] = [];
  const labels = new Map<Part, (number | string)[]>();
  for (const [part, opened] of tables) {
    const found: (number | string)[] = [];
    for (const table of opened) found.push(...(await readLabels(table)));
    if (part !== "train" && found.every((label) => label === HIDDEN)) {
      notes.push(
        `${opened.map(({ path }) => relative(place.folder, path)).join(", ")}: left out, as all labels are ${HIDDEN} (not published)`,
      );
      continue;
    }
    const hidden = found.indexOf(HIDDEN);
    if (hidden >= 0)
      throw new UserError(`${placeOf(opened, hidden)}: the label is ${HIDDEN}, which stands for none; remove the row`);
    labels.set(part, found);
  }
  const used = PARTS.filter((part) => labels.has(part));
  const size =
    options.size ??
    (await sizeFor(
      used.flatMap((part) => tables.get(part)!),
      options,
    ));
  const read = new Map<Part, Rows>();
  let isGray = options.channels === undefined;
  for (const part of used) {
    const { images, hasColor } = await readImages(tables.get(part)!, size, options);
    read.set(part, images);
    if (hasColor) isGray = false;
  }
  if (isGray) for (const [part, images] of read) read.set(part, await storedRows(grayRows(images, size * size), WHAT));
  const stored = (part: Part): StoredPart | undefined => {
    const [images, opened] = [read.get(part), tables.get(part)];
    if (!images || !opened) return undefined;
    const path = opened.map((table) => table.path).join(", ");
    return {
      images,
      channels: isGray ? 1 : (options.channels ?? 3),
      height: size,
      width: size,
      labels: labels.get(part)!,
      imagesPath: path,
      labelsPath: path,
      placeOf: (index) => `the label of ${placeOf(opened, index)}`,
    };
  };
  const paths = used.flatMap((part) => tables.get(part)!.map(({ path }) => path));
  return {
    title: "Parquet files",
    train: stored("train")!,
    validation: stored("validation"),
    test: stored("test"),
    files: await Promise.all(paths.map(checksumOf)),
    names: first.names && { names: first.names, file: first.path },
    notes,
  };
}

/** Hugging Face's label of rows without one. */
const HIDDEN = -1;

/** The files of each part, all of them, in their order. */
function partsOf(place: DataPlace): [Part, string[]][] {
  const entries = parquetFiles(place);
  if (place.file) return [["train", [place.file.path]]];
  const found = entries.map(({ name, path }) => {
    const { part: word, index, total } = FILE_NAME.exec(name)?.groups ?? {};
    const part = word && statedPart(word);
    if (!part) {
      throw new UserError(
        (w) =>
          `${path}: the name does not say the part; allowed are train, validation and test (train-00000-of-00001.parquet, train.parquet). Rename it, or name it itself with ${w.option("data")} to train on it alone`,
      );
    }
    return { part, path, index: Number(index ?? 0), total: Number(total ?? 1) };
  });
  const parts = PARTS.flatMap((part): [Part, string[]][] => {
    const files = found.filter((file) => file.part === part).sort((a, b) => a.index - b.index);
    if (files.length === 0) return [];
    const { total, path } = files[0]!;
    const wrong = files.findIndex((file, i) => file.index !== i || file.total !== total);
    if (wrong >= 0 || files.length !== total) {
      const missing = wrong < 0 ? files.length : wrong;
      throw new UserError(
        `${basename(path)} is one of ${total} files to ${part}, but number ${missing} (from 0) is not there once, or is of another set; put all ${total} files there, each once`,
      );
    }
    return [[part, files.map((file) => file.path)]];
  });
  if (parts[0]?.[0] !== "train")
    throw new UserError(`${place.folder} has Parquet files but none to train (train-*.parquet)`);
  return parts;
}

interface Table {
  readonly path: string;
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly rows: number;
  /** Names of the columns. */
  readonly image: string;
  readonly label: string;
  /** Class names, where the file has them. */
  readonly names: readonly string[] | undefined;
}

/** What Hugging Face writes about the columns; of each only the fields that are used. */
const featuresSchema = z.object({
  info: z.object({
    features: z.record(
      z.string(),
      z.looseObject({ _type: z.string().optional(), names: z.array(z.string()).optional() }),
    ),
  }),
});

async function openTable(path: string): Promise<Table> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetSchema } = await import("hyparquet");
  const { file, metadata, columns } = await explained(path, async () => {
    const opened = await asyncBufferFromFile(path);
    const read = await parquetMetadataAsync(opened);
    return { file: opened, metadata: read, columns: parquetSchema(read).children };
  });
  for (const group of metadata.row_groups) {
    const bytes = Number(group.total_byte_size);
    if (bytes <= MAX_GROUP_BYTES) continue;
    throw new UserError(
      `${path} has a row group of ${count(bytes)} bytes; at most ${count(MAX_GROUP_BYTES)} are read: write it with smaller ones`,
    );
  }
  const features = featuresOf(metadata, path);
  const isPicture = (name: string) => features[name]?._type === "Image";
  const names = columns.map(({ element }) => element.name);
  const images = columns.filter(
    ({ element, children }) => isPicture(element.name) || children.some((child) => child.element.name === "bytes"),
  );
  if (images.length !== 1) {
    throw new UserError(
      `${path} has ${images.length === 0 ? "no column" : `${images.length} columns`} of pictures (with the bytes of each file); needed is one. Its columns: ${names.join(", ")}`,
    );
  }
  const classes = names.filter((name) => features[name]?._type === "ClassLabel");
  const label =
    [...LABEL_COLUMNS, "fine_label"].find((name) => names.includes(name)) ??
    (classes.length === 1 ? classes[0] : undefined);
  if (label === undefined) {
    throw new UserError(
      `${path} has no column of labels (${LABEL_COLUMNS.slice(0, 4).join(", ")}); its columns: ${names.join(", ")}`,
    );
  }
  const rows = Number(metadata.num_rows);
  if (rows === 0) throw new UserError(`${path} has no rows`);
  return { path, file, metadata, rows, image: images[0]!.element.name, label, names: features[label]?.names };
}

function featuresOf(metadata: FileMetaData, path: string): z.infer<typeof featuresSchema>["info"]["features"] {
  const text = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return {};
  try {
    return featuresSchema.parse(JSON.parse(text)).info.features;
  } catch (cause) {
    throw new UserError(`${path}: its metadata "huggingface" is not as Hugging Face writes it; write the file again`, {
      cause,
    });
  }
}

/** Whatever hyparquet throws means that the file is damaged. */
async function explained<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof UserError || !(cause instanceof Error)) throw cause;
    throw new UserError(`${path} is damaged or cut short, or not a Parquet file that can be read (${cause.message})`, {
      cause,
    });
  }
}

/** The rows of one column, a row group at a time, and the number of the group's first row. */
async function* groupsOf(
  { path, file, metadata }: Table,
  column: string,
): AsyncGenerator<{ start: number; values: unknown[] }> {
  const { parquetReadObjects } = await import("hyparquet");
  const { compressors } = await import("hyparquet-compressors");
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const range = { rowStart: start, rowEnd: end };
    const rows = await explained(path, () =>
      parquetReadObjects({ file, metadata, columns: [column], ...range, compressors, utf8: false }),
    );
    if (rows.length !== end - start)
      throw new UserError(`${path} is damaged: ${rows.length} rows where ${end - start} are declared`);
    yield { start, values: rows.map((row) => row[column]) };
    start = end;
  }
}

async function readLabels(table: Table): Promise<(number | string)[]> {
  const labels: (number | string)[] = [];
  for await (const { start, values } of groupsOf(table, table.label)) {
    for (const [i, value] of values.entries()) {
      const label = typeof value === "bigint" ? Number(value) : value;
      const isNumber = typeof label === "number" && Number.isSafeInteger(label) && label >= HIDDEN;
      if (!isNumber && !(typeof label === "string" && label !== "")) {
        throw new UserError(
          `${table.path}, row ${start + i}: the label is ${JSON.stringify(label) ?? "missing"}; labels are whole numbers from 0, or names of classes`,
        );
      }
      labels.push(label as number | string);
    }
  }
  if (labels.length !== table.rows) {
    throw new UserError(
      `${table.path} is damaged: it declares ${count(table.rows)} rows, but has ${count(labels.length)}`,
    );
  }
  return labels;
}

/** "FILE, row 5" of a row of several files in their order. */
function placeOf(tables: readonly Table[], index: number): string {
  let row = index;
  for (const { path, rows } of tables) {
    if (row < rows) return `${path}, row ${row}`;
    row -= rows;
  }
  throw new RangeError(`row ${index} of ${tables.length} files`);
}

/** The bytes of each picture file in a row group. */
async function* picturesOf(
  table: Table,
): AsyncGenerator<{ start: number; pictures: { bytes: Uint8Array; name: string }[] }> {
  for await (const { start, values } of groupsOf(table, table.image)) {
    const pictures = values.map((value, i) => {
      const name = `${table.path}, row ${start + i}`;
      const bytes: unknown = value !== null && typeof value === "object" && "bytes" in value ? value.bytes : value;
      if (!(bytes instanceof Uint8Array)) {
        throw new UserError(
          `${name}: there are no bytes of a picture (it may be in a file of its own); write the set with the pictures embedded`,
        );
      }
      return { bytes, name };
    });
    yield { start, pictures };
  }
}

async function sizeFor(tables: readonly Table[], { maxDefaultSize }: CustomDataOptions): Promise<number> {
  const edges: number[] = [];
  for (const table of tables) {
    for await (const { pictures } of picturesOf(table)) {
      const sizes = await mapConcurrently(pictures, AT_ONCE, ({ bytes, name }) => imageSize(bytes, name));
      for (const { width, height } of sizes) edges.push(Math.min(width, height));
    }
  }
  return defaultSize(medianOf(edges), maxDefaultSize);
}

/** @returns pixels of all pictures of the files, and whether one of them has colour */
async function readImages(
  tables: readonly Table[],
  size: number,
  options: CustomDataOptions,
): Promise<{ images: Rows; hasColor: boolean }> {
  const target = { channels: options.channels ?? 3, height: size, width: size };
  const total = tables.reduce((sum, { rows }) => sum + rows, 0);
  const preparation = preparationOf({ fit: options.fit ?? DEFAULT_FIT });
  const decoding = { size: decodedSize(preparation, target) };
  const shape = { dtype: "uint8", count: total, size: imageBytes(target) } as const;
  const store = await createRowStore<Uint8Array>({ ...shape, sharedBy: PARTS.length, what: WHAT });
  let hasColor = false;
  let before = 0;
  for (const table of tables) {
    for await (const { start, pictures } of picturesOf(table)) {
      await mapConcurrently([...pictures.entries()], AT_ONCE, async ([i, { bytes, name }]) => {
        const pixels = prepareAs(preparation, await decodeImage(bytes, name, decoding), target);
        store.write(before + start + i, pixels);
        hasColor ||= target.channels === 3 && !hasNoColor(pixels, size * size);
      });
    }
    before += table.rows;
  }
  return { images: store.rows(), hasColor };
}
