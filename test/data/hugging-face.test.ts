/** Files of Hugging Face, from a server on this machine that answers as it does. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { fetchFromHub, type HubOptions } from "../../src/data/node/hugging-face.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";

const COMMIT = "a".repeat(40);
const CONTENT = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251);
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const FILES = { defaults: ["onnx/model.onnx", "model.onnx"], beside: ["preprocessor_config.json"] };

/** How the server answers: a test sets what it is about. */
let behaviour: {
  /** Answers before the usual ones, in order; true where it has answered. */
  before: ((request: IncomingMessage, response: ServerResponse) => boolean)[];
  /** Of the storage. */
  content: Uint8Array;
  hasRanges: boolean;
};
let asked: { method: string; url: string; range: string | undefined; authorization: string | undefined }[];

const server = createServer((request, response) => {
  const { method = "", url = "", headers } = request;
  asked.push({ method, url, range: headers.range, authorization: headers.authorization });
  if (behaviour.before.shift()?.(request, response)) return;
  if (url === "/storage") {
    const from = behaviour.hasRanges && headers.range ? Number(/\d+/.exec(headers.range)![0]) : 0;
    const rest = behaviour.content.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length });
    response.end(rest);
  } else if (url === "/owner/net/resolve/main/model.onnx") {
    const facts = { "x-repo-commit": COMMIT, "x-linked-etag": `"${SHA256}"`, "x-linked-size": CONTENT.length };
    response.writeHead(302, { ...facts, location: "/storage", etag: '"other"' }).end();
  } else if (url === "/owner/net/resolve/main/preprocessor_config.json") {
    response.writeHead(200, { "x-repo-commit": COMMIT, etag: 'W/"0123abcd"', "content-length": 2 });
    response.end(method === "HEAD" ? undefined : "{}");
  } else response.writeHead(404).end();
});
beforeAll(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));
afterAll(() => void server.close());
beforeEach(() => {
  behaviour = { before: [], content: CONTENT, hasRanges: true };
  asked = [];
});

function optionsIn(
  cache: string,
  environment: Record<string, string> = {},
  more: Partial<HubOptions> = {},
): HubOptions {
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    report: () => {},
    pause: 1,
    environment: { HF_HUB_CACHE: cache, HF_ENDPOINT: endpoint, ...environment },
    ...more,
  };
}
const fetched = (options: HubOptions, place = "hf:owner/net") => fetchFromHub(place, FILES, options);
const storage = () => asked.filter(({ url }) => url === "/storage");

test("a network and its configuration are put where Hugging Face's own tools find them, and fetched once", async () => {
  const cache = temporaryFolder();
  const { path, source } = await fetched(optionsIn(cache, { HF_TOKEN: "hf_secret" }));
  const repository = join(cache, "models--owner--net");
  expect(path).toBe(join(repository, "snapshots", COMMIT, "model.onnx"));
  expect(source).toBe(`hf:owner/net/model.onnx@${COMMIT}`);
  expect(new Uint8Array(readFileSync(path))).toEqual(CONTENT);
  expect(readFileSync(join(repository, "snapshots", COMMIT, "preprocessor_config.json"), "utf8")).toBe("{}");
  expect(readdirSync(join(repository, "blobs")).sort()).toEqual(["0123abcd", SHA256].sort());
  expect(readFileSync(join(repository, "refs/main"), "utf8")).toBe(COMMIT);
  expect(asked[0]).toMatchObject({ method: "HEAD", authorization: "Bearer hf_secret" });

  asked = [];
  expect((await fetched(optionsIn(cache))).path).toBe(path);
  expect(asked.map(({ method }) => method)).toEqual(["HEAD", "HEAD", "HEAD"]);

  asked = [];
  expect((await fetched(optionsIn(cache), `hf:owner/net/model.onnx@${COMMIT}`)).path).toBe(path);
  // What is pinned to a commit is not asked for again.
  expect(asked).toEqual([]);

  const offline = optionsIn(cache, { HF_HUB_OFFLINE: "1" });
  expect((await fetched(offline, "hf:owner/net/model.onnx")).path).toBe(path);
  await expect(fetched(offline, "hf:owner/net/other.onnx")).rejects.toThrow(
    /other.onnx of owner\/net is not in .*HF_HUB_OFFLINE/,
  );
  expect(asked).toEqual([]);
});

test.each([true, false])("after a cut connection it goes on, where the server has ranges: %s", async (hasRanges) => {
  behaviour.hasRanges = hasRanges;
  const cache = temporaryFolder();
  const usual = () => false;
  const hasPart = () =>
    readdirSync(cache, { recursive: true, encoding: "utf8" }).some(
      (name) => name.endsWith(".incomplete") && statSync(join(cache, name)).size > 0,
    );
  const cut = (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { "content-length": CONTENT.length });
    response.write(CONTENT.subarray(0, 100_000));
    // Once something of it was kept: an error may take away what is on its way.
    const looking = setInterval(() => {
      if (!hasPart()) return;
      clearInterval(looking);
      response.socket!.destroy();
    }, 5);
    return true;
  };
  // HEAD of onnx/model.onnx and of model.onnx, then the way to the storage.
  behaviour.before = [usual, usual, usual, cut];
  const { path } = await fetched(optionsIn(cache));
  expect(new Uint8Array(readFileSync(path))).toEqual(CONTENT);
  const [, second] = storage();
  expect(second!.range).toMatch(/^bytes=[1-9]\d*-$/);
});

test("a server that is busy or fails is asked again, so many times", async () => {
  const answer =
    (status: number, headers = {}) =>
    (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(status, headers).end();
      return true;
    };
  behaviour.before = [answer(429, { "retry-after": "0" }), answer(503)];
  expect(existsSync((await fetched(optionsIn(temporaryFolder()))).path)).toBe(true);
  behaviour.before = new Array(20).fill(answer(500));
  asked = [];
  await expect(fetched(optionsIn(temporaryFolder(), {}, { attempts: 3 }))).rejects.toThrow(
    /HTTP status 500 \(3 attempts\)/,
  );
  expect(asked).toHaveLength(3);
});

test.each([
  [401, /refuses onnx\/model.onnx \(HTTP status 401\).*set HF_TOKEN/],
  [403, /its licence must be accepted at http:\/\/127.0.0.1:\d+\/owner\/net/],
  [410, /answers onnx\/model.onnx with HTTP status 410/],
])("HTTP status %i is told, with what to do", async (status, message) => {
  behaviour.before = [
    (_, response) => {
      response.writeHead(status).end();
      return true;
    },
  ];
  await expect(fetched(optionsIn(temporaryFolder()))).rejects.toThrow(message);
});

test("a missing file or repository names what was looked for", async () => {
  await expect(fetched(optionsIn(temporaryFolder()), "hf:owner/none")).rejects.toThrow(
    /owner\/none on http.* has no file onnx\/model.onnx or model.onnx; see http/,
  );
  await expect(fetched(optionsIn(temporaryFolder()), "hf:owner/net@v9")).rejects.toThrow(/at revision v9/);
  for (const place of ["hf:net", "hf:owner/net/../../x", "hf:"]) {
    await expect(fetched(optionsIn(temporaryFolder()), place)).rejects.toThrow(
      /is no place on Hugging Face; write hf:OWNER\/NAME/,
    );
  }
});

test("damaged, endless and too large content never gets into the cache", async () => {
  const cache = temporaryFolder();
  behaviour.content = CONTENT.map((byte, i) => (i === 7 ? byte ^ 1 : byte));
  await expect(fetched(optionsIn(cache))).rejects.toThrow(/is damaged: its SHA-256 is not/);
  behaviour.content = new Uint8Array(2 * CONTENT.length);
  await expect(fetched(optionsIn(cache))).rejects.toThrow(/goes on after the 300000 bytes/);
  await expect(fetched(optionsIn(cache, {}, { maxBytes: 1000 }))).rejects.toThrow(
    /has 0 MB; the most is|has .* the most is/,
  );
  expect(readdirSync(join(cache, "models--owner--net/blobs"))).toEqual([]);
  // What is left of an attempt that was killed is not trusted either.
  behaviour.content = CONTENT;
  writeFileSync(join(cache, "models--owner--net/blobs", `${SHA256}.incomplete`), new Uint8Array(CONTENT.length));
  await expect(fetched(optionsIn(cache))).rejects.toThrow(/is damaged/);
  expect(new Uint8Array(readFileSync((await fetched(optionsIn(cache))).path))).toEqual(CONTENT);
});

test("a cache that cannot be written to is told", async () => {
  const cache = temporaryFolder();
  mkdirSync(join(cache, "models--owner--net"));
  writeFileSync(join(cache, "models--owner--net/blobs"), "");
  await expect(fetched(optionsIn(cache))).rejects.toThrow(/models--owner--net\/blobs/);
});
