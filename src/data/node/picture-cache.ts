import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { decoderVersion } from "../../formats/node/image-file.ts";
import { decodedSize, prepareAs } from "../../imaging/preparation.ts";
import { mapConcurrently } from "../concurrently.ts";
import { defaultCacheFolder, withStaging } from "./cache.ts";
import type { Report } from "./chain.ts";
import { type OnRead, type ReadOptions, type ReadPictures, readPictures } from "./read-pictures.ts";

/** Where decoded pictures are kept, and which. */
export interface PictureCache {
  readonly folder: string;
  /** Sets that are decoded faster are not kept, in seconds. */
  readonly minSeconds: number;
  /**
   * Files that were changed more recently than this before they are read are not kept, in seconds: a file system's
   * clock has steps, so that a second change may have the same time.
   */
  readonly settledSeconds: number;
  /** Larger sets are not kept, in bytes of pixels. */
  readonly maxSetBytes: number;
  /** Of all kept sets; the least recently used ones are removed. */
  readonly maxSets: number;
  readonly maxBytes: number;
}

const LIMITS = { minSeconds: 1, settledSeconds: 2, maxSetBytes: 2 ** 30, maxSets: 16, maxBytes: 2 ** 32 } as const;
const SWITCH = "TAILOR_PICTURE_CACHE";
const EXTENSION = ".pictures";
/** Changes when a file has other contents for the same key. */
const FORMAT = 1;
/** Number of files whose size and time are read concurrently. */
const AT_ONCE = 8;
const NEWLINE = 0x0a;
const ABSENT: readonly unknown[] = ["ENOENT", "ENOTDIR"];

/**
 * The folder `pictures` in tailor's cache.
 *
 * @returns undefined when $TAILOR_PICTURE_CACHE is off
 * @throws UserError when it has another value
 */
export function defaultPictureCache(environment: NodeJS.ProcessEnv = process.env): PictureCache | undefined {
  const { [SWITCH]: wanted } = environment;
  if (wanted === "off") return undefined;
  if (wanted) {
    throw new UserError(`${SWITCH} is "${wanted}"; the only value is off, which keeps no decoded pictures`);
  }
  return { ...LIMITS, folder: join(defaultCacheFolder(environment), "pictures") };
}

/** What happens while pictures are read. */
export interface ReadingHooks {
  /** Takes lines about a cache that is damaged or cannot be written. */
  readonly report: Report;
  readonly onRead?: OnRead | undefined;
  /** Default: `defaultPictureCache`. */
  readonly cache?: PictureCache | undefined;
}

/**
 * Like `readPictures`, but decoded pictures are kept on disk and reused while files, options, decoder and preparation
 * are the same. A file in the cache that is damaged is never used; one that cannot be written is reported. Sets with
 * unreadable pictures are not kept, as the reason may pass.
 *
 * @throws UserError as `readPictures` does
 */
export async function readPicturesOnce(
  folder: string,
  files: readonly string[],
  options: ReadOptions,
  { report, onRead, cache = defaultPictureCache() }: ReadingHooks,
): Promise<ReadPictures> {
  const started = Date.now();
  const decode = () => readPictures(folder, files, options, onRead);
  const states = cache && (await statesOf(folder, files));
  if (!cache || !states) return decode();
  const key = await keyOf(folder, files, options, states);
  const path = join(cache.folder, `${key}${EXTENSION}`);
  const known = await readKept(path, { key, files, imageBytes: options.height * options.width }, report);
  if (known) return known;
  const read = await decode();
  const seconds = (Date.now() - started) / 1000;
  const isWorthIt = seconds >= cache.minSeconds && read.images.length <= cache.maxSetBytes;
  if (!isWorthIt || read.unreadable.length > 0) return read;
  const latest = states.reduce((time, { changed }) => Math.max(time, changed), 0);
  const isSettled = latest <= started - 1000 * cache.settledSeconds;
  const after = await statesOf(folder, files);
  if (!isSettled || !after || states.some(({ text }, i) => text !== after[i]!.text)) return read;
  try {
    await keep(path, key, read);
    await removeOldest(cache, path);
  } catch (error) {
    const reason = reasonOf(error);
    report(
      `the decoded pictures could not be kept for the next command (${reason}); set TAILOR_CACHE to a folder of yours with enough room, or ${SWITCH}=off`,
    );
  }
  return read;
}

/** What tells a changed file, and when it was last changed, in milliseconds since 1970. */
interface FileState {
  readonly text: string;
  readonly changed: number;
}

/** @returns undefined when a file is missing */
async function statesOf(folder: string, files: readonly string[]): Promise<readonly FileState[] | undefined> {
  const states = await mapConcurrently(files, AT_ONCE, async (file): Promise<FileState | undefined> => {
    const entry = await stat(join(folder, file), { bigint: true }).catch(() => undefined);
    if (!entry) return undefined;
    const { dev, ino, size, mtimeNs, ctimeNs } = entry;
    // The time of the last change of any kind, which programs cannot set, unlike that of the content.
    return { text: [dev, ino, size, mtimeNs, ctimeNs].join(" "), changed: Number(ctimeNs / 1_000_000n) };
  });
  return states.every((state) => state !== undefined) ? states : undefined;
}

/** A name for everything that decides the result. */
async function keyOf(
  folder: string,
  files: readonly string[],
  { height, width, channels, preparation }: ReadOptions,
  states: readonly FileState[],
): Promise<string> {
  const target = { height, width, channels: channels ?? 3 };
  const hash = createHash("sha256");
  hash.update(JSON.stringify([FORMAT, await decoderVersion(), process.arch, decodedSize(preparation, target)]));
  hash.update(JSON.stringify([height, width, channels ?? "auto", preparation, folder]));
  // What the preparation makes of one picture stands for its code.
  hash.update(prepareAs(preparation, probe(), target));
  for (const [i, file] of files.entries()) hash.update(JSON.stringify([file, states[i]!.text]));
  return hash.digest("hex");
}

/** A picture with colours, transparency and another aspect ratio than a square. */
function probe() {
  const [width, height, channels] = [61, 47, 4] as const;
  const isInside = (x: number, y: number) => Math.abs(x - 30) < 18 && Math.abs(y - 23) < 15;
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [x, y, c] = [Math.floor(i / channels) % width, Math.floor(i / channels / width), i % channels];
    if (c === 3) return isInside(x, y) ? 255 - ((x * y) % 40) : 0;
    return (x * (37 + 11 * c) + y * (23 + 5 * c) + x * y) % 256;
  });
  return { data, width, height, channels };
}

const sizeSchema = z.strictObject({ width: z.int().min(1), height: z.int().min(1) });
/** The second line of a file; the first is the checksum of all after it, and behind the second are the pixels. */
const keptSchema = z.strictObject({
  key: z.string(),
  channels: z.union([z.literal(1), z.literal(3)]),
  pictures: z.array(z.strictObject({ file: z.string(), bytes: z.int().min(0), sha256: z.string(), size: sizeSchema })),
});

async function keep(path: string, key: string, { pictures, images, channels }: ReadPictures): Promise<void> {
  const about = new TextEncoder().encode(`${JSON.stringify({ key, channels, pictures })}\n`);
  const sha256 = createHash("sha256").update(about).update(images).digest("hex");
  const folder = join(path, "..");
  await withStaging(folder, async (staging) => {
    const temporary = join(staging, "pictures");
    const file = await open(temporary, "wx");
    try {
      // One after the other, as joining them would need the memory twice.
      for (const part of [`${sha256}\n`, about, images]) await file.writeFile(part);
    } finally {
      await file.close();
    }
    await mkdir(folder, { recursive: true });
    await rename(temporary, path);
  });
}

/** What a file must hold. */
interface Wanted {
  readonly key: string;
  readonly files: readonly string[];
  /** Of one channel. */
  readonly imageBytes: number;
}

/** @returns undefined when there is no such file, or it is damaged: then it is removed and reported */
async function readKept(path: string, wanted: Wanted, report: Report): Promise<ReadPictures | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && ABSENT.includes(error.code)) return undefined;
    report(`${path} cannot be read (${reasonOf(error)}): the pictures are decoded again`);
    return undefined;
  }
  const kept = parse(bytes, wanted);
  if (kept) {
    const now = new Date();
    await utimes(path, now, now).catch(() => {}); // only decides which sets are removed first
    return kept;
  }
  report(`${path} is damaged: the pictures are decoded again`);
  await rm(path, { force: true }).catch(() => {}); // in a folder that cannot be written to
  return undefined;
}

/** @returns undefined unless the checksum is right and the content is of these files and options */
function parse(bytes: Buffer, { key, files, imageBytes }: Wanted): ReadPictures | undefined {
  const first = bytes.indexOf(NEWLINE);
  const second = bytes.indexOf(NEWLINE, first + 1);
  if (first < 0 || second < 0) return undefined;
  const sum = createHash("sha256")
    .update(bytes.subarray(first + 1))
    .digest("hex");
  if (bytes.toString("latin1", 0, first) !== sum) return undefined;
  const about = keptSchema.safeParse(JSON.parse(bytes.toString("utf8", first + 1, second)));
  if (!about.success || about.data.key !== key) return undefined;
  const { pictures, channels } = about.data;
  // A Buffer's methods differ from those of a Uint8Array.
  const images = new Uint8Array(bytes.buffer, bytes.byteOffset + second + 1, bytes.length - second - 1);
  const isOfThese = pictures.length === files.length && pictures.every(({ file }, i) => file === files[i]);
  if (!isOfThese || images.length !== files.length * channels * imageBytes) return undefined;
  return { pictures, images, channels, unreadable: [] };
}

/** Removes the least recently used sets above the limits. @param path of the newest, which stays */
async function removeOldest({ folder, maxSets, maxBytes }: PictureCache, path: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(EXTENSION));
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
