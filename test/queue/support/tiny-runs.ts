/** Many tiny runs of one command, here or on a queue, and the memory of who takes part: what the load tests share. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import { type Started, startTailor } from "../../cli/support/tailor.ts";
import { needPostgres, needRedis, type Server, startPostgres, startRedis } from "./servers.ts";

/** Milliseconds between two samples of memory. */
const SAMPLE_EVERY_MS = 500;

/** Which store a load test has, by its variable. */
export const KIND = process.env.QUEUE_STORE === "postgres" ? "postgres" : "redis";
export const needStore = KIND === "redis" ? needRedis : needPostgres;
export const startStore = (): Promise<Server> => (KIND === "redis" ? startRedis() : startPostgres());

/** Options of `workersOf`. */
interface WorkerSetting {
  readonly url: string;
  readonly data: string;
  /** Seconds of `--lock`. */
  readonly lock: number;
}

export function startTinyWorker({ url, data, lock }: WorkerSetting): Started {
  return startTailor(["worker", url, "--threads", "1", "--lock", `${lock}`, "--data", data]);
}

/** Arguments of the command that trains tiny runs, with seeds from 1. */
export function tinyRuns({
  data,
  runs,
  threads,
  epochs = 2,
}: {
  data: string;
  runs: number;
  threads: number;
  epochs?: number;
}): string[] {
  const size = ["--seeds", `${runs}`, "--epochs", `${epochs}`, "--batch-size", "20"];
  return ["train", "base", ...size, "--data", data, "--threads", `${threads}`, "--skip-report", "--json"];
}

/** What such a command prints. */
export interface TinyResult {
  readonly runs: readonly { readonly weightsSha256: string }[];
}

export function weightsOf({ runs }: TinyResult): string[] {
  return runs.map(({ weightsSha256 }) => weightsSha256);
}

/** One look at the memory, in MB. */
interface Sample {
  /** Runs that have arrived in the producer's folder. */
  readonly runs: number;
  /** Resident memory of the producer. */
  readonly producer: number;
  /** Redis: what it has allocated; Postgres: the size of the database. */
  readonly store: number;
}

/**
 * Samples the memory of producer and store until it is ended.
 *
 * @param producer the one that runs at the moment
 * @param out its folder
 * @returns ends it: the samples at the first arrived run, in the middle and at the end
 */
export function watchMemory(producer: () => Started, out: string, url: string) {
  const samples: Sample[] = [];
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const memory = residentMegabytes(producer());
      const store = await storeMegabytes(url);
      const runs = existsSync(out) ? readdirSync(out).filter((name) => /^s\d+$/.test(name)).length : 0;
      if (memory !== undefined && store !== undefined && runs > 0) samples.push({ runs, producer: memory, store });
      await sleep(SAMPLE_EVERY_MS);
    }
  })();
  return async () => {
    isOver = true;
    await watching;
    const end = samples.at(-1)?.runs ?? 0;
    return {
      start: samples[0],
      middle: samples.find(({ runs }) => runs >= end / 2),
      end: samples.at(-1),
      peak: { producer: Math.max(...samples.map(({ producer }) => producer)), store: peakOf(samples) },
    };
  };
}

function peakOf(samples: readonly Sample[]): number {
  return Math.max(...samples.map(({ store }) => store));
}

/** Undefined when the process has ended. */
function residentMegabytes({ child }: Started): number | undefined {
  const file = join("/proc", `${child.pid}`, "status");
  const kilobytes = existsSync(file) ? /VmRSS:\s+(\d+)/.exec(readFileSync(file, "utf8"))?.[1] : undefined;
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1024);
}

/** Undefined while the store does not answer. */
async function storeMegabytes(url: string): Promise<number | undefined> {
  const bytes = await (url.startsWith("redis") ? redisBytes(url) : postgresBytes(url)).catch(() => undefined);
  return bytes === undefined ? undefined : Math.round(bytes / 1e5) / 10;
}

async function redisBytes(url: string): Promise<number> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  client.on("error", () => {});
  try {
    await client.connect();
    return Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
  } finally {
    client.disconnect();
  }
}

async function postgresBytes(url: string): Promise<number> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ size: string }>("SELECT pg_database_size(current_database()) AS size");
    return Number(rows[0]?.size);
  } finally {
    await client.end().catch(() => {});
  }
}
