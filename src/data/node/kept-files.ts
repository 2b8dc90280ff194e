/** Results of long computations on disk, checked whenever they are read; the least recently used ones are removed. */
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { UserError } from "../../errors.ts";
import { withStaging } from "./cache.ts";
import type { Report } from "./chain.ts";

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
  /** What happens instead of reading it: "the pictures are decoded again". */
  readonly instead: string;
  /** How to do without. */
  readonly without: string;
}

const NEWLINE = 0x0a;
const ABSENT: readonly unknown[] = ["ENOENT", "ENOTDIR"];

/**
 * Reads a kept file: a line with the checksum of all after it, a line of JSON about the content, the content.
 *
 * @param parse makes of both what is wanted; undefined when they are not
 * @returns undefined when there is no such file, or it is damaged: then it is removed and reported
 */
export async function readKept<Result>(
  path: string,
  parse: (about: unknown, content: Uint8Array) => Result | undefined,
  { report, instead }: Pick<KeptWords, "report" | "instead">,
): Promise<Result | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && ABSENT.includes(error.code)) return undefined;
    report(`${path} cannot be read (${reasonOf(error)}): ${instead}`);
    return undefined;
  }
  const parts = checkedParts(bytes);
  const result = parts && parse(parts.about, parts.content);
  if (result !== undefined) {
    const now = new Date();
    await utimes(path, now, now).catch(() => {}); // only decides which files are removed first
    return result;
  }
  report(`${path} is damaged: ${instead}`);
  await rm(path, { force: true }).catch(() => {}); // in a folder that cannot be written to
  return undefined;
}

/** Writes a file for `readKept`, whole or not at all, and removes the oldest above the limits. A failure is reported. */
export async function keep(
  path: string,
  about: Readonly<Record<string, unknown>>,
  content: Uint8Array,
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

function checkedParts(bytes: Buffer): { about: unknown; content: Uint8Array } | undefined {
  const first = bytes.indexOf(NEWLINE);
  const second = bytes.indexOf(NEWLINE, first + 1);
  if (first < 0 || second < 0) return undefined;
  const sum = createHash("sha256")
    .update(bytes.subarray(first + 1))
    .digest("hex");
  if (bytes.toString("latin1", 0, first) !== sum) return undefined;
  const about: unknown = JSON.parse(bytes.toString("utf8", first + 1, second));
  // A Buffer's methods differ from those of a Uint8Array.
  return { about, content: new Uint8Array(bytes.buffer, bytes.byteOffset + second + 1, bytes.length - second - 1) };
}

async function write(path: string, about: Uint8Array, content: Uint8Array): Promise<void> {
  const sha256 = createHash("sha256").update(about).update(content).digest("hex");
  const folder = dirname(path);
  await withStaging(folder, async (staging) => {
    const temporary = join(staging, "kept");
    const file = await open(temporary, "wx");
    try {
      // One after the other, as joining them would need the memory twice.
      for (const part of [`${sha256}\n`, about, content]) await file.writeFile(part);
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
