/**
 * A real `serve` process and clients that do their worst. Whatever they do, `/healthz` and a small prediction are answered
 * meanwhile, no response is an internal error, nothing of a stack is printed, and the process lives on. `npm run test:hostile`
 * does many rounds of it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RandomStream, randomStream } from "../../src/random.ts";
import { killStarted, type Started, startTailor } from "../cli/support/tailor.ts";
import { drawn } from "../data/picture-fixtures.ts";
import { grayPng } from "../formats/png-fixtures.ts";
import { ownRun } from "../server/support/own-runs.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { sharedFolder } from "../training/support/small-data.ts";

const IS_CAMPAIGN = process.env.HOSTILE_ROUNDS !== undefined;
/** Rounds of each attack: fewer than of damaged files, as some wait for the server's timeout. */
const ROUNDS = Math.ceil(Number(process.env.HOSTILE_ROUNDS ?? 1) / 20);
const SEED = Number(process.env.HOSTILE_SEED ?? 1);
/** How large an attack is; the short part in `npm test` shows the kind only. */
const SIZE = IS_CAMPAIGN ? 1 : 0.1;
const scaled = (count: number) => Math.ceil(count * SIZE);

const PICTURE = await drawn((x, y) => [10 * x, 200 - 5 * y, (x * y) % 250], { width: 24, height: 24 });
const FORMATS = await Promise.all(
  (["png", "jpeg", "webp"] as const).map((format) =>
    drawn((x, y) => [3 * x, 255 - 2 * y, (x * y) % 256], { width: 64, height: 48, format }),
  ),
);

let server: Started;
let port: number;
let pid: number;
/** Number of responses, by status and error code. */
const answers = new Map<string, number>();
/** The slowest answers during and after each attack, in milliseconds, and the memory, in MiB. */
const figures = new Map<string, { health: number; prediction: number; memory: number; checks: number }>();

beforeAll(async () => {
  const { runs } = await ownRun(sharedFolder(), { name: "own" });
  const limits = ["--timeout", "5", "--max-connections", String(scaled(512))];
  const args = ["--runs", runs, "--port", "0", "--threads", "1", ...limits, "--json"];
  server = startTailor(["serve", join(runs, "own"), ...args]);
  while (!server.said().stdout.includes("\n")) {
    if (server.child.exitCode !== null) throw new Error(server.said().stderr);
    await sleep(50);
  }
  port = Number(new URL(JSON.parse(server.said().stdout).url).port);
  pid = server.child.pid!;
  await check();
});

afterAll(() => {
  killStarted();
  if (!IS_CAMPAIGN) return;
  const list = [...answers].toSorted().map(([what, count]) => `${count} x ${what}`);
  process.stdout.write(
    `server, seed ${SEED}: ${list.join(", ")}\n\n` +
      "| client | checks | /healthz, slowest | small prediction, slowest | memory of server and decoders, largest |\n| --- | ---: | ---: | ---: | ---: |\n" +
      [...figures]
        .map(([attack, { checks, health, prediction, memory }]) => {
          const cells = [attack, checks, `${Math.round(health)} ms`, `${Math.round(prediction)} ms`, `${memory} MiB`];
          return `| ${cells.join(" | ")} |\n`;
        })
        .join(""),
  );
});

/** The largest memory of the server and of the processes it has at the moment, since the last look, in MiB; 0 off Linux. */
function largestMemory(): number {
  if (process.platform !== "linux") return 0;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  const kilobytes = [String(pid), ...children].map((one) => {
    const [status, reset] = [`/proc/${one}/status`, `/proc/${one}/clear_refs`];
    // A decoder may end in this moment.
    if (!existsSync(status)) return 0;
    const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(status, "utf8"))?.[1] ?? 0);
    // 5 resets the peak to what it has now (proc_pid_clear_refs(5)).
    if (existsSync(reset)) writeFileSync(reset, "5");
    return peak;
  });
  return Math.round(kilobytes.reduce((sum, one) => sum + one, 0) / 1024);
}

/** Both are answered, however long it takes on a busy machine; the figures say how long. */
async function check(): Promise<void> {
  const attack = expect.getState().currentTestName?.split(": others are")[0] ?? "none";
  const worst = figures.get(attack) ?? { health: 0, prediction: 0, memory: 0, checks: 0 };
  figures.set(attack, worst);
  worst.checks++;
  const healthFrom = performance.now();
  // A connection that is kept would be closed by the server after some idle seconds, maybe just when the next request is sent.
  const connection = "close";
  expect((await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection } })).status).toBe(200);
  worst.health = Math.max(worst.health, performance.now() - healthFrom);
  const from = performance.now();
  const init = { method: "POST", headers: { connection, "content-type": "image/png" }, body: new Uint8Array(PICTURE) };
  const predicted = await fetch(`http://127.0.0.1:${port}/api/predict`, init);
  expect([predicted.status, await predicted.json()]).toEqual([200, expect.objectContaining({ run: "own" })]);
  worst.prediction = Math.max(worst.prediction, performance.now() - from);
  worst.memory = Math.max(worst.memory, largestMemory());
}

async function open(): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // The server may close it at any time.
  await new Promise<void>((resolve) => socket.once("connect", resolve).once("close", () => resolve()));
  return socket;
}

/** Also where the server closed it while it was written to, which is an error of the socket. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => void (socket.closed ? resolve() : socket.once("close", () => resolve())));
}

/** Sends bytes, and resolves when the server has closed the connection, at the latest when its timeout is over. */
async function exchange(...parts: readonly (string | Uint8Array)[]): Promise<void> {
  const socket = await open();
  let text = "";
  socket.setEncoding("latin1").on("data", (part: string) => {
    text += part;
  });
  const closed = closing(socket);
  for (const part of parts) socket.write(part);
  await closed;
  count(text);
}

/** Counts the responses in what was received, of which none may be an internal error. */
function count(text: string): void {
  expect(text).not.toMatch(/"code":"internal"|\n\s+at .*:\d+:\d+/);
  const found = text.matchAll(
    /HTTP\/1\.1 (\d{3})(?:(?!HTTP\/1\.1 ).)*?(?:"error":\{"code":"([a-z_]+)"|$|(?=HTTP\/1\.1 ))/gs,
  );
  let responses = 0;
  for (const [, status, code] of found) {
    responses++;
    const what = code === undefined ? status! : `${status} ${code}`;
    expect(status === "500", text.slice(0, 500)).toBe(false);
    answers.set(what, (answers.get(what) ?? 0) + 1);
  }
  if (responses === 0) answers.set("closed without a response", (answers.get("closed without a response") ?? 0) + 1);
}

const post = (type: string, body: string | Uint8Array, more = "", path = "/api/predict") => [
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n`,
  body,
];

/** All at once. */
const together = (number: number, act: (i: number) => Promise<unknown>) =>
  Promise.all(Array.from({ length: scaled(number) }, (_, i) => act(i)));

const bytes = (stream: RandomStream, length: number) => Uint8Array.from({ length }, () => stream.below(256));

/** Connections that stay open while the server is checked, then end. */
async function held(number: number, prepare: (socket: Socket, i: number) => void): Promise<void> {
  const sockets = await together(number, async (i) => {
    const socket = await open();
    prepare(socket, i);
    return socket;
  });
  await check();
  for (const socket of sockets as Socket[]) socket.destroy();
}

const BROKEN = [
  "GET\r\n\r\n",
  "GET / HTTP/9.9\r\n\r\n",
  "GET / HTTP/1.1\r\nhost\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: a.1\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: xn--a\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: 999.1.1.1\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: [::1\r\n\r\n",
  "GET http://%/ HTTP/1.1\r\nhost: localhost\r\n\r\n",
  "GET //../../etc/passwd HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
  "GET /api/runs/%2e%2e%2f%2e%2e/model.onnx HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
  "GET /api/runs/%E0%A4%A/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
  "GET /api/runs/%00 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
  "GET /api/test-images?count=1e99&offset=-1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
  "GET /api/runs/own/model.onnx HTTP/1.1\r\nhost: localhost\r\nrange: bytes=9-1,-,x\r\nconnection: close\r\n\r\n",
  "GET /api/runs/own/events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: 1e999\r\nconnection: close\r\n\r\n",
  "BREW /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
  "CONNECT a:1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
  "GET /healthz HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
  "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
  "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n",
  "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
  "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n0\r\n\r\nGET",
  "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
  "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
  "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip, chunked\r\nconnection: close\r\n\r\n0\r\n\r\n",
  "POST /api/predict HTTP/1.1\r\nhost: localhost\r\nexpect: 200-ok\r\ncontent-length: 1\r\n\r\na",
  `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"a".repeat(100_000)}\r\n\r\n`,
  `GET / HTTP/1.1\r\nhost: localhost\r\n${"x: a\r\n".repeat(9000)}\r\n`,
  `GET /${"a".repeat(60_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
  "\u0000".repeat(1000),
  "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001", // The start of TLS.
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
] as const;

const JSON_BODIES = [
  "",
  "null",
  "[]",
  '"pixels"',
  "1e999",
  "NaN",
  "{",
  "[".repeat(100_000),
  '{"a":'.repeat(50_000),
  '{"pixels":null}',
  '{"pixels":{}}',
  '{"pixels":{"length":3072}}',
  '{"pixels":"0"}',
  '{"pixels":[[[[[[]]]]]]}',
  `{"pixels":[${"1e999,".repeat(3071)}1]}`,
  `{"pixels":[${"-1,".repeat(3071)}256]}`,
  `{"pixels":[${"null,".repeat(3071)}0]}`,
  `{"pixels":[${"0.5,".repeat(3071)}"0"]}`,
  `{"pixels":[${"0,".repeat(99_999)}0]}`,
  `{"__proto__":{"pixels":[0]},"constructor":0}`,
  `{"pixels":[0],"pixels":[1],"run":{"toString":0}}`,
  "\ufeff{}",
] as const;

const PART = 'content-disposition: form-data; name="image"; filename="a.png"';
const FORMS: readonly (readonly [type: string, body: string | Uint8Array])[] = [
  ["multipart/form-data", "--x"],
  ["multipart/form-data; boundary=", "--\r\n"],
  [`multipart/form-data; boundary=${"x".repeat(5000)}`, "--x--"],
  ["multipart/form-data; boundary=x", "--x\r\n".repeat(20_000)],
  ["multipart/form-data; boundary=x", `--x\r\n${"a: b\r\n".repeat(20_000)}\r\n\r\n--x--\r\n`],
  ["multipart/form-data; boundary=x", `--x\r\n${PART}\r\n\r\nab`],
  ["multipart/form-data; boundary=x", `--x\r\n${PART.replace("a.png", "../".repeat(9000))}\r\n\r\nab\r\n--x--\r\n`],
  ["multipart/form-data; boundary=x", `${`--x\r\n${PART}\r\n\r\nab\r\n`.repeat(2000)}--x--\r\n`],
  [
    "multipart/form-data; boundary=x",
    `--x\r\n${PART}\r\ncontent-type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--\r\n--x--\r\n`,
  ],
  ["application/x-www-form-urlencoded", "image=%".repeat(5000)],
  ["text/plain; charset=\u0080", "image"],
];

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
const EXPLODING: readonly Uint8Array[] = [
  grayPng(1, scaled(40) * 2 ** 20),
  grayPng(30_000, 30_000, { isEmpty: true }),
  grayPng(2 ** 31 - 1, 1, { isEmpty: true }),
  grayPng(0, 0, { isEmpty: true }),
  await sharp({ create: { width: 2000, height: scaled(2000), channels: 3, background: "red" } })
    .avif()
    .toBuffer(),
  await sharp({ create: { width: 4000, height: scaled(4000), channels: 4, background: "red" } })
    .webp()
    .toBuffer(),
  await sharp({ create: { width: 6000, height: scaled(6000), channels: 3, background: "red" } })
    .gif()
    .toBuffer(),
  await sharp({ create: { width: 6000, height: scaled(6000), channels: 3, background: "red" } })
    .jpeg()
    .toBuffer(),
];
const DISGUISED: readonly Uint8Array[] = [
  `<svg a="WEBP" ${SVG.slice(5)}`,
  `<!--ftypavif-->${SVG}`,
  `    ftypavif${SVG}`,
  `GIF89a${SVG}`,
  `RIFF    WEBP${SVG}`,
  `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>${SVG}`,
  "%PDF-1.7\n",
  "PK\u0003\u0004",
].map((text) => Buffer.from(text, "latin1"));

/** What a client does; each may draw. */
const ATTACKS: Readonly<Record<string, (stream: RandomStream) => Promise<unknown>>> = {
  // Together, as the server waits for the rest of some until its timeout.
  "random bytes and broken HTTP, also cut and mixed": (stream) =>
    Promise.all([
      together(20, () => exchange(bytes(stream, stream.below(3000)))),
      ...BROKEN.map((text) => exchange(text)),
      together(60, () => {
        const [one, other] = [BROKEN[stream.below(BROKEN.length)]!, BROKEN[stream.below(BROKEN.length)]!];
        return exchange(one.slice(0, stream.below(one.length)), other.slice(stream.below(other.length)));
      }),
    ]),
  "requests behind each other whose responses are not read": () =>
    held(4, (socket) => {
      socket.pause();
      socket.write("GET /api/runs/own/model.onnx HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(800));
    }),
  "more connections than the server takes, that send a byte": () => held(700, (socket) => socket.write("G")),
  "slow bodies": () => held(200, (socket) => socket.write(post("image/png", "ab".repeat(9))[0]!)),
  "slow readers": () =>
    held(200, (socket) => {
      socket.pause();
      socket.write("GET /api/runs/own/model.onnx HTTP/1.1\r\nhost: localhost\r\n\r\n");
    }),
  "clients that leave within their body": () =>
    together(50, async () => {
      const socket = await open();
      socket.write(`${post("image/png", "ab".repeat(9))[0]}a`, () => socket.destroy());
      await closing(socket);
    }),
  "odd forms": () => Promise.all(FORMS.map(([type, body]) => exchange(...post(type, body)))),
  "odd JSON": () => Promise.all(JSON_BODIES.map((body) => exchange(...post("application/json", body)))),
  "odd JSON for a training": () =>
    Promise.all(JSON_BODIES.map((body) => exchange(...post("application/json", body, "", "/api/training")))),
  "bodies beyond the limit": () =>
    together(3, () => exchange(...post("image/png", new Uint8Array(17 * 2 ** 20), "expect: 100-continue\r\n"))),
  "compressed bodies": () =>
    exchange(...post("image/png", gzipSync(new Uint8Array(2 ** 20)), "content-encoding: gzip\r\n")),
  "exploding pictures": () =>
    Promise.all([
      ...EXPLODING.flatMap((body) => [1, 2].map(() => exchange(...post("image/png", body)))),
      ...Array.from({ length: scaled(8) }, () => exchange(...post("application/octet-stream", EXPLODING[0]!))),
    ]),
  "disguised pictures": () => Promise.all(DISGUISED.map((body) => exchange(...post("image/png", body)))),
  "damaged pictures": (stream) =>
    together(60, () => {
      const whole = FORMATS[stream.below(FORMATS.length)]!;
      const damaged = Buffer.from(whole.subarray(0, stream.below(4) === 0 ? stream.below(whole.length) : undefined));
      for (let i = 0; i < 1 + stream.below(8) && damaged.length > 0; i++) {
        damaged[stream.below(damaged.length)]! ^= 1 << stream.below(8);
      }
      return exchange(...post("application/octet-stream", damaged));
    }),
};

/** Connections that Linux holds for a process at most. */
const SYSTEM_BACKLOG = "/proc/sys/net/core/somaxconn";
const canHold = existsSync(SYSTEM_BACKLOG) && Number(readFileSync(SYSTEM_BACKLOG, "utf8")) > 800;

test.skipIf(!canHold)("a busy server keeps no client waiting for another attempt to connect", async () => {
  // Stopped, it takes none: the system holds them.
  server.child.kill("SIGSTOP");
  const sockets = await Promise.all(Array.from({ length: 800 }, open)).finally(() => server.child.kill("SIGCONT"));
  for (const socket of sockets) socket.destroy();
  await check();
});

/** Enlarging pictures takes the processor for a while. */
const TRIED = Object.entries(ATTACKS).filter(([name]) => IS_CAMPAIGN || IS_THOROUGH || name !== "exploding pictures");

test.each(TRIED)("%s: others are answered meanwhile and afterwards", async (name, attack) => {
  const stream = randomStream(SEED, "check", Object.keys(ATTACKS).indexOf(name));
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all([attack(stream), check()]);
    await check();
  }
  const { stderr } = server.said();
  expect(stderr).not.toMatch(/\n\s+at |defect|internal error/i);
  expect(server.child.exitCode).toBeNull();
});
