import { copyFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { UserError } from "../../errors.ts";
import type { Preparation } from "../../imaging/preparation.ts";
import { count } from "../../text.ts";
import type { Wording, Words } from "../../wording.ts";
import type { PublishedData, PublishedFile } from "../fashion-mnist.ts";
import { DATA_PARTS } from "../fashion-mnist.ts";
import type { ImageSet } from "../image-set.ts";
import type { PictureSplit } from "../picture-split.ts";
import { installFiles, withStaging } from "./cache.ts";
import type { DataFolder } from "./folder.ts";
import { missingFiles, readDataFolder } from "./folder.ts";

/** Takes one line for the user; `words` is the same line, where it names options, for whoever names them otherwise. */
export type Report = (line: string, words?: Words) => void;

/** A local folder that may contain the files. */
export interface LocalSource {
  readonly kind: "cache" | "debian";
  readonly title: string;
  readonly folder: string;
}

/** A download source of the files. */
export interface RemoteSource {
  readonly kind: "apt" | "https";
  readonly title: string;
  /**
   * Downloads the four compressed files into the empty folder `into`. Calls `report` with what is downloaded once the
   * download starts.
   *
   * @throws UserError with the reason when it cannot
   */
  fetch(into: string, report: Report): Promise<void>;
}

/** A source of a data set; `loadFromChain` tries sources in turn. */
export type DataSource = LocalSource | RemoteSource;

/** A loaded data set and its source. */
export interface LoadedData {
  readonly train: ImageSet;
  readonly test: ImageSet;
  /** folder: the user's IDX files; pictures: the user's pictures, one folder per class. */
  readonly source: "folder" | "pictures" | DataSource["kind"];
  /** The folder that contains the files. */
  readonly folder: string;
  /** Whether all files are the published ones, byte for byte. */
  readonly verified: boolean;
  /** Name, size and SHA-256 of the uncompressed files; all pictures of a folder count as one file. */
  readonly files: readonly PublishedFile[];
  /** How to prepare pictures for a network trained on this data. Default: as garments, like Fashion-MNIST. */
  readonly preparation?: Preparation;
  /** For pictures: their division into train, validation and test. */
  readonly split?: PictureSplit;
}

/**
 * Loads a data set from the first source that has the published files. Downloads go to a staging folder, are verified
 * there and then moved into the cache. A cache with wrong checksums is reported and replaced.
 *
 * @throws UserError listing every source and why it failed, and what to do
 */
export async function loadFromChain(
  data: PublishedData,
  sources: readonly DataSource[],
  { cacheFolder, report }: { cacheFolder: string; report: Report },
): Promise<LoadedData> {
  const failures: string[] = [];
  let isCacheDamaged = false;
  for (const source of sources) {
    try {
      const loaded =
        "folder" in source ? await readSource(data, source) : await fetchIntoCache(data, source, cacheFolder, report);
      if (isCacheDamaged && "folder" in source) await repairCache(data, source, cacheFolder, report);
      const place = "folder" in source ? source.title : `${source.title}, now in ${loaded.folder}`;
      report(`${describeData(data.title, loaded)} from ${place}`);
      return loaded;
    } catch (error) {
      const reason = failureReason(error);
      failures.push(`  ${source.title}: ${reason}`);
      if (source.kind === "cache" && (await hasAnyFile(data, source.folder))) {
        isCacheDamaged = true;
        report(`${data.title}: the cache is damaged and will be replaced: ${reason}`);
      }
    }
  }
  throw new UserError((w) => [`${data.title} could not be loaded. Tried:`, ...failures, whatToDo(data, w)].join("\n"));
}

/** "Fashion-MNIST: 60,000 + 10,000 images, 55.0 MB": sizes are those of the uncompressed files. */
export function describeData(
  title: string,
  { train, test, files }: Pick<DataFolder, "train" | "test" | "files">,
): string {
  const megabytes = files.reduce((sum, file) => sum + file.bytes, 0) / 1e6;
  const counts = [train, test].map((set) => count(set.count)).join(" + ");
  return `${title}: ${counts} images, ${megabytes.toFixed(1)} MB,`;
}

async function readSource(data: PublishedData, { kind, folder }: LocalSource): Promise<LoadedData> {
  if (!(await hasAnyFile(data, folder))) throw new UserError("nothing there");
  return { ...(await readVerified(data, folder)), source: kind, folder, verified: true };
}

async function fetchIntoCache(
  data: PublishedData,
  source: RemoteSource,
  cacheFolder: string,
  report: Report,
): Promise<LoadedData> {
  const folder = join(cacheFolder, data.folder);
  return withStaging(cacheFolder, async (staging) => {
    await source.fetch(staging, (line) => report(`${data.title}: ${line}`));
    const { train, test, files } = await readVerified(data, staging).catch((error: unknown) => {
      const reason = failureReason(error).replaceAll(`${staging}${sep}`, "");
      throw new UserError(`what was fetched is not usable: ${reason}`, { cause: error });
    });
    await installFiles(data, staging, folder);
    return { train, test, files, source: source.kind, folder, verified: true };
  });
}

/**
 * Replaces a damaged cache by the files of an installed package. The data is loaded already, so a failure is only
 * reported.
 */
async function repairCache(
  data: PublishedData,
  { folder }: LocalSource,
  cacheFolder: string,
  report: Report,
): Promise<void> {
  try {
    await withStaging(cacheFolder, async (staging) => {
      for (const part of DATA_PARTS) {
        const packed = `${data.files[part].name}.gz`;
        await copyFile(join(folder, packed), join(staging, packed));
      }
      await installFiles(data, staging, join(cacheFolder, data.folder));
    });
  } catch (error) {
    report(`${data.title}: the cache could not be replaced: ${failureReason(error)}`);
  }
}

/** @throws UserError also when the files are usable but not the published ones */
async function readVerified(
  data: PublishedData,
  folder: string,
): Promise<Pick<DataFolder, "train" | "test" | "files">> {
  const { train, test, files, different } = await readDataFolder(data, folder);
  if (different.length > 0) {
    throw new UserError(`the SHA-256 of ${different.join(", ")} is not the published one`);
  }
  return { train, test, files };
}

async function hasAnyFile(data: PublishedData, folder: string): Promise<boolean> {
  return (await missingFiles(data, folder)).length < DATA_PARTS.length;
}

/** The message of an error caused by the environment: a full disk, a missing file. Rethrows others. */
function failureReason(error: unknown): string {
  const isExpected = error instanceof UserError || (error instanceof Error && "syscall" in error);
  if (!isExpected) throw error;
  return error.message;
}

function whatToDo(data: PublishedData, w: Wording): string {
  const names = DATA_PARTS.map((part) => `${data.files[part].name}.gz`).join(", ");
  return `Connect to a network and try again, or put ${names} into a folder and name it with ${w.option("data")}`;
}
