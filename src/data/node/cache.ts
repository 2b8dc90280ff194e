import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { messageOf, UserError } from "../../errors.ts";
import type { PublishedData } from "../fashion-mnist.ts";
import { DATA_PARTS } from "../fashion-mnist.ts";

const STAGING_PREFIX = ".fetching-";
/** A staging folder older than this was left behind by a killed process. */
const ABANDONED_HOURS = 24;

/**
 * The folder for downloaded data: $TAILOR_CACHE, else $XDG_CACHE_HOME/tailor, else ~/.cache/tailor. As the XDG Base
 * Directory Specification requires, a relative $XDG_CACHE_HOME is ignored.
 */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env, home = homedir()): string {
  const { TAILOR_CACHE: own, XDG_CACHE_HOME: shared } = environment;
  if (own) return resolve(own);
  return join(shared && isAbsolute(shared) ? shared : join(home, ".cache"), "tailor");
}

/**
 * Runs `work` with a new empty folder on the cache's file system, so that files can be moved into the cache by
 * renaming. The folder is removed afterwards; the next download removes folders left behind by killed processes.
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
    await rm(staging, { recursive: true, force: true, maxRetries: 3 }); // files may still be being closed
  }
}

/**
 * Moves the four compressed files from `staging` into the cache. Each rename is atomic, so a killed process leaves no
 * partial file, and concurrent processes only replace files by identical ones.
 */
export async function installFiles(data: PublishedData, staging: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const part of DATA_PARTS) {
    const { name } = data.files[part];
    await rename(join(staging, `${name}.gz`), join(folder, `${name}.gz`));
    await rm(join(folder, name), { force: true }); // an uncompressed file would take precedence
  }
}

async function createStaging(cacheFolder: string): Promise<string> {
  try {
    await mkdir(cacheFolder, { recursive: true });
    await removeAbandoned(cacheFolder);
    return await mkdtemp(join(cacheFolder, STAGING_PREFIX));
  } catch (error) {
    const detail = messageOf(error);
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
    const age = await stat(path).catch(() => undefined); // already removed by another process
    if (age && age.mtimeMs < oldest) await rm(path, { recursive: true, force: true });
  }
}
