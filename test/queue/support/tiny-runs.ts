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
  /** Seconds of `--store-every`. */
  readonly storeEvery?: number;
}

export function startTinyWorker({ url, data, lock, storeEvery }: WorkerSetting): Started {
  const store = storeEvery === undefined ? [] : ["--store-every", `${storeEvery}`];
  return startTailor(["worker", url, "--threads", "1", "--lock", `${lock}`, ...store, "--data", data]);
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

/**
 * Seconds of processor of all processes that this one has started, ended ones included, from Linux's `/proc`: of two looks the
 * difference. Unlike the time that passed, other programs change it little.
 */
export function processorSeconds(): number {
  const ended = ticksOf("self").ended;
  return (ended + descendants("self").reduce((sum, pid) => sum + ticksOf(pid).own + ticksOf(pid).ended, 0)) / 100;
}

/** In hundredths of a second: its own, and those of children that it has waited for (proc_pid_stat(5), fields 14 to 17). */
function ticksOf(pid: string): { own: number; ended: number } {
  const file = join("/proc", pid, "stat");
  if (!existsSync(file)) return { own: 0, ended: 0 };
  const fields = readFileSync(file, "utf8").split(") ").at(-1)!.split(" ").map(Number);
  return { own: fields[11]! + fields[12]!, ended: fields[13]! + fields[14]! };
}

function descendants(pid: string): string[] {
  const tasks = join("/proc", pid, "task");
  if (!existsSync(tasks)) return [];
  const children = readdirSync(tasks).flatMap((task) => {
    const file = join(tasks, task, "children");
    return existsSync(file) ? readFileSync(file, "utf8").split(" ").filter(Boolean) : [];
  });
  return children.flatMap((child) => [child, ...descendants(child)]);
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
