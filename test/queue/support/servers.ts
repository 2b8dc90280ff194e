/** Stores of queues, each in a folder and on a port of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import { expect, type TestContext } from "vitest";

/** `REDIS_SERVER=valkey-server` tries Valkey in its place. */
const REDIS = process.env.REDIS_SERVER ?? "redis-server";
const HAS_REDIS = spawnSync(REDIS, ["--version"]).status === 0;
/** Debian's folder of the newest version's programs. */
const POSTGRES = existsSync("/usr/lib/postgresql")
  ? `/usr/lib/postgresql/${readdirSync("/usr/lib/postgresql").toSorted().at(-1)}/bin`
  : undefined;

/** What is left to do when a test file is over; a hook that a running test registers would not be called. */
const stops: (() => Promise<void>)[] = [];

/** Ends the servers that a test file has started. */
export async function stopServers(): Promise<void> {
  for (const stop of stops.splice(0).toReversed()) await stop();
}

/** Skips the test where Redis is missing; with REQUIRE_PEERS=1 that is a failure. */
export function needRedis(context: TestContext): void {
  need(HAS_REDIS, REDIS, context);
}

/** Skips the test where Postgres is missing; with REQUIRE_PEERS=1 that is a failure. */
export function needPostgres(context: TestContext): void {
  need(POSTGRES !== undefined, "postgresql", context);
}

function need(isThere: boolean, name: string, context: TestContext): void {
  if (isThere) return;
  expect(process.env.REQUIRE_PEERS, `${name} is required`).not.toBe("1");
  context.skip(`needs the Debian package ${name}`);
}

/** A store that runs until the test file is over. */
export interface Server {
  readonly url: string;
  /** Ends it at once, as a power cut does. */
  kill(): Promise<void>;
  /** Starts it again with what is on its disk. */
  restart(): Promise<void>;
}

const ONE_TRY = { lazyConnect: true, retryStrategy: () => null };

/** Rejects unless the server answers. */
async function ping(client: Redis): Promise<void> {
  client.on("error", () => {});
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
}

/** A Redis server that writes every change to its disk. */
export async function startRedis({ password }: { password?: string } = {}): Promise<Server> {
  const folder = temporaryFolder();
  const port = await freePort();
  const login = password === undefined ? [] : ["--requirepass", password];
  const options = ["--port", `${port}`, "--dir", folder, "--appendonly", "yes", "--save", ""];
  const url = `redis://${password === undefined ? "" : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`;
  return serve(
    url,
    () => spawn(REDIS, [...options, "--appendfsync", "always", ...login], { stdio: "ignore" }),
    () => ping(new Redis(url, ONE_TRY)),
  );
}

/** A Redis server that speaks TLS only, with a certificate that it signed itself: its file is `certificate`. */
export async function startTlsRedis(): Promise<Server & { readonly certificate: string }> {
  const folder = temporaryFolder();
  const port = await freePort();
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const files = ["-keyout", key, "-out", certificate];
  const made = spawnSync("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    ...files,
    ...subject,
  ]);
  expect(made.status, String(made.stderr)).toBe(0);
  const tls = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"];
  const options = ["--port", "0", "--tls-port", `${port}`, "--dir", folder, "--save", "", ...tls];
  const server = await serve(
    `rediss://localhost:${port}`,
    () => spawn(REDIS, options, { stdio: "ignore" }),
    () => ping(new Redis(port, { ...ONE_TRY, tls: { rejectUnauthorized: false } })),
  );
  return { ...server, certificate };
}

/** A Postgres server; it refuses to be root, so that it then runs as Debian's user of it. */
export async function startPostgres({ password = "secret" } = {}): Promise<Server> {
  const folder = temporaryFolder();
  const port = await freePort();
  const user = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password);
  const login = ["-U", "tailor", "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
  const made = spawnSync(`${POSTGRES}/initdb`, ["-D", data, ...login], { cwd: folder, encoding: "utf8", ...user });
  expect(made.status, made.stderr).toBe(0);
  const url = `postgres://tailor:${password}@127.0.0.1:${port}/postgres`;
  const options = ["-D", data, "-p", `${port}`, "-k", folder, "-h", "127.0.0.1"];
  return serve(
    url,
    () => spawn(`${POSTGRES}/postgres`, options, { cwd: folder, stdio: "ignore", ...user }),
    async () => {
      const client = new pg.Client(url);
      client.on("error", () => {});
      await client.connect();
      await client.end();
    },
  );
}

/** Of Debian's user of Postgres. */
function idOf(kind: "-u" | "-g"): number {
  return Number(spawnSync("id", [kind, "postgres"], { encoding: "utf8" }).stdout);
}

/** @param answers throws until the server does */
async function serve(url: string, start: () => ChildProcess, answers: () => Promise<void>): Promise<Server> {
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null) return;
    const closed = new Promise((resolve) => running.once("close", resolve));
    running.kill(signal);
    await closed;
  };
  const restart = async () => {
    child = start();
    while (
      !(await answers().then(
        () => true,
        () => false,
      ))
    ) {
      expect(child.exitCode, `${url} has ended`).toBe(null);
      await sleep(50);
    }
  };
  // Postgres waits with SIGTERM until its clients have gone, which a failed test has left.
  stops.push(() => end("SIGINT"));
  await restart();
  return { url, restart, kill: () => end("SIGKILL") };
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tailor-store-"));
  stops.unshift(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject()));
    });
  });
}
