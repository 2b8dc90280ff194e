/** Files of Hugging Face, from a server on this machine that answers as it does. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { fetchFromHub, type HubOptions } from "../../src/data/node/hugging-face.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { COMMIT, hubServer } from "./hub-server.ts";

const CONTENT = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251);
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const FILES = { defaults: ["onnx/model.onnx", "model.onnx"], beside: ["preprocessor_config.json"] };

const hub = hubServer();
const net = { content: CONTENT, stored: CONTENT };
hub.files.set("owner/net/model.onnx", net);
hub.texts.set("owner/net/preprocessor_config.json", "{}");
beforeEach(() => {
  Object.assign(hub, { before: [], hasRanges: true, asked: [] });
  net.stored = CONTENT;
});

function optionsIn(
  cache: string,
  environment: Record<string, string> = {},
  more: Partial<HubOptions> = {},
): HubOptions {
  return {
    report: () => {},
    pause: 1,
    environment: { HF_HUB_CACHE: cache, HF_ENDPOINT: hub.url(), ...environment },
    ...more,
  };
}
const fetched = (options: HubOptions, place = "hf:owner/net") => fetchFromHub(place, FILES, options);
const storage = () => hub.asked.filter(({ url }) => url.startsWith("/storage/"));

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
  expect(hub.asked[0]).toMatchObject({ method: "HEAD", authorization: "Bearer hf_secret" });

  hub.asked = [];
  expect((await fetched(optionsIn(cache))).path).toBe(path);
  expect(hub.asked.map(({ method }) => method)).toEqual(["HEAD", "HEAD", "HEAD"]);

  hub.asked = [];
  expect((await fetched(optionsIn(cache), `hf:owner/net/model.onnx@${COMMIT}`)).path).toBe(path);
  // What is pinned to a commit is not asked for again.
  expect(hub.asked).toEqual([]);

  const offline = optionsIn(cache, { HF_HUB_OFFLINE: "1" });
  expect((await fetched(offline, "hf:owner/net/model.onnx")).path).toBe(path);
  await expect(fetched(offline, "hf:owner/net/other.onnx")).rejects.toThrow(
    /other.onnx of owner\/net is not in .*HF_HUB_OFFLINE/,
  );
  expect(hub.asked).toEqual([]);
});

test.each([true, false])("after a cut connection it goes on, where the server has ranges: %s", async (hasRanges) => {
  hub.hasRanges = hasRanges;
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
  hub.before = [usual, usual, usual, cut];
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
  hub.before = [answer(429, { "retry-after": "0" }), answer(503)];
  expect(existsSync((await fetched(optionsIn(temporaryFolder()))).path)).toBe(true);
  hub.before = new Array(20).fill(answer(500));
  hub.asked = [];
  await expect(fetched(optionsIn(temporaryFolder(), {}, { attempts: 3 }))).rejects.toThrow(
    /HTTP status 500 \(3 attempts\)/,
  );
  expect(hub.asked).toHaveLength(3);
});

test.each([
  [401, /refuses onnx\/model.onnx \(HTTP status 401\).*set HF_TOKEN/],
  [403, /its licence must be accepted at http:\/\/127.0.0.1:\d+\/owner\/net/],
  [410, /answers onnx\/model.onnx with HTTP status 410/],
])("HTTP status %i is told, with what to do", async (status, message) => {
  hub.before = [
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
  net.stored = CONTENT.map((byte, i) => (i === 7 ? byte ^ 1 : byte));
  await expect(fetched(optionsIn(cache))).rejects.toThrow(/is damaged: its SHA-256 is not/);
  net.stored = new Uint8Array(2 * CONTENT.length);
  await expect(fetched(optionsIn(cache))).rejects.toThrow(/goes on after the 300000 bytes/);
  await expect(fetched(optionsIn(cache, {}, { maxBytes: 1000 }))).rejects.toThrow(
    /has 0 MB; the most is|has .* the most is/,
  );
  expect(readdirSync(join(cache, "models--owner--net/blobs"))).toEqual([]);
  // What is left of an attempt that was killed is not trusted either.
  net.stored = CONTENT;
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
