import { relative } from "node:path";
import { UserError } from "../../errors.ts";
import { count } from "../../text.ts";
import { PARTS, type Part } from "../picture-split.ts";
import { checksumOf } from "./checksum.ts";
import { type CsvHead, isCsvName, readCsv, readCsvHead } from "./csv-file.ts";
import { MAX_SIZE } from "./custom-data-options.ts";
import type { DataPlace } from "./data-place.ts";
import { LABEL_COLUMNS, statedPart } from "./labels-csv.ts";
import { checkTotal, type StoredImages, type StoredPart } from "./stored-images.ts";

/** Headers of pixels: pixel0, pixel_1, px12, 1x1 (row and column), 5. */
const PIXEL = /^(?:pixel|px|p)?[ _]?\d+(?:x\d+)?$/i;
/** Fewer columns of numbers are not pixels: the smallest image is 8x8. */
const MIN_PIXELS = 64;
const MAX_PIXELS = 3 * MAX_SIZE * MAX_SIZE;
/** A label, and for each pixel its header or three digits, and a delimiter. */
const MAX_ROW = 2 ** 22;

/** Whether a place has a table whose columns are pixels. */
export function hasPixelTable(place: DataPlace): boolean {
  return pixelTables(place).length > 0;
}

function pixelTables({ files }: DataPlace): CsvHead[] {
  return files.filter(isCsvName).flatMap(({ path }) => {
    const head = readCsvHead(path);
    if (!head || head.header.length < MIN_PIXELS) return [];
    const pixels = head.header.filter((name) => PIXEL.test(name)).length;
    // A long first line is cut at 64 KiB, so that the label may be missing.
    return pixels >= MIN_PIXELS && pixels >= head.header.length - 2 ? [head] : [];
  });
}

/**
 * Reads tables of pixels as on Kaggle: a row for each image, a column of labels (`label`, `class` ...) at any place,
 * and the others its pixels row by row, 0 to 255. A square number of them is a gray image, three times one a colour
 * image whose three values of a pixel stand side by side. `train.csv` and `test.csv` (also `mnist_train.csv`) are the
 * parts; a table to test without labels is left out.
 *
 * @throws UserError naming the file and the line
 */
export async function readPixelCsv(place: DataPlace): Promise<StoredImages> {
  const { tables, notes } = await choose(place, pixelTables(place));
  const parts: Partial<Record<Part, StoredPart>> = {};
  const files = [];
  for (const { part, head } of tables) {
    parts[part] = await readTable(head);
    files.push(await checksumOf(head.path));
  }
  const { train, validation, test } = parts as { train: StoredPart } & typeof parts;
  const colour =
    train.channels === 3
      ? [
          `${count(3 * train.height * train.width)} columns of pixels are read as ${train.height}x${train.width} pixels of red, green, blue side by side`,
        ]
      : [];
  return { title: "Tables of pixels", train, validation, test, files, notes: [...colour, ...notes] };
}

interface PartTable {
  readonly part: Part;
  readonly head: CsvHead;
}

async function choose(
  place: DataPlace,
  heads: readonly CsvHead[],
): Promise<{ tables: readonly PartTable[]; notes: readonly string[] }> {
  const notes: string[] = [];
  const found: PartTable[] = [];
  for (const head of heads) {
    const name = relative(place.folder, head.path);
    const part = place.file ? "train" : (statedPart(name) ?? "train");
    if ((await hasLabels(head)) || part === "train") found.push({ part, head });
    else notes.push(`${name} is left out: it has no column of labels (${LABEL_COLUMNS.slice(0, 4).join(", ")})`);
  }
  const again = found.find(({ part }, i) => found.findIndex((other) => other.part === part) < i);
  if (again) {
    const names = found.filter(({ part }) => part === again.part).map(({ head }) => relative(place.folder, head.path));
    throw new UserError(
      (w) =>
        `${place.folder} has several tables of pixels to ${again.part} (${names.join(", ")}); name the one to use with ${w.option("data")}`,
    );
  }
  if (!found.some(({ part }) => part === "train")) {
    throw new UserError(`${heads[0]!.path} has images, but there is no train.csv beside it to train with`);
  }
  return { tables: PARTS.flatMap((part) => found.filter((table) => table.part === part)), notes };
}

/** Whether the whole first line, of which the head may be a part, has a column of labels. */
async function hasLabels(head: CsvHead): Promise<boolean> {
  for await (const { cells } of readCsv(head, MAX_ROW)) return labelColumn(cells) >= 0;
  return false;
}

function labelColumn(header: readonly string[]): number {
  return header.findIndex((name) => LABEL_COLUMNS.includes(name.toLowerCase()));
}

interface Layout {
  readonly label: number;
  readonly channels: 1 | 3;
  readonly edge: number;
}

/** @throws UserError unless there is one column of labels, and the number of others is that of an image */
function layoutOf(header: readonly string[], path: string): Layout {
  const label = labelColumn(header);
  if (label < 0) {
    const isData = header.every((cell) => /^\d+$/.test(cell));
    throw new UserError(
      isData
        ? `${path} begins with numbers; put a first line with the names of its columns there: label,pixel0,pixel1 and so on`
        : `${path} has no column of labels (${LABEL_COLUMNS.slice(0, 4).join(", ")}); add one`,
    );
  }
  const strange = header.find((name, i) => i !== label && !PIXEL.test(name));
  if (strange !== undefined) {
    throw new UserError(`${path} has a column ${strange}, which is neither the label nor a pixel; remove it`);
  }
  const pixels = header.length - 1;
  for (const channels of [1, 3] as const) {
    const edge = Math.sqrt(pixels / channels);
    if (Number.isInteger(edge) && edge <= MAX_SIZE) return { label, channels, edge };
  }
  throw new UserError(
    `${path} has ${count(pixels)} columns of pixels; needed are those of a square image of at most ${MAX_SIZE}x${MAX_SIZE}: 784 for 28x28, three times as many with colour (at most ${count(MAX_PIXELS)})`,
  );
}

/** Rows are collected in blocks, as their number is known only at the end. */
const BLOCK_ROWS = 1024;

async function readTable(head: CsvHead): Promise<StoredPart> {
  const { path } = head;
  const labels: (number | string)[] = [];
  const lines: number[] = [];
  const blocks: Uint8Array[] = [];
  let layout: Layout | undefined;
  for await (const { cells, line } of readCsv(head, MAX_ROW)) {
    if (!layout) {
      layout = layoutOf(cells, path);
      continue;
    }
    const bytes = layout.channels * layout.edge ** 2;
    const row = labels.length % BLOCK_ROWS;
    if (row === 0) {
      checkTotal(labels.length + BLOCK_ROWS, { channels: layout.channels, height: layout.edge, width: layout.edge });
      blocks.push(new Uint8Array(BLOCK_ROWS * bytes));
    }
    setPixels(blocks.at(-1)!.subarray(row * bytes, (row + 1) * bytes), cells, layout, `${path}, line ${line}`);
    const label = cells[layout.label]!;
    if (label === "") throw new UserError(`${path}, line ${line}: there is no label; fill the cell, or remove the row`);
    labels.push(label);
    lines.push(line);
  }
  if (!layout || labels.length === 0)
    throw new UserError(`${path} has no images: there is no row below its first line`);
  const { channels, edge } = layout;
  const bytes = channels * edge ** 2;
  const images = new Uint8Array(labels.length * bytes);
  for (const [i, block] of blocks.entries()) {
    images.set(block.subarray(0, images.length - i * BLOCK_ROWS * bytes), i * BLOCK_ROWS * bytes);
  }
  return {
    images,
    channels,
    height: edge,
    width: edge,
    labels: labels.every((label) => /^\d{1,9}$/.test(String(label))) ? labels.map(Number) : labels,
    imagesPath: path,
    labelsPath: path,
    placeOf: (index) => `the label of line ${lines[index]}`,
  };
}

/** @param to pixels of one image, [channels, edge, edge] */
function setPixels(to: Uint8Array, cells: readonly string[], { label, channels, edge }: Layout, place: string): void {
  const plane = edge * edge;
  let from = 0;
  for (let i = 0; i < cells.length; i++) {
    if (i === label) continue;
    const value = Number(cells[i]);
    if (!(Number.isInteger(value) && value >= 0 && value <= 255) || cells[i] === "") {
      throw new UserError(`${place}: cell ${i + 1} is "${cells[i]}"; pixels are whole numbers from 0 to 255`);
    }
    to[(from % channels) * plane + Math.floor(from / channels)] = value;
    from++;
  }
}
