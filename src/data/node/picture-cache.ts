import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { decoderVersion } from "../../formats/node/image-file.ts";
import { decodedSize, prepareAs } from "../../imaging/preparation.ts";
import { mapConcurrently } from "../concurrently.ts";
import { defaultCacheFolder } from "./cache.ts";
import type { Report } from "./chain.ts";
import { type KeptLimits, keep, readKept } from "./kept-files.ts";
import { type OnRead, type ReadOptions, type ReadPictures, readPictures } from "./read-pictures.ts";

/** Where decoded pictures are kept, and which. */
export interface PictureCache extends KeptLimits {
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
}

const LIMITS = { minSeconds: 1, settledSeconds: 2, maxSetBytes: 2 ** 32, maxSets: 16, maxBytes: 2 ** 32 } as const;
const SWITCH = "TAILOR_PICTURE_CACHE";
const EXTENSION = ".pictures";
/** Changes when a file has other contents for the same key. */
const FORMAT = 1;
/** Number of files whose size and time are read concurrently. */
const AT_ONCE = 8;
const WORDS = {
  what: "the decoded pictures",
  instead: "the pictures are decoded again",
  without: `${SWITCH}=off`,
};

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
  const words = { report, ...WORDS };
  const wanted = { key, files, imageBytes: options.height * options.width };
  const readBack = async (): Promise<ReadPictures | undefined> => {
    const known = await readKept<Pick<ReadPictures, "pictures" | "channels">, Uint8Array>(
      path,
      (about) => parse(about, wanted),
      words,
    );
    return known && { ...known.about, images: known.rows, unreadable: [] };
  };
  const known = await readBack();
  if (known) return known;
  const read = await decode();
  const seconds = (Date.now() - started) / 1000;
  const isWorthIt = seconds >= cache.minSeconds && read.images.count * read.images.size <= cache.maxSetBytes;
  if (!isWorthIt || read.unreadable.length > 0) return read;
  const latest = states.reduce((time, { changed }) => Math.max(time, changed), 0);
  const isSettled = latest <= started - 1000 * cache.settledSeconds;
  const after = await statesOf(folder, files);
  if (!isSettled || !after || states.some(({ text }, i) => text !== after[i]!.text)) return read;
  const { pictures, images, channels } = read;
  await keep(path, { key, channels, pictures }, images, { limits: cache, words });
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
/** What a file says of its pixels. */
const keptSchema = z.strictObject({
  key: z.string(),
  channels: z.union([z.literal(1), z.literal(3)]),
  pictures: z.array(z.strictObject({ file: z.string(), bytes: z.int().min(0), sha256: z.string(), size: sizeSchema })),
});

/** What a file must hold. */
interface Wanted {
  readonly key: string;
  readonly files: readonly string[];
  /** Of one channel. */
  readonly imageBytes: number;
}

/** @returns undefined unless the content is of these files and options */
function parse(stated: unknown, { key, files, imageBytes }: Wanted) {
  const about = keptSchema.safeParse(stated);
  if (!about.success || about.data.key !== key) return undefined;
  const { pictures, channels } = about.data;
  const isOfThese = pictures.length === files.length && pictures.every(({ file }, i) => file === files[i]);
  if (!isOfThese) return undefined;
  const form = { dtype: "uint8", count: files.length, size: channels * imageBytes } as const;
  return { about: { pictures, channels }, form };
}
