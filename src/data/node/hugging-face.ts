/**
 * Files of models on Hugging Face, in the cache of its own tools (https://huggingface.co/docs/huggingface_hub/guides/manage-cache):
 * `blobs/ETAG` are contents, `snapshots/COMMIT/PATH` links to them, `refs/REVISION` says a revision's commit.
 */
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import { megabytes } from "../../text.ts";
import type { Report } from "./chain.ts";
import { checksumOf } from "./checksum.ts";
import { networkReason } from "./https.ts";

/** `hf:OWNER/NAME[/PATH][@REVISION]` */
const PLACE = /^hf:([\w.-]+\/[\w.-]+)(?:\/([^@]+))?(?:@([\w./-]+))?$/;
const DEFAULT_REVISION = "main";
/** Checksums of large files are their ETags. */
const SHA256 = /^[0-9a-f]{64}$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** What follows from the environment, and limits. */
export interface HubOptions {
  readonly report: Report;
  /** Default: the variables of this process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Largest file that is fetched, in bytes. */
  readonly maxBytes?: number;
  /** Number of attempts for each request that fails for a reason that may pass. */
  readonly attempts?: number;
  /** Pause before the second attempt in milliseconds, doubled for each further one. */
  readonly pause?: number;
  /** Time without a byte after which a connection is given up, in milliseconds. */
  readonly stall?: number;
}

const LIMITS = { maxBytes: 2 ** 31, attempts: 5, pause: 1000, stall: 30_000 };

/** A file of a repository at one commit. */
export interface HubFile {
  /** In the cache. */
  readonly path: string;
  /** With its commit: the same content wherever it is fetched. */
  readonly source: string;
}

export const isHubPlace = (place: string): boolean => place.startsWith("hf:");

/**
 * Fetches a network and the files next to it, unless they are cached.
 *
 * @param place `hf:OWNER/NAME[/PATH][@REVISION]`
 * @param defaults paths to try where none is given
 * @param beside files that are fetched too, if they exist
 * @throws UserError when the place is malformed, missing or refused, or its content is not received whole
 */
export async function fetchFromHub(
  place: string,
  { defaults, beside }: { defaults: readonly string[]; beside: readonly string[] },
  options: HubOptions,
): Promise<HubFile> {
  const [, repository, path, revision = DEFAULT_REVISION] = PLACE.exec(place) ?? [];
  if (!repository || path?.split("/").includes("..")) {
    throw new UserError(
      `"${place}" is no place on Hugging Face; write hf:OWNER/NAME, hf:OWNER/NAME/FILE or hf:OWNER/NAME@REVISION`,
      {
        exitCode: 2,
      },
    );
  }
  const hub = hubOf(repository, revision, options);
  const wanted = path === undefined ? defaults : [path];
  const found = await firstOf(wanted, hub);
  if (!found) {
    throw new UserError(
      `${hub.title} has no file ${wanted.join(" or ")}${revision === DEFAULT_REVISION ? "" : ` at revision ${revision}`}; see ${hub.page}`,
    );
  }
  for (const other of beside) await hub.file(other, { isOptional: true });
  return { path: found.path, source: `hf:${repository}/${found.name}@${found.commit}` };
}

interface Found {
  readonly name: string;
  readonly path: string;
  readonly commit: string;
}

async function firstOf(names: readonly string[], hub: ReturnType<typeof hubOf>): Promise<Found | undefined> {
  for (const name of names) {
    const found = await hub.file(name);
    if (found) return found;
  }
  return undefined;
}

/** The cache's folder, as huggingface_hub chooses it. */
function cacheFolder({ HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME }: NodeJS.ProcessEnv): string {
  return HF_HUB_CACHE || join(HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface"), "hub");
}

function hubOf(repository: string, revision: string, { report, environment = process.env, ...limits }: HubOptions) {
  const { maxBytes, attempts, pause, stall } = { ...LIMITS, ...limits };
  const { HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE } = environment;
  const endpoint = (HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, "");
  const isOffline = ["1", "on", "yes", "true"].includes((HF_HUB_OFFLINE ?? "").toLowerCase());
  const folder = join(cacheFolder(environment), `models--${repository.replace("/", "--")}`);
  const title = `${repository} on ${endpoint}`;
  // Sent to the endpoint only: fetch drops it where a response leads to another host.
  const headers = { "accept-encoding": "identity", ...(HF_TOKEN ? { authorization: `Bearer ${HF_TOKEN}` } : {}) };

  /** Repeats what fails for a reason that may pass. */
  async function persistently<Result>(what: string, attempt: () => Promise<Result>): Promise<Result> {
    for (let number = 1; ; number++) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof UserError) throw error;
        if (number >= attempts) {
          throw new UserError(
            `${what} of ${title}: ${networkReason(error)} (${number} attempts); try again later, or give a file`,
            {
              cause: error,
            },
          );
        }
        const wait = error instanceof Busy ? error.seconds * 1000 : pause * 2 ** (number - 1);
        await sleep(wait);
      }
    }
  }

  function refuse(status: number, name: string): never {
    if (status === 401 || status === 403) {
      throw new UserError(
        `${title} refuses ${name} (HTTP status ${status}): it does not exist, is private, or its licence must be accepted at ${endpoint}/${repository}; set HF_TOKEN to a token that may read it`,
      );
    }
    throw new UserError(`${title} answers ${name} with HTTP status ${status}`);
  }

  /** What the server says of a file; undefined when there is none. */
  async function stated(name: string) {
    const url = `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${name.split("/").map(encodeURIComponent).join("/")}`;
    return persistently(name, async () => {
      const signal = AbortSignal.timeout(stall);
      // The first answer has the facts; the one it leads to, of the file's storage, has not.
      const response = await fetch(url, { method: "HEAD", redirect: "manual", headers, signal });
      requireNotBusy(response);
      if (response.status === 404) return undefined;
      if (response.status >= 400) refuse(response.status, name);
      const facts = response.headers;
      const etag = (facts.get("x-linked-etag") ?? facts.get("etag") ?? "").replace(/^W\//, "").replaceAll('"', "");
      const commit = facts.get("x-repo-commit") ?? "";
      if (!/^[\w-]+$/.test(etag) || !COMMIT.test(commit)) {
        throw new UserError(`${title} is no server like Hugging Face's: it names no commit and ETag of ${name}`);
      }
      const size = Number(facts.get("x-linked-size") ?? facts.get("content-length") ?? Number.NaN);
      if (size > maxBytes)
        throw new UserError(`${name} of ${title} has ${megabytes(size)}; the most is ${megabytes(maxBytes)}`);
      return { url, etag, commit, size: Number.isFinite(size) ? size : undefined };
    });
  }

  /** Downloads a file's content; an interrupted download is resumed. */
  async function receive(
    name: string,
    { url, etag, size }: { url: string; etag: string; size: number | undefined },
  ): Promise<string> {
    const blob = join(folder, "blobs", etag);
    if (existsSync(blob)) return blob;
    const partial = `${blob}.incomplete`;
    await mkdir(dirname(blob), { recursive: true });
    report(`fetching ${name} of ${title}${size === undefined ? "" : ` (${megabytes(size)})`}`);
    await persistently(name, async () => {
      const known = existsSync(partial) ? (await stat(partial)).size : 0;
      if (size === undefined || known < size) await receiveFrom(known);
      const { size: received } = await stat(partial);
      if (size !== undefined && received < size)
        throw new Error(`the connection ended after ${received} of ${size} bytes`);
    });
    if (SHA256.test(etag) && (await checksumOf(partial)).sha256 !== etag) {
      await rm(partial, { force: true });
      throw new UserError(`${name} of ${title} is damaged: its SHA-256 is not ${etag}; try again`);
    }
    await rename(partial, blob);
    return blob;

    async function receiveFrom(known: number): Promise<void> {
      const abort = new AbortController();
      const giveUp = () => abort.abort(new Error(`nothing received for ${stall / 1000} seconds`));
      let timer = setTimeout(giveUp, stall);
      try {
        const range = known > 0 ? { range: `bytes=${known}-` } : {};
        const response = await fetch(url, { headers: { ...headers, ...range }, signal: abort.signal });
        requireNotBusy(response);
        if (!response.ok || !response.body) refuse(response.status, name);
        const isRest = response.status === 206;
        const most = size ?? maxBytes;
        let received = isRest ? known : 0;
        const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
          for await (const chunk of chunks) {
            clearTimeout(timer);
            timer = setTimeout(giveUp, stall);
            received += chunk.length;
            if (received > most)
              throw new UserError(`${name} of ${title} goes on after the ${most} bytes that it should have`);
            yield chunk;
          }
        };
        const file = createWriteStream(partial, { flags: isRest ? "a" : "w" });
        await pipeline(Readable.fromWeb(response.body as import("node:stream/web").ReadableStream), counted, file);
      } catch (error) {
        // An endless answer must not be taken for the file's beginning.
        if (error instanceof UserError) await rm(partial, { force: true });
        throw isOfDisk(error)
          ? new UserError(
              `${partial} cannot be written (${(error as Error).message}); free some space, or set HF_HUB_CACHE to a folder on another disk`,
              { cause: error },
            )
          : error;
      } finally {
        clearTimeout(timer);
        abort.abort();
      }
    }
  }

  /** A file at the revision; undefined when there is none. Offline, one that is optional may be missing from the cache. */
  async function file(name: string, { isOptional = false } = {}): Promise<Found | undefined> {
    const known = await commitOf(folder, revision);
    const cached = known && join(folder, "snapshots", known, name);
    // The files of a commit never change: cached ones need no request.
    if (cached && existsSync(cached) && (isOffline || known === revision)) return { name, path: cached, commit: known };
    if (isOffline) {
      if (isOptional) return undefined;
      throw new UserError(`${name} of ${repository} is not in ${folder}, and HF_HUB_OFFLINE forbids to fetch it`);
    }
    const facts = await stated(name);
    if (!facts) return undefined;
    const path = join(folder, "snapshots", facts.commit, name);
    if (!existsSync(path)) {
      const blob = await receive(name, facts);
      await mkdir(dirname(path), { recursive: true });
      await rm(path, { force: true }); // a link to what is gone
      await symlink(relative(dirname(path), blob), path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error; // another process was faster
      });
    }
    if (!COMMIT.test(revision)) {
      const ref = join(folder, "refs", revision);
      await mkdir(dirname(ref), { recursive: true });
      await writeFile(ref, facts.commit);
    }
    return { name, path, commit: facts.commit };
  }

  return { file, title, page: `${endpoint}/${repository}` };
}

async function commitOf(folder: string, revision: string): Promise<string | undefined> {
  if (COMMIT.test(revision)) return revision;
  const text = await readFile(join(folder, "refs", revision), "utf8").catch(() => undefined);
  return text !== undefined && COMMIT.test(text.trim()) ? text.trim() : undefined;
}

/** The server asks to wait. */
class Busy extends Error {
  readonly seconds: number;
  constructor(status: number, seconds: number) {
    super(`HTTP status ${status}`);
    this.seconds = seconds;
  }
}

/** Longest wait that a server is granted, in seconds. */
const MAX_WAIT = 60;

function requireNotBusy({ status, headers }: Response): void {
  if (status !== 429 && status < 500) return;
  const asked = Number(headers.get("retry-after") ?? Number.NaN);
  throw Number.isFinite(asked)
    ? new Busy(status, Math.min(Math.max(asked, 0), MAX_WAIT))
    : new Error(`HTTP status ${status}`);
}

function isOfDisk(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && ["write", "open"].includes(String(error.syscall));
}
