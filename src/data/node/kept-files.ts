/** Results of long computations on disk, checked whenever they are read; the least recently used ones are removed. */
import { createHash } from "node:crypto";
import { closeSync, open as openFile, read as readFile } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../../errors.ts";
import { bufferFor, bytesOf, inRowParts, memoryRows, type Rows, valueBytes } from "../rows.ts";
import { withStaging } from "./cache.ts";
import type { Report } from "./chain.ts";
import { fileRows, memoryBound } from "./row-store.ts";

/** How much is kept of the files with one extension. */
export interface KeptLimits {
  readonly maxSets: number;
  readonly maxBytes: number;
}

/** What to say where a kept file is no use. */
export interface KeptWords {
  readonly report: Report;
  /** What is kept, in the plural: "the decoded pictures". */
  readonly what: string;
  /** As in `StoreOptions`. */
  readonly sharedBy?: number | undefined;
  /** What happens instead of reading it: "the pictures are decoded again". */
  readonly instead: string;
  /** How to do without. */
  readonly without: string;
}

const NEWLINE = 0x0a;
/** Bytes that are read at a time. */
const CHUNK = 2 ** 20;
const ABSENT: readonly unknown[] = ["ENOENT", "ENOTDIR"];

/** A kept file's content. */
interface Kept<About, Values extends Uint8Array | Float32Array> {
  readonly about: About;
  readonly rows: Rows<Values>;
}

/**
 * Reads a kept file: a line with the checksum of all after it, a line of JSON about the content, the content. Large contents stay
 * in the file (`memoryBound`), which may be removed meanwhile.
 *
 * @param parse the JSON, and the form of the rows that are wanted of it; undefined when they are not of this file
 * @returns undefined when there is no such file, or it is damaged: then it is removed and reported
 */
export async function readKept<About, Values extends Uint8Array | Float32Array>(
  path: string,
  parse: (about: unknown) => { readonly about: About; readonly form: Omit<Rows<Values>, "read"> } | undefined,
  { report, instead, what, sharedBy = 1 }: Pick<KeptWords, "report" | "instead" | "what" | "sharedBy">,
): Promise<Kept<About, Values> | undefined> {
  let file: number | undefined;
  try {
    file = await promisify(openFile)(path, "r");
    const checked = await checkFile(file);
    const parsed = checked && parse(checked.about);
    if (parsed && valueBytes(parsed.form) * parsed.form.count * parsed.form.size === checked.bytes) {
      const now = new Date();
      await utimes(path, now, now).catch(() => {}); // only decides which files are removed first
      const rows = fileRows<Values>({ file, offset: checked.offset, what, ...parsed.form });
      file = undefined;
      return { about: parsed.about, rows: checked.bytes <= memoryBound() / sharedBy ? inMemory(rows) : rows };
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && ABSENT.includes(error.code)) return undefined;
    report(`${path} cannot be read (${reasonOf(error)}): ${instead}`);
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
  report(`${path} is damaged: ${instead}`);
  await rm(path, { force: true }).catch(() => {}); // in a folder that cannot be written to
  return undefined;
}

/** Writes a file for `readKept`, whole or not at all, and removes the oldest above the limits. A failure is reported. */
export async function keep(
  path: string,
  about: Readonly<Record<string, unknown>>,
  content: Rows | Rows<Float32Array>,
  { limits, words }: { limits: KeptLimits; words: Pick<KeptWords, "report" | "what" | "without"> },
): Promise<void> {
  try {
    await write(path, new TextEncoder().encode(`${JSON.stringify(about)}\n`), content);
    await removeOldest(path, limits);
  } catch (error) {
    words.report(
      `${words.what} could not be kept for the next command (${reasonOf(error)}); set TAILOR_CACHE to a folder of yours with enough room, or ${words.without}`,
    );
  }
}

/** What a whole file says of its content, and where that begins; undefined unless its checksum is right. */
async function checkFile(file: number): Promise<{ about: unknown; offset: number; bytes: number } | undefined> {
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK);
  let head = Buffer.alloc(0);
  let [sum, offset] = [-1, 0];
  let total = 0;
  for (;;) {
    const { bytesRead } = await promisify(readFile)(file, chunk, 0, CHUNK, total);
    if (bytesRead === 0) break;
    total += bytesRead;
    let content = Buffer.from(chunk.buffer, 0, bytesRead);
    if (offset === 0) {
      head = Buffer.concat([head, content]);
      const isFirst = sum < 0;
      if (isFirst) sum = head.indexOf(NEWLINE);
      if (sum < 0) continue;
      offset = head.indexOf(NEWLINE, sum + 1) + 1;
      if (isFirst) content = head.subarray(sum + 1);
    }
    hash.update(content);
  }
  if (offset === 0 || head.toString("latin1", 0, sum) !== hash.digest("hex")) return undefined;
  const about: unknown = JSON.parse(head.toString("utf8", sum + 1, offset - 1));
  return { about, offset, bytes: total - offset };
}

/** A copy of rows in memory. */
function inMemory<Values extends Uint8Array | Float32Array>(rows: Rows<Values>): Rows<Values> {
  const values = bufferFor<Values>(rows, rows.count);
  for (const { start, values: some } of inRowParts(rows)) values.set(some, start * rows.size);
  return memoryRows(values as Uint8Array, rows.size) as Rows<Uint8Array | Float32Array> as Rows<Values>;
}

async function write(path: string, about: Uint8Array, content: Rows | Rows<Float32Array>): Promise<void> {
  const hash = createHash("sha256").update(about);
  for (const bytes of bytesOf(content)) hash.update(bytes);
  const folder = dirname(path);
  await withStaging(folder, async (staging) => {
    const temporary = join(staging, "kept");
    const file = await open(temporary, "wx");
    try {
      for (const part of [`${hash.digest("hex")}\n`, about]) await file.writeFile(part);
      for (const bytes of bytesOf(content)) await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    await mkdir(folder, { recursive: true });
    await rename(temporary, path);
  });
}

/** Removes the least recently used files with this one's extension above the limits. @param path the newest, which stays */
async function removeOldest(path: string, { maxSets, maxBytes }: KeptLimits): Promise<void> {
  const folder = dirname(path);
  const names = (await readdir(folder)).filter((name) => extname(name) === extname(path));
  const found = await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name);
      const entry = await stat(file).catch(() => undefined); // already removed by another process
      return entry ? [{ file, bytes: entry.size, used: file === path ? Number.POSITIVE_INFINITY : entry.mtimeMs }] : [];
    }),
  );
  let bytes = 0;
  for (const [i, one] of found
    .flat()
    .sort((a, b) => b.used - a.used)
    .entries()) {
    bytes += one.bytes;
    if (i > 0 && (i >= maxSets || bytes > maxBytes)) await rm(one.file, { force: true });
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && (error instanceof UserError || "syscall" in error)) return error.message;
  throw error;
}
