import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import type { PredictAnswer } from "../../src/server/api-types.ts";
import { createApp } from "../../src/server/app.ts";
import { startServer } from "../../src/server/start-server.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { allRows } from "../support/all-rows.ts";
import { errorOf, jsonOf, postJson, start } from "./support/running-server.ts";
import { smallRuns } from "./support/small-runs.ts";

const { runs, data, dataFolder } = await smallRuns(["a"]);
const PIXELS = { pixels: new Array<number>(784).fill(9) };

/** A built page. */
function pageFolder(): string {
  const page = join(temporaryFolder(), "web");
  mkdirSync(join(page, "assets"), { recursive: true });
  writeFileSync(join(page, "index.html"), "<!doctype html>the page");
  writeFileSync(join(page, "assets", "main.js"), "run()");
  writeFileSync(join(page, "assets", "ort.wasm"), "");
  return page;
}

/** The status that a request gets which names this host. */
const statusFor = (url: string, host: string) =>
  new Promise<number>((resolve, reject) => {
    get(`${url}/api/runs`, { headers: { host } }, (incoming) => resolve(incoming.resume().statusCode!)).on(
      "error",
      reject,
    );
  });

describe("the page", () => {
  test("is served with its assets", async () => {
    const { url } = await start({ page: pageFolder() });
    for (const [path, type, text] of [
      ["/", "text/html", "<!doctype html>the page"],
      ["/assets/main.js", "text/javascript", "run()"],
      ["/assets/ort.wasm", "application/wasm", ""],
    ] as const) {
      const response = await fetch(`${url}${path}`);
      expect([path, response.status, response.headers.get("content-type")]).toEqual([
        path,
        200,
        expect.stringContaining(type),
      ]);
      expect(await response.text()).toBe(text);
    }
    expect((await errorOf(fetch(`${url}/assets/other.js`))).slice(0, 2)).toEqual([404, "not_found"]);
    expect(await jsonOf(fetch(`${url}/healthz`))).toEqual({ status: "ok" });
  });

  test("that is not built: / explains what to do", async () => {
    const { url } = await start({ page: join(temporaryFolder(), "none") });
    const response = await fetch(`${url}/`);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("npm run build");
  });
});

describe("below a path", () => {
  test("page and API are there, and nothing elsewhere", async () => {
    const { url } = await start({ page: pageFolder(), runs, basePath: "/a/tailor" });
    expect(new URL(url).pathname).toBe("/a/tailor");
    expect(await (await fetch(url)).text()).toContain("the page");
    expect((await fetch(url, { redirect: "manual" })).headers.get("location")).toBe("/a/tailor/");
    expect(await (await fetch(`${url}/assets/main.js`)).text()).toBe("run()");
    expect(await jsonOf(fetch(`${url}/healthz`))).toEqual({ status: "ok" });
    expect(await jsonOf(postJson(`${url}/api/predict`, PIXELS))).toMatchObject({ run: "a" });
    expect((await errorOf(fetch(`${url}/api/nothing`)))[1]).toBe("not_found");
    expect((await errorOf(fetch(`${url}/api/predict`)))[1]).toBe("method_not_allowed");
    for (const path of ["/", "/api/runs", "/healthz", "/a", "/a/tailors/", "/assets/main.js"]) {
      expect([path, (await errorOf(fetch(new URL(path, url)))).slice(0, 2)]).toEqual([path, [404, "not_found"]]);
    }
  });

  test("a slash at the end makes no difference, and / is no path", async () => {
    expect(new URL((await start({ basePath: "/tailor/" })).url).pathname).toBe("/tailor");
    expect(await jsonOf(fetch(`${(await start({ basePath: "/" })).url}/healthz`))).toEqual({ status: "ok" });
  });

  test.each(["tailor", "/a//b", "/a b", "/..", "/a/../b", "/a?b", "http://a/b"])("%j is no path", async (basePath) => {
    await expect(start({ basePath })).rejects.toThrow(/^`basePath` must be a path like \/tailor, got/);
  });
});

describe("what browsers keep", () => {
  /** The response, and what it answers if it is asked for again. */
  async function twice(url: string, headers: Record<string, string> = {}) {
    const first = await fetch(url, { headers });
    const body = Buffer.from(await first.arrayBuffer());
    const etag = first.headers.get("etag")!;
    const again = await fetch(url, { headers: { ...headers, "if-none-match": etag } });
    return { headers: first.headers, body, etag, again: again.status, rest: (await again.arrayBuffer()).byteLength };
  }

  test("the page: files named by their content for ever, others until they change", async () => {
    const page = pageFolder();
    writeFileSync(join(page, "assets", "main-DuIs0JFJ.js"), "run()");
    const { url } = await start({ page });
    for (const [path, kept] of [
      ["/", "no-cache"],
      ["/assets/main.js", "no-cache"],
      ["/assets/main-DuIs0JFJ.js", "public, max-age=31536000, immutable"],
    ] as const) {
      const { headers, again, rest } = await twice(`${url}${path}`);
      expect([path, headers.get("cache-control"), again, rest]).toEqual([path, kept, 304, 0]);
    }
    const before = await twice(`${url}/`);
    writeFileSync(join(page, "index.html"), "another page");
    const after = await fetch(`${url}/`, { headers: { "if-none-match": before.etag } });
    expect([after.status, await after.text()]).toEqual([200, "another page"]);
    expect((await fetch(`${url}/nothing`)).headers.get("etag")).toBeNull();
  });

  test("a model, until it changes", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "a"), join(folder, "a"), { recursive: true });
    const { url } = await start({ runs: folder });
    const model = `${url}/api/runs/a/model.onnx`;
    const { body, again, etag } = await twice(model);
    expect([body.equals(readFileSync(join(folder, "a", "model.onnx"))), again]).toEqual([true, 304]);
    expect((await fetch(model, { method: "HEAD" })).headers.get("content-length")).toBe(String(body.length));
    utimesSync(join(folder, "a", "model.onnx"), 1, 1);
    expect((await fetch(model, { headers: { "if-none-match": etag } })).status).toBe(200);
  });

  test("the data set, which is sent compressed", async () => {
    const { url } = await start({ runs, data: dataFolder });
    for (const [accepted, encoding] of [
      ["gzip, deflate", "gzip"],
      ["identity", null],
      ["gzip;q=0", null],
    ] as const) {
      const part = await twice(`${url}/api/dataset/test-images`, { "accept-encoding": accepted });
      expect([part.headers.get("content-encoding"), part.again]).toEqual([encoding, 304]);
      expect(part.body.equals(allRows(data.test.images))).toBe(true);
    }
  });

  test("JSON and the page are compressed for clients that accept it", async () => {
    const page = pageFolder();
    writeFileSync(join(page, "assets", "main.js.gz"), gzipSync("run() // compressed"));
    const { url } = await start({ page, runs });
    for (const path of ["/api/recipes", "/assets/main.js"]) {
      const sent = async (encoding: string) =>
        (await fetch(`${url}${path}`, { headers: { "accept-encoding": encoding } })).headers.get("content-encoding");
      expect([await sent("gzip"), await sent("identity")]).toEqual(["gzip", null]);
    }
    expect(await (await fetch(`${url}/assets/main.js`)).text()).toBe("run() // compressed");
  });
});

describe("headers of every response", () => {
  test.each(["/", "/assets/main.js", "/healthz", "/api/runs", "/api/runs/none", "/api/predict", "/nothing"])(
    "%s",
    async (path) => {
      const { url } = await start({ page: pageFolder() });
      const { headers } = await fetch(`${url}${path}`);
      expect(Object.fromEntries(headers)).toMatchObject({
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
      });
      const policy = Object.fromEntries(
        headers
          .get("content-security-policy")!
          .split("; ")
          .map((part) => [part.split(" ")[0], part.split(" ").slice(1)]),
      );
      expect(policy).toMatchObject({
        "default-src": ["'none'"],
        "script-src": ["'self'", "'wasm-unsafe-eval'"],
        "connect-src": ["'self'"],
        "frame-ancestors": ["'none'"],
      });
      expect(headers.get("content-security-policy")).not.toMatch(/'unsafe-|\*|https?:/);
      expect(headers.get("access-control-allow-origin")).toBeNull();
      expect(headers.get("x-powered-by")).toBeNull();
    },
  );
});

describe("names of this machine", () => {
  test("on loopback any other host name is refused, whatever the port (DNS rebinding)", async () => {
    const { url } = await start();
    const { port } = new URL(url);
    for (const host of [
      `127.0.0.1:${port}`,
      "localhost",
      "localhost:1",
      "LOCALHOST",
      "[::1]",
      "127.1.2.3",
      "app.localhost",
    ]) {
      expect([host, await statusFor(url, host)]).toEqual([host, 200]);
    }
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "192.168.0.1",
      "0.0.0.0",
      "[::2]",
    ]) {
      expect([host, await statusFor(url, host)]).toEqual([host, 403]);
    }
  });

  test("a Host header that is no name or address is refused, whoever can reach the server", async () => {
    for (const server of [await start(), await start({ host: "0.0.0.0" })]) {
      for (const host of ["a.1", "1270.0.1", "127.0.0.0.1", "1.2.3.4.5", "999.1.1.1", "xn--", "xn--a", "a b", "[1"]) {
        expect([host, await statusFor(server.url, host)]).toEqual([host, 400]);
      }
      expect(server.log).toEqual([]);
    }
  });

  test("a name that is allowed is accepted, and no other, whoever can reach the server", async () => {
    for (const host of ["127.0.0.1", "0.0.0.0"]) {
      const { url } = await start({ host, allowHost: ["Tailor.example", "münchen.example"] });
      for (const name of ["tailor.example", "TAILOR.example:80", "xn--mnchen-3ya.example", "localhost"]) {
        expect([name, await statusFor(url, name)]).toEqual([name, 200]);
      }
      for (const name of ["evil.example", "a.tailor.example", "tailor.example.evil"]) {
        expect([name, await statusFor(url, name)]).toEqual([name, 403]);
      }
    }
  });

  test("the refusal says how to allow a name", async () => {
    const { url } = await start({ allowHost: ["tailor.example"] });
    const [incoming] = await once(get(url, { headers: { host: "evil.example" } }), "response");
    expect((await incoming.toArray()).join("")).toContain(
      "answers to localhost, tailor.example only. If a proxy passes on requests under another name, allow that one with `allowHost`.",
    );
  });

  test("behind a proxy the page of an allowed name may predict, but clients start no training", async () => {
    const { url } = await start({ runs, allowHost: ["tailor.example"] });
    const body = new FormData();
    body.append("image", new Blob(["x"]), "boot.png");
    const headers = { origin: "http://tailor.example" };
    expect((await errorOf(fetch(`${url}/api/predict`, { method: "POST", body, headers })))[1]).toBe("bad_image");
    expect((await errorOf(postJson(`${url}/api/training`, { recipe: "base" }, headers)))[1]).toBe(
      "training_not_allowed",
    );
  });

  test.each(["", "a/b", "a:80", "http://a", "a b", "*"])("%j is no name to allow", async (name) => {
    await expect(start({ allowHost: [name] })).rejects.toThrow(/^`allowHost` must be a host name without port or path/);
  });

  test("if reachable from other machines, any name is accepted", async () => {
    const { url } = await start({ host: "0.0.0.0" });
    expect(await statusFor(url, "tailor.example")).toBe(200);
  });
});

test("forms of other sites' pages are refused, which browsers send without asking; those of the own page are not", async () => {
  const { url } = await start({ runs });
  const send = (headers: Record<string, string>) => {
    const body = new FormData();
    body.append("image", new Blob(["x"]), "boot.png");
    return fetch(`${url}/api/predict`, { method: "POST", body, headers });
  };
  for (const headers of [
    { "sec-fetch-site": "cross-site", origin: "http://evil.example" },
    { "sec-fetch-site": "same-site" },
    { origin: "http://evil.example" },
    { origin: "null" },
  ]) {
    expect((await errorOf(send(headers))).slice(0, 2)).toEqual([403, "cross_site"]);
  }
  for (const headers of [{}, { "sec-fetch-site": "same-origin", origin: url }, { origin: url }]) {
    expect((await errorOf(send(headers)))[1]).toBe("bad_image");
  }
});

describe("limits", () => {
  test("of concurrent predictions: the rest get 503, none is lost", async () => {
    const { url } = await start({ runs, limits: { predictions: 2 } });
    const responses = await Promise.all(Array.from({ length: 12 }, () => postJson(`${url}/api/predict`, PIXELS)));
    const refused = responses.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(12);
    for (const response of refused) {
      expect(response.headers.get("retry-after")).toBe("1");
      expect((await errorOf(response))[1]).toBe("overloaded");
    }
    for (const response of responses.filter((one) => !refused.includes(one))) await jsonOf(response);
    // And all places are free again.
    await Promise.all([1, 2].map(() => jsonOf(postJson(`${url}/api/predict`, PIXELS))));
  });

  test("of bytes of all bodies: who sends more still reads the refusal", async () => {
    const { url } = await start({ runs, limits: { bodyBytes: 20_000_000, heldBytes: 100_000 } });
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    let text = "";
    socket.on("data", (part) => {
      text += part;
    });
    const length = 5_000_000;
    socket.write(
      `POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: ${length}\r\n\r\n`,
    );
    socket.end(new Uint8Array(length));
    await once(socket, "close");
    expect(text).toMatch(/^HTTP\/1\.1 503 .*retry-after: 1.*"code":"overloaded"/is);
  });

  test("of bytes of all bodies: counted as received, released when a client disconnects", async () => {
    const { url } = await start({ runs, limits: { bodyBytes: 400_000, heldBytes: 200_000 } });
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(
      "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 400000\r\n\r\n",
    );
    const image = (bytes = 100_000) =>
      fetch(`${url}/api/predict`, {
        method: "POST",
        headers: { "content-type": "image/png" },
        body: new Uint8Array(bytes),
      });
    // A client that only announces a large body does not block others.
    for (let i = 0; i < 10; i++) expect((await errorOf(image()))[1]).toBe("bad_image");
    socket.write(new Uint8Array(140_000));
    await expect.poll(async () => (await image()).status).toBe(503);
    expect((await errorOf(image()))[1]).toBe("overloaded");
    expect((await errorOf(image(160_000)))[1]).toBe("overloaded");
    // Small bodies are not counted.
    expect((await errorOf(image(50_000)))[1]).toBe("bad_image");
    await jsonOf(postJson(`${url}/api/predict`, PIXELS));
    socket.destroy();
    await expect.poll(async () => (await errorOf(image()))[1]).toBe("bad_image");
    expect((await errorOf(image(199_000)))[1]).toBe("bad_image");
  });
});

describe("start", () => {
  test("a port that is in use", async () => {
    const { url } = await start();
    const port = Number(new URL(url).port);
    await expect(start({ port })).rejects.toThrow(
      new UserError(
        `cannot listen on 127.0.0.1, port ${port}: it is in use; choose another with \`port\`, or \`port\` 0 for any that is free`,
        { exitCode: 2 },
      ),
    );
  });

  test("an address that is none of this machine's", async () => {
    await expect(start({ host: "192.0.2.1" })).rejects.toThrow(/cannot listen on 192\.0\.2\.1, .*`host`/);
  });

  test("a path that is not a run", async () => {
    await expect(startServer({ port: 0, run: temporaryFolder() })).rejects.toThrow(UserError);
  });

  test("a folder of runs that is a file", async () => {
    const file = join(pageFolder(), "index.html");
    await expect(startServer({ port: 0, runs: file })).rejects.toThrow(/cannot list the runs in .*index\.html/);
  });

  test("the addresses of a server can be opened, on this machine and from others", async () => {
    const { url, otherUrls } = await start({ host: "0.0.0.0" });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const own = Object.values(networkInterfaces())
      .flat()
      .filter((address) => address?.family === "IPv4" && !address.internal);
    expect(otherUrls).toHaveLength(own.length);
    for (const one of [url, ...otherUrls]) {
      expect(await jsonOf(fetch(`${one}/healthz`)), one).toEqual({ status: "ok" });
    }
    expect((await start()).otherUrls).toEqual([]);
  });

  test("IPv6", async ({ skip }) => {
    const server = await start({ host: "::1" }).catch((error: Error) => error);
    if (server instanceof Error) return skip(`this machine has no IPv6: ${server.message}`);
    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(await jsonOf(fetch(`${server.url}/healthz`))).toEqual({ status: "ok" });
  });
});

test("the API mounted in another Hono app", async () => {
  const { app, close } = createApp({ runs, threads: 1 });
  const site = new Hono().get("/", (c) => c.text("my site")).route("/tailor", app);
  const body = JSON.stringify(PIXELS);
  const headers = { "content-type": "application/json" };
  const answer = await jsonOf<PredictAnswer>(site.request("/tailor/api/predict", { method: "POST", body, headers }));
  expect(answer.run).toBe("a");
  expect((await errorOf(site.request("/tailor/api/runs/none"))).slice(0, 2)).toEqual([404, "no_such_run"]);
  expect((await errorOf(site.request("/tailor/api/predict"))).slice(0, 2)).toEqual([405, "method_not_allowed"]);
  expect(
    (await errorOf(site.request("/tailor/api/training", { method: "POST", body: '{"recipe":"base"}', headers }))).slice(
      0,
      2,
    ),
  ).toEqual([403, "training_not_allowed"]);
  expect(await (await site.request("/")).text()).toBe("my site");
  await close();
});
