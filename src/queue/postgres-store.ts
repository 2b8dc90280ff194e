import { setTimeout as sleep } from "node:timers/promises";
import type { IQueueBackend, QueueEvents, Worker } from "bullmq";
import type { Pool } from "pg";
import { codeOf } from "../errors.ts";
import { loadOptional } from "../optional-package.ts";
import {
  FIRST_TRIES,
  LATER_TRIES,
  lost,
  openConnected,
  openParts,
  QUEUE_NAME,
  refusal,
  retryDelay,
  type Store,
  type StoredFiles,
  soon,
  titleOf,
} from "./store.ts";

/** Creates the table once: two connections that do so at the same time would disturb each other. */
const CREATE_FILES = `
  DO $$ BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tailor_files'));
    CREATE TABLE IF NOT EXISTS tailor_files (name text PRIMARY KEY, content bytea NOT NULL);
  END $$`;
/** Milliseconds between two looks at the connection. */
const LOOK_EVERY_MS = 1000;

/** An object of BullMQ's with connections of its own. */
interface Part {
  on(event: "error", listener: () => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

/** @throws UserError as `openStore` does */
export async function openPostgres(url: URL): Promise<Store> {
  const title = titleOf(url);
  const pg = await loadOptional("a queue", "pg", () => import("pg"), ["bullmq"]);
  const bullmq = await loadOptional("a queue", "bullmq", () => import("bullmq"), ["pg"]);
  const pool = new pg.default.Pool({ connectionString: url.href, max: 4, connectionTimeoutMillis: 10_000 });
  // An idle connection that drops is replaced; `watch` sees when none can be made.
  pool.on("error", () => {});
  await connect(pool, title);
  const watching = new AbortController();
  const isLost = watch(pool, title, watching.signal);
  isLost.catch(() => {});
  const connection = { connectionString: url.href, migrate: true };
  const parts = openParts<Part>();
  const backend = bullmq.createPostgresBackend as unknown as import("bullmq").BackendFactory<IQueueBackend, object>;
  const ready = <Opened extends Part>(open: () => Opened): Promise<Opened> => openConnected(parts, open, title);
  const queue = await ready(() => new bullmq.Queue(QUEUE_NAME, { connection }, backend)).catch(async (error) => {
    watching.abort();
    await soon(pool.end());
    throw error;
  });
  return {
    title,
    files: postgresFiles(pool),
    queue: queue as unknown as Store["queue"],
    Errors: bullmq,
    events: async () =>
      (await ready(() => new bullmq.QueueEvents(QUEUE_NAME, { connection }, backend))) as unknown as QueueEvents,
    worker: async (process, settings) => {
      const options = { ...settings, connection, autorun: false };
      return (await ready(
        () => new bullmq.Worker(QUEUE_NAME, (job, token) => process(job, token ?? ""), options, backend),
      )) as unknown as Worker;
    },
    whileConnected: (work) => Promise.race([work, isLost]),
    async close() {
      watching.abort();
      for (const part of parts.open.toReversed()) await soon(part.close());
      await soon(pool.end());
    },
  };
}

/** @throws UserError when all tries fail, or the store refuses the password */
async function connect(pool: Pool, title: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await pool.query(CREATE_FILES);
      return;
    } catch (error) {
      const isRefused = /^(28|3D)/.test(codeOf(error));
      if (!isRefused && tries < FIRST_TRIES) {
        await sleep(retryDelay(tries));
        continue;
      }
      await pool.end().catch(() => {});
      throw refusal(title, error);
    }
  }
}

/** Rejects when no connection can be made for a minute. */
async function watch(pool: Pool, title: string, signal: AbortSignal): Promise<never> {
  let failures = 0;
  while (failures <= LATER_TRIES) {
    await sleep(LOOK_EVERY_MS, undefined, { signal, ref: false });
    failures = await pool.query("SELECT 1").then(
      () => 0,
      () => failures + 1,
    );
  }
  throw lost(title);
}

function postgresFiles(pool: Pool): StoredFiles {
  return {
    async put(name, content) {
      await pool.query(
        "INSERT INTO tailor_files (name, content) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET content = EXCLUDED.content",
        [name, Buffer.from(content.buffer, content.byteOffset, content.length)],
      );
    },
    async get(name) {
      const { rows } = await pool.query<{ content: Buffer }>("SELECT content FROM tailor_files WHERE name = $1", [
        name,
      ]);
      return rows[0]?.content ?? null;
    },
    async remove(name) {
      await pool.query("DELETE FROM tailor_files WHERE name = $1", [name]);
    },
    async list(prefix) {
      const { rows } = await pool.query<{ name: string }>(
        "SELECT name FROM tailor_files WHERE starts_with(name, $1) ORDER BY name",
        [prefix],
      );
      return rows.map(({ name }) => name);
    },
    async removeAll() {
      await pool.query("DELETE FROM tailor_files");
    },
  };
}
