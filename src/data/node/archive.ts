import { createReadStream, readFileSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ReadEntry } from "tar";
import type { Entry } from "yauzl";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { count, counted } from "../../text.ts";
import { defaultCacheFolder, withStaging } from "./cache.ts";
import { checksumOf } from "./checksum.ts";
import { entriesOf, readHead } from "./picture-files.ts";
import { withZip } from "./zip-file.ts";

/** Limits against archives that unpack to more than they seem. */
export interface ArchiveLimits {
  readonly entries: number;
  /** Of all files together. */
  readonly bytes: number;
  /** Files may take 1 GiB, and this many times the archive's size; pictures hardly compress, arrays tenfold. */
  readonly ratio: number;
}

const LIMITS: ArchiveLimits = { entries: 2_000_000, bytes: 2 ** 36, ratio: 100 };
const FREE_BYTES = 2 ** 30;
const MAX_NAMED = 3;

/** What a file is packed as, by its first bytes; undefined for other files. */
export function archiveKind(path: string): "zip" | "tar" | undefined {
  const name = path.toLowerCase();
  if (name.endsWith(".npz")) return undefined;
  const head = readHead(path, 512);
  if (!head) return undefined;
  const begins = (...bytes: number[]) => bytes.every((byte, i) => head[i] === byte);
  if (begins(0x50, 0x4b, 3, 4) || begins(0x50, 0x4b, 5, 6)) return "zip";
  if (begins(0x1f, 0x8b)) return /\.(tar\.gz|tgz)$/.test(name) ? "tar" : undefined;
  return name.endsWith(".tar") || Buffer.from(head.subarray(257, 262)).toString("latin1") === "ustar"
    ? "tar"
    : undefined;
}

/** What was unpacked, beside the files, in the cache. */
const unpackedSchema = z.strictObject({
  files: z.int().min(0),
  bytes: z.int().min(0),
  /** Entries that are neither files nor folders: links, devices. */
  leftOut: z.array(z.string()),
});
type Unpacked = z.infer<typeof unpackedSchema>;

/** The unpacked files of an archive. */
export interface UnpackedArchive {
  /** The folder of everything that was unpacked. */
  readonly root: string;
  /** The outermost folder that has more than one folder in it. */
  readonly folder: string;
  /** Lines about entries that were left out. */
  readonly notes: readonly string[];
}

/**
 * Unpacks a zip or tar (tar.gz) file into tailor's cache, once: the folder there is named after the file's SHA-256.
 * It appears there complete or not at all, and is unpacked again if files of it are missing.
 *
 * @throws UserError naming the file and the entry: it is damaged or cut short, an entry leads out of the folder or is
 *   there twice, or it would unpack to more than the limits; or when the cache cannot be written
 */
export async function unpackArchive(
  path: string,
  kind: "zip" | "tar",
  { cacheFolder = defaultCacheFolder(), limits = LIMITS }: { cacheFolder?: string; limits?: ArchiveLimits } = {},
): Promise<UnpackedArchive> {
  const { sha256, bytes } = await checksumOf(path);
  const target = join(cacheFolder, "archives", sha256);
  const known = await readUnpacked(target);
  const { leftOut } = known ?? (await unpackInto(target, { path, kind, bytes, cacheFolder, limits }));
  const examples = leftOut.slice(0, MAX_NAMED).join(", ");
  const notes =
    leftOut.length === 0
      ? []
      : [
          `${path}: ${counted(leftOut.length, "entry is", "entries are")} left out, as links and devices are not unpacked: ${examples}`,
        ];
  const root = join(target, FILES);
  return { root, folder: outermost(root), notes };
}

const FILES = "files";
const ABOUT = "archive.json";

/** @returns undefined unless everything that was unpacked is still there */
async function readUnpacked(target: string): Promise<Unpacked | undefined> {
  let about: Unpacked;
  try {
    about = unpackedSchema.parse(JSON.parse(readFileSync(join(target, ABOUT), "utf8")));
  } catch {
    return undefined; // nothing there, or not as tailor writes it
  }
  const found = await sizeOf(join(target, FILES));
  return found.files === about.files && found.bytes === about.bytes ? about : undefined;
}

async function sizeOf(folder: string): Promise<{ files: number; bytes: number }> {
  const size = { files: 0, bytes: 0 };
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    size.files++;
    size.bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return size;
}

interface Packed {
  readonly path: string;
  readonly kind: "zip" | "tar";
  readonly bytes: number;
  readonly cacheFolder: string;
  readonly limits: ArchiveLimits;
}

async function unpackInto(target: string, packed: Packed): Promise<Unpacked> {
  return withStaging(packed.cacheFolder, async (staging) => {
    const content = join(staging, "content");
    const files = join(content, FILES);
    try {
      await mkdir(files, { recursive: true });
      const unpacked = await (packed.kind === "zip" ? unzip : untar)(files, packed);
      await writeFile(join(content, ABOUT), JSON.stringify(unpacked));
      await mkdir(dirname(target), { recursive: true });
      if (!(await readUnpacked(target))) {
        await rm(target, { recursive: true, force: true });
        await rename(content, target);
      }
      return unpacked;
    } catch (cause) {
      // Another process was faster.
      const isThere = await readUnpacked(target);
      if (isThere) return isThere;
      if (cause instanceof UserError || !(cause instanceof Error && "syscall" in cause)) throw cause;
      throw new UserError(
        `${packed.path} cannot be unpacked into the cache (${cause.message}): set TAILOR_CACHE to a folder of yours with enough room`,
        { cause },
      );
    }
  });
}

/** Counts what an archive unpacks to, and refuses what must not be unpacked. */
class Guard {
  readonly #packed: Packed;
  readonly #names = new Set<string>();
  #entries = 0;
  files = 0;
  bytes = 0;
  readonly leftOut: string[] = [];

  constructor(packed: Packed) {
    this.#packed = packed;
  }

  /**
   * @param name path of an entry @param size of a file, as the archive declares it
   * @throws UserError when it leads out of the folder, is there twice, or there is too much
   */
  admit(name: string, size: number): void {
    const { path, limits, bytes } = this.#packed;
    const parts = name.split("/");
    if (
      name.startsWith("/") ||
      /^[a-z]:/i.test(name) ||
      name.includes("\\") ||
      name.includes("\0") ||
      parts.includes("..")
    ) {
      throw new UserError(`${path}: the entry ${name} leads out of the folder; such archives are not unpacked`);
    }
    const plain = parts.filter((part) => part !== "" && part !== ".").join("/");
    if (!name.endsWith("/") && this.#names.has(plain))
      throw new UserError(`${path} has the file ${name} twice; pack it again`);
    if (!name.endsWith("/")) this.#names.add(plain);
    this.#entries++;
    this.bytes += size;
    const most = Math.min(limits.bytes, FREE_BYTES + limits.ratio * bytes);
    if (this.#entries > limits.entries) {
      throw new UserError(
        `${path} has more than ${count(limits.entries)} entries, which are the most that are unpacked`,
      );
    }
    if (this.bytes > most) {
      throw new UserError(
        `${path} unpacks to more than ${count(most)} bytes, which are the most for an archive of ${count(bytes)} bytes; unpack it yourself and name the folder`,
      );
    }
  }
}

/** Type of a file in the upper half of a zip entry's attributes, as Unix has it; 0 from other systems. */
const TYPE_MASK = 0o170000;
const REGULAR_FILE = 0o100000;

async function unzip(into: string, packed: Packed): Promise<Unpacked> {
  const guard = new Guard(packed);
  const made = new Set<string>();
  const makeFolder = async (folder: string) => {
    if (made.has(folder)) return;
    await mkdir(folder, { recursive: true });
    made.add(folder);
  };
  await withZip(packed.path, packed.limits.entries, async ({ entries, read }) => {
    // All names and sizes are checked before the first file is written.
    for (const { fileName, uncompressedSize } of entries) guard.admit(fileName, uncompressedSize);
    for (const entry of entries) {
      const target = join(into, entry.fileName);
      if (entry.fileName.endsWith("/")) {
        await makeFolder(target);
        continue;
      }
      if (!isRegular(entry)) {
        guard.leftOut.push(entry.fileName);
        guard.bytes -= entry.uncompressedSize;
        continue;
      }
      await makeFolder(dirname(target));
      const file = await open(target, "wx");
      try {
        for await (const part of read(entry)) await file.write(part);
      } finally {
        await file.close();
      }
      guard.files++;
    }
  });
  return { files: guard.files, bytes: guard.bytes, leftOut: guard.leftOut };
}

function isRegular({ externalFileAttributes }: Entry): boolean {
  const type = (externalFileAttributes >>> 16) & TYPE_MASK;
  return type === 0 || type === REGULAR_FILE;
}

async function untar(into: string, packed: Packed): Promise<Unpacked> {
  const { Parser, Unpack } = await import("tar");
  const guard = new Guard(packed);
  let refusal: UserError | undefined;
  // The whole archive is checked before the first file is written.
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      const { path: name, type, size } = entry;
      try {
        guard.admit(name, isTarFile(entry) ? size : 0);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refusal = error;
        parser.abort(error);
      }
      if (isTarFile(entry)) guard.files++;
      else if (!isTarFolder(type)) guard.leftOut.push(name);
      entry.resume();
    },
  });
  try {
    await pipeline(createReadStream(packed.path), parser);
  } catch (cause) {
    if (refusal) throw refusal;
    if (!(cause instanceof Error)) throw cause;
    throw new UserError(`${packed.path} is damaged or cut short, or not a tar file (${cause.message})`, { cause });
  }
  if (guard.files === 0) throw new UserError(`${packed.path} has no files, or is not a tar file`);
  const unpack = new Unpack({
    cwd: into,
    strict: true,
    preserveOwner: false,
    noMtime: true,
    filter: (_, entry) => {
      const { type } = entry as ReadEntry;
      // Files must be readable, whatever their mode was.
      (entry as ReadEntry).mode = isTarFolder(type) ? 0o755 : 0o644;
      return isTarFolder(type) || isTarFile(entry as ReadEntry);
    },
  });
  await pipeline(createReadStream(packed.path), unpack);
  return { files: guard.files, bytes: guard.bytes, leftOut: guard.leftOut };
}

function isTarFile({ type }: ReadEntry): boolean {
  return ["File", "OldFile", "ContiguousFile"].includes(type);
}

function isTarFolder(type: string): boolean {
  return type === "Directory" || type === "GNUDumpDir";
}

/** Many archives hold one folder with everything in it. */
function outermost(root: string): string {
  const entries = entriesOf(root).filter(({ name, isHidden }) => !isHidden && name !== "__MACOSX");
  const [only] = entries;
  return entries.length === 1 && only!.kind === "folder" ? outermost(only!.path) : root;
}
