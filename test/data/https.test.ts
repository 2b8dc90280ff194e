import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { httpsSource } from "../../src/data/node/https.ts";
import { temporaryFolder } from "./fixtures.ts";
import { contents, data, load, PACKED_NAMES } from "./source-fixtures.ts";

/** A local web server, stopped after the test. */
async function serve(answer: RequestListener): Promise<{ mirror: string; stop: () => Promise<unknown> }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  onTestFinished(async () => void (await stop()));
  return { mirror: `http://127.0.0.1:${address.port}/data/`, stop };
}

/** The requested compressed file. */
function requested(url = ""): Buffer {
  const name = url.slice("/data/".length, -".gz".length);
  return gzipSync(contents.get(name) ?? new Uint8Array());
}

const sendFile: RequestListener = ({ url }, response) => response.end(requested(url));
const LIMITS = { connectSeconds: 0.2, stallSeconds: 0.2 };

describe("a mirror as a source", () => {
  test("the four compressed files are requested, announced once, and end up in the cache", async () => {
    const asked: string[] = [];
    const { mirror } = await serve((request, response) => {
      asked.push(request.url!);
      expect(request.headers["accept-encoding"]).toBe("identity");
      sendFile(request, response);
    });
    const cacheFolder = await temporaryFolder();
    const { loaded, lines } = await load(cacheFolder, [httpsSource(data, mirror)]);
    expect(loaded).toMatchObject({ source: "https", folder: join(cacheFolder, "tiny"), verified: true });
    expect(asked.toSorted()).toEqual(PACKED_NAMES.map((name) => `/data/${name}`));
    expect(lines).toEqual([
      `Tiny: fetching 4 files from ${mirror}`,
      `Tiny: 6 + 4 images, 0.0 MB, from ${mirror}, now in ${join(cacheFolder, "tiny")}`,
    ]);
  });

  const faults: [string, RequestListener, string][] = [
    [
      "answers 404",
      (_, response) => response.writeHead(404).end(),
      "/data/: train-images-idx3-ubyte.gz: HTTP status 404",
    ],
    ["does not answer", () => {}, "train-images-idx3-ubyte.gz: no answer for 0.2 seconds"],
    [
      "goes silent after its first bytes",
      (_, response) => response.write("x"),
      "train-images-idx3-ubyte.gz: nothing received for 0.2 seconds",
    ],
    [
      "sends a page instead",
      (_, response) => response.end("<html>"),
      "what was fetched is not usable: train-images-idx3-ubyte.gz is corrupt (gzip: incorrect header check)",
    ],
    [
      "sends without end",
      (_, response) => response.end(Buffer.alloc(200_000)),
      "more than the 65,588 bytes that are expected at most",
    ],
    [
      "hangs up in the middle",
      ({ url }, response) => {
        response.writeHead(200, { "content-length": "90" });
        response.write(requested(url).subarray(0, 9), () => response.destroy());
      },
      "train-images-idx3-ubyte.gz: other side closed",
    ],
  ];
  test.each(faults)("a mirror that %s is a failed source, and the next is tried", async (_, answer, reason) => {
    const bad = httpsSource(data, (await serve(answer)).mirror, LIMITS);
    const good = httpsSource(data, (await serve(sendFile)).mirror, LIMITS);
    await expect(load(await temporaryFolder(), [bad])).rejects.toThrow(reason);
    expect((await load(await temporaryFolder(), [bad, good])).lines.at(-1)).toContain(good.title);
  });

  test("an unreachable mirror is reported with the network error, not just 'fetch failed'", async () => {
    const { mirror, stop } = await serve(sendFile);
    await stop();
    await expect(load(await temporaryFolder(), [httpsSource(data, mirror)])).rejects.toThrow("ECONNREFUSED");
  });
});
