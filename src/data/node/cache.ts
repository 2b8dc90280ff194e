import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import type { PublishedData } from "../fashion-mnist.ts";
import { DATA_PARTS } from "../fashion-mnist.ts";

const STAGING_PREFIX = ".fetching-";
/** Older than this, a staging folder was left by a process that was killed. */
const ABANDONED_HOURS = 24;

/**
 * Where fetched data is kept: $TAILOR_CACHE, else $XDG_CACHE_HOME/tailor, else ~/.cache/tailor. As the XDG Base
 * Directory Specification demands, a relative $XDG_CACHE_HOME counts for nothing.
 */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env, home = homedir()): string {
  const { TAILOR_CACHE: own, XDG_CACHE_HOME: shared } = environment;
  if (own) return resolve(own);
  return join(shared && isAbsolute(shared) ? shared : join(home, ".cache"), "tailor");
}

/**
 * Runs `work` with an empty folder of its own on the cache's file system, so that what it put there can be renamed into
 * the cache. The folder is removed afterwards; one that a killed process left behind goes at the next fetch.
 *
 * @throws UserError when the cache cannot be written to
 */
export async function withStaging<Result>(
  cacheFolder: string,
  work: (staging: string) => Promise<Result>,
): Promise<Result> {
  const staging = await createStaging(cacheFolder);
  try {
    return await work(staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/**
 * Moves the four compressed files from `staging` to their place in the cache. Each rename replaces one whole file by
 * another, so a kill in between leaves no half file, and processes that do this at once only replace equals by equals.
 */
export async function installFiles(data: PublishedData, staging: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const part of DATA_PARTS) {
    const { name } = data.files[part];
    await rename(join(staging, `${name}.gz`), join(folder, `${name}.gz`));
    await rm(join(folder, name), { force: true }); // an uncompressed one would be read first
  }
}

async function createStaging(cacheFolder: string): Promise<string> {
  try {
    await mkdir(cacheFolder, { recursive: true });
    await removeAbandoned(cacheFolder);
    return await mkdtemp(join(cacheFolder, STAGING_PREFIX));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new UserError(`the cache cannot be written to (${detail}): set TAILOR_CACHE to a folder of yours`, {
      cause: error,
    });
  }
}

async function removeAbandoned(cacheFolder: string): Promise<void> {
  const oldest = Date.now() - ABANDONED_HOURS * 3_600_000;
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith(STAGING_PREFIX)) continue;
    const path = join(cacheFolder, name);
    const age = await stat(path).catch(() => undefined); // gone meanwhile: another process ended
    if (age && age.mtimeMs < oldest) await rm(path, { recursive: true, force: true });
  }
}
