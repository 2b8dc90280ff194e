import type { ConnectionOptions, QueueEvents, Worker } from "bullmq";
import type { Redis, RedisOptions } from "ioredis";
import { loadOptional } from "../optional-package.ts";
import {
  FIRST_TRIES,
  isLoginRefused,
  LATER_TRIES,
  lost,
  openParts,
  QUEUE_NAME,
  refusal,
  retryDelay,
  type Store,
  type StoredFiles,
  soon,
  titleOf,
} from "./store.ts";

const FILE_PREFIX = "tailor-files:";
/** Keys that are looked at in one step when files are listed. */
const SCAN_COUNT = 1000;

/** @throws UserError as `openStore` does */
export async function openRedis(url: URL): Promise<Store> {
  const title = titleOf(url);
  const { Redis } = await loadOptional("a queue", "ioredis", () => import("ioredis"), ["bullmq"]);
  const bullmq = await loadOptional("a queue", "bullmq", () => import("bullmq"), ["ioredis"]);
  let wasConnected = false;
  const options: RedisOptions = {
    // Commands wait while the store is restarted, and fail when it stays away.
    maxRetriesPerRequest: null,
    retryStrategy: (tries) => (tries > (wasConnected ? LATER_TRIES : FIRST_TRIES) ? null : retryDelay(tries)),
  };
  const client = new Redis(url.href, { ...options, lazyConnect: true });
  await connect(client, title);
  wasConnected = true;
  const isLost = new Promise<never>((_, reject) => {
    client.once("end", () => reject(lost(title)));
  });
  isLost.catch(() => {});
  const connection = { ...options, url: url.href } as ConnectionOptions;
  const parts = openParts<{
    on(event: "error", listener: () => void): unknown;
    close(force?: boolean): Promise<void>;
  }>();
  return {
    title,
    files: redisFiles(client),
    queue: parts.keep(new bullmq.Queue(QUEUE_NAME, { connection })),
    Errors: bullmq,
    async events(): Promise<QueueEvents> {
      const events = parts.keep(new bullmq.QueueEvents(QUEUE_NAME, { connection }));
      await events.waitUntilReady();
      return events;
    },
    async worker(process, settings): Promise<Worker> {
      const options = { ...settings, connection, autorun: false };
      const worker = parts.keep(new bullmq.Worker(QUEUE_NAME, (job, token) => process(job, token ?? ""), options));
      await worker.waitUntilReady();
      return worker;
    },
    whileConnected: (work) =>
      Promise.race([
        work.catch((error: unknown) => {
          // One of the other connections may have given up first.
          throw error instanceof Error && error.message === bullmq.CONNECTION_CLOSED_ERROR_MSG ? lost(title) : error;
        }),
        isLost,
      ]),
    async close() {
      const isGone = client.status !== "ready";
      for (const part of parts.open.toReversed()) {
        // A connection that is gone cannot be closed in an orderly way.
        await soon(part.close(isGone));
      }
      client.disconnect();
    },
  };
}

/** Waits for the first connection. @throws UserError when all tries fail, or the store refuses the password */
async function connect(client: Redis, title: string): Promise<void> {
  let last: unknown;
  const failed = new Promise<never>((_, reject) => {
    client.on("error", (error) => {
      last = error;
      if (isLoginRefused(error)) reject(error);
    });
    client.once("end", () => reject(last));
  });
  try {
    // `connect` rejects at the first failure already; the tries go on.
    client.connect().catch(() => {});
    await Promise.race([client.ping(), failed]);
  } catch (error) {
    client.disconnect();
    failed.catch(() => {});
    throw refusal(title, last ?? error);
  }
  failed.catch(() => {});
}

function redisFiles(client: Redis): StoredFiles {
  const key = (name: string) => `${FILE_PREFIX}${name}`;
  async function* keysOf(prefix: string): AsyncGenerator<string[]> {
    let cursor = "0";
    do {
      const [next, keys] = await client.scan(cursor, "MATCH", `${key(prefix)}*`, "COUNT", SCAN_COUNT);
      yield keys;
      cursor = next;
    } while (cursor !== "0");
  }
  return {
    async put(name, content) {
      await client.set(key(name), Buffer.from(content.buffer, content.byteOffset, content.length));
    },
    get: (name) => client.getBuffer(key(name)),
    async remove(name) {
      await client.unlink(key(name));
    },
    async list(prefix) {
      const names = new Set<string>();
      for await (const keys of keysOf(prefix)) for (const one of keys) names.add(one.slice(FILE_PREFIX.length));
      return [...names].sort();
    },
    async removeAll() {
      for await (const keys of keysOf("")) if (keys.length > 0) await client.unlink(...keys);
    },
  };
}
