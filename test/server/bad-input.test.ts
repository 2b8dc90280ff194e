import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { get, request } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { afterEach, describe, expect, test } from "vitest";
import { parseRunRecord } from "../../src/runs/run-record.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { fillModelWithNaN, flipBit, forgetChecksums, pipe } from "../training/support/damage.ts";
import { stoppedEvaluator } from "./support/evaluators.ts";
import { errorOf, jsonOf, postBytes, postJson, type StartedServer, start } from "./support/running-server.ts";
import { smallRuns } from "./support/small-runs.ts";

const { runs, dataFolder, data } = await smallRuns(["a"]);
const PIXELS = { pixels: new Array<number>(784).fill(9) };

/** After any input, the server still runs, handles other requests, and reports no internal error. */
let server: StartedServer | undefined;
async function serve(options: Parameters<typeof start>[0] = {}): Promise<string> {
  server = await start({ runs, ...options });
  return server.url;
}
afterEach(async () => {
  if (!server) return;
  expect(await jsonOf(fetch(`${server.url}/healthz`))).toEqual({ status: "ok" });
  expect(server.log.join("\n")).not.toMatch(/\n\s+at /);
  server = undefined;
});

/** A PNG that consists only of a header with the given size. */
function claimingPng(edge: number): Uint8Array {
  const header = Buffer.alloc(25);
  header.writeUInt32BE(13, 0);
  header.write("IHDR", 4, "latin1");
  header.writeUInt32BE(edge, 8);
  header.writeUInt32BE(edge, 12);
  header.set([8, 0, 0, 0, 0], 16);
  header.writeUInt32BE(crc32(header.subarray(4, 21)), 21);
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), header, Buffer.alloc(4), Buffer.from("IDAT")]);
}

describe("bodies of POST /api/predict that are refused", () => {
  const png = new Uint8Array(readFileSync(join(import.meta.dirname, "../../docs/images/curves.png")));
  const form = (text: string) => [new TextEncoder().encode(text), "multipart/form-data; boundary=x"] as const;
  const text = (content: string) => new TextEncoder().encode(content);
  test.each([
    ["no content type that is known", text("boot"), "text/plain", 415, "unsupported_media_type"],
    [
      "a form of names and values",
      text("image=boot"),
      "application/x-www-form-urlencoded",
      415,
      "unsupported_media_type",
    ],
    ["nothing, as an image", text(""), "image/png", 400, "no_body"],
    ["nothing, as JSON", text(""), "application/json", 400, "no_body"],
    ["no JSON", text('{"pixels": [1, 2'), "application/json", 400, "not_json"],
    ["bytes that are no text, as JSON", Uint8Array.of(0x22, 0xff, 0x22), "application/json", 400, "not_json"],
    [
      "JSON that is much too long",
      text(JSON.stringify(new Array(1e5).fill(0))),
      "application/json",
      413,
      "body_too_large",
    ],
    ["JSON nested without end", text("[".repeat(20_000)), "application/json", 400, "not_json"],
    ["a form without a boundary", text("--x"), "multipart/form-data", 400, "broken_form"],
    [
      "a form that breaks off",
      ...form('--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\nab'),
      400,
      "broken_form",
    ],
    [
      "a form without the field",
      ...form('--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nab\r\n--x--\r\n'),
      400,
      "no_image",
    ],
    [
      "a form with text in the field",
      ...form('--x\r\ncontent-disposition: form-data; name="image"\r\n\r\nab\r\n--x--\r\n'),
      400,
      "no_image",
    ],
    [
      "a form with an empty file",
      ...form('--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n\r\n--x--\r\n'),
      400,
      "bad_image",
    ],
    ["no image", text("a boot, as text"), "image/png", 400, "bad_image"],
    [
      "a drawing that may refer to files",
      text('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      "image/svg+xml",
      400,
      "bad_image",
    ],
    ["an image cut short", png.subarray(0, 5000), "image/png", 400, "bad_image"],
    ["a bomb: 30,000 x 30,000 pixels", claimingPng(30_000), "image/png", 400, "bad_image"],
  ])("%s", async (_, bytes, type, status, code) => {
    const url = await serve();
    expect((await errorOf(postBytes(`${url}/api/predict`, bytes, type))).slice(0, 2)).toEqual([status, code]);
  });

  test("a decompression bomb is refused by its header, not its contents; the limit can be set", async () => {
    const url = await serve({ limits: { pixels: 9999 } });
    const [, , bomb] = await errorOf(postBytes(`${url}/api/predict`, claimingPng(30_000), "image/png"));
    expect(bomb).toBe("The image has 30000 x 30000 pixels; at most 9,999 are decoded, make it smaller.");
    const square = (edge: number) =>
      sharp({ create: { width: edge, height: edge, channels: 3, background: "white" } })
        .composite([{ input: { create: { width: 20, height: 40, channels: 3, background: "black" } } }])
        .png()
        .toBuffer();
    expect((await postBytes(`${url}/api/predict`, await square(99), "image/png")).status).toBe(200);
    expect((await errorOf(postBytes(`${url}/api/predict`, await square(100), "image/png")))[1]).toBe("bad_image");
  });

  test("a picture of a single colour is refused", async () => {
    const url = await serve();
    const plain = sharp({ create: { width: 50, height: 50, channels: 3, background: "red" } });
    const [, code, message] = await errorOf(postBytes(`${url}/api/predict`, await plain.png().toBuffer(), "image/png"));
    expect([code, message]).toEqual(["bad_image", "The image: it is one plain colour: there is nothing to classify."]);
  });

  test.each([
    ["top=0", "top"],
    ["top=many", "top"],
    ["top=1.5", "top"],
    ["show=yes", "show"],
    ["background=red", "background"],
  ])("parameters: %s", async (query, field) => {
    const url = await serve();
    const [status, code, message] = await errorOf(postJson(`${url}/api/predict?${query}`, PIXELS));
    expect([status, code]).toEqual([400, "bad_request"]);
    expect(message).toContain(`field "${field}": expected`);
  });

  test.each([
    ["that says so", (bytes: Uint8Array) => ({ body: new Uint8Array(bytes) })],
    [
      "that does not say so",
      (bytes: Uint8Array) => ({ body: new Blob([new Uint8Array(bytes)]).stream(), duplex: "half" as const }),
    ],
  ])("a body over the limit %s", async (_, bodyOf) => {
    const url = await serve({ limits: { bodyBytes: 5000 } });
    const send = (length: number) =>
      fetch(`${url}/api/predict`, {
        method: "POST",
        headers: { "content-type": "image/png" },
        ...bodyOf(new Uint8Array(length)),
      });
    expect((await errorOf(send(5000)))[1]).toBe("bad_image");
    expect((await errorOf(send(5001))).slice(0, 2)).toEqual([413, "body_too_large"]);
  });

  test("one over the limit whose sender closes behind it still reads why", async () => {
    const url = await serve({ limits: { bodyBytes: 5000 } });
    for (let i = 0; i < 5; i++) {
      const sending = request(`${url}/api/predict`, {
        agent: false,
        method: "POST",
        headers: { "content-type": "image/png", "content-length": 5_000_000 },
      });
      sending.end(new Uint8Array(5_000_000));
      const [response] = await once(sending, "response");
      expect(response.statusCode).toBe(413);
      response.resume();
    }
  });
});

describe("addresses", () => {
  test.each([
    ["..%2fa", "no_such_run"],
    ["%2e%2e%2f%2e%2e%2fetc%2fpasswd", "no_such_run"],
    ["..%5c..%5cwindows", "no_such_run"],
    ["a%00", "no_such_run"],
    ["A", "no_such_run"],
    ["%ff", "no_such_run"],
    ["__proto__", "no_such_run"],
    ["", "not_found"],
  ])("a run of the name %j is not found", async (name, code) => {
    const url = await serve();
    for (const part of ["", "/model.onnx", "/evaluation", "/events"]) {
      if (name === "" && part !== "") continue;
      expect((await errorOf(rawGet(`${url}/api/runs/${name}${part}`))).slice(0, 2)).toEqual([404, code]);
    }
  });

  test("a path with dots gives no file", async () => {
    const page = temporaryFolder();
    mkdirSync(join(page, "web"));
    writeFileSync(join(page, "web", "index.html"), "the page");
    writeFileSync(join(page, "secret"), "secret");
    const url = await serve({ page: join(page, "web") });
    expect(await (await rawGet(`${url}/`)).text()).toBe("the page");
    for (const path of [
      "/../secret",
      "/%2e%2e/secret",
      "/..%2fsecret",
      "/%2e%2e%2fsecret",
      "/..%5csecret",
      "//secret",
      "/%252e%252e/secret",
    ]) {
      const response = await rawGet(`${url}${path}`);
      expect({ path, status: response.status, text: await response.text() }).toEqual({
        path,
        status: 404,
        text: expect.not.stringContaining("secret"),
      });
    }
  });

  test("unknown addresses and methods", async () => {
    const url = await serve();
    expect((await errorOf(fetch(`${url}/api/nothing`))).slice(0, 2)).toEqual([404, "not_found"]);
    expect((await errorOf(fetch(`${url}/nothing`))).slice(0, 2)).toEqual([404, "not_found"]);
    for (const [path, method, allowed] of [
      ["/api/predict", "GET", "POST"],
      ["/api/runs", "DELETE", "GET, HEAD"],
      ["/api/runs/a/model.onnx", "PUT", "GET, HEAD"],
      ["/healthz", "OPTIONS", "GET, HEAD"],
      ["/api/training/a", "POST", "DELETE"],
    ] as const) {
      const response = await fetch(`${url}${path}`, { method });
      expect(response.headers.get("allow")).toBe(allowed);
      expect((await errorOf(response)).slice(0, 2)).toEqual([405, "method_not_allowed"]);
    }
    expect((await fetch(`${url}/api/runs`, { method: "HEAD" })).status).toBe(200);
  });
});

describe("runs that are damaged while they are served", () => {
  test("a damaged record, model or metrics: reported, logged with the path, others are not affected", async () => {
    const folder = temporaryFolder();
    for (const name of ["fine", "record", "model", "metrics", "unknown"])
      cpSync(join(runs, "a"), join(folder, name), { recursive: true });
    const url = await serve({ runs: folder, data: dataFolder });
    expect(await names(url)).toEqual({ runs: ["fine", "metrics", "model", "record", "unknown"], damaged: [] });
    writeFileSync(join(folder, "record", "run.json"), '{"format": 1, "status"');
    writeFileSync(join(folder, "model", "model.onnx"), "no model");
    writeFileSync(join(folder, "metrics", "metrics.jsonl"), "{}\n");
    const record = parseRunRecord(readFileSync(join(folder, "unknown", "run.json"), "utf8"), "run.json");
    writeFileSync(join(folder, "unknown", "run.json"), JSON.stringify({ ...record, recipe: {} }));
    await expect
      .poll(() => names(url))
      // A run's cost is in its record, so a recipe unknown to this version is not an error.
      .toEqual({ runs: ["fine", "model", "unknown"], damaged: ["metrics", "record"] });
    const ask = async (path: string) => (await errorOf(fetch(`${url}/api/runs/${path}`))).slice(0, 2);
    expect(await ask("record")).toEqual([503, "run_damaged"]);
    expect(await ask("metrics")).toEqual([503, "unavailable"]);
    expect((await fetch(`${url}/api/runs/unknown`)).status).toBe(200);
    expect((await fetch(`${url}/api/ladder`)).status).toBe(200);
    const predict = (run: string) => postJson(`${url}/api/predict?run=${run}`, PIXELS);
    expect((await errorOf(predict("model"))).slice(0, 2)).toEqual([503, "model_damaged"]);
    expect((await errorOf(fetch(`${url}/api/runs/model/evaluation`))).slice(0, 2)).toEqual([503, "cannot_evaluate"]);
    expect((await predict("fine")).status).toBe(200);
    expect(server?.log.join("\n")).toContain(join(folder, "record", "run.json"));
    expect(server?.log.join("\n")).toContain(join(folder, "model"));
  });

  test("a model that gives NaN, of an older version without checksums, and one with a flipped bit: no class", async () => {
    const folder = temporaryFolder();
    for (const name of ["nan", "flipped"]) cpSync(join(runs, "a"), join(folder, name), { recursive: true });
    forgetChecksums(join(folder, "nan"));
    fillModelWithNaN("fc2.weight")(join(folder, "nan"));
    flipBit("model.onnx")(join(folder, "flipped"));
    const url = await serve({ runs: folder });
    for (const run of ["nan", "flipped"]) {
      const answer = await errorOf(postJson(`${url}/api/predict?run=${run}`, PIXELS));
      expect(answer.slice(0, 2), run).toEqual([503, "model_damaged"]);
    }
    expect(server?.log.join("\n")).toMatch(/nan\/model\.onnx gives probabilities that are not finite numbers/);
    expect(server?.log.join("\n")).toMatch(/the model of nan is unverified: an older version/);
    expect(server?.log.join("\n")).toMatch(/flipped\/model\.onnx is damaged: its SHA-256 is/);
    expect((await errorOf(fetch(`${url}/api/runs/flipped/model.onnx`))).slice(0, 2)).toEqual([503, "unavailable"]);
  });

  test("a named pipe as a record: other runs are served", async () => {
    const folder = temporaryFolder();
    for (const name of ["a", "b"]) cpSync(join(runs, "a"), join(folder, name), { recursive: true });
    const url = await serve({ runs: folder });
    pipe("run.json")(join(folder, "b"));
    await expect.poll(() => names(url)).toEqual({ runs: ["a"], damaged: ["b"] });
    expect((await postJson(`${url}/api/predict`, PIXELS)).status).toBe(200);
  });

  test("a damaged model that is replaced by a valid one works again", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "a"), join(folder, "a"), { recursive: true });
    const model = join(folder, "a", "model.onnx");
    renameSync(model, `${model}.good`);
    writeFileSync(model, "no model");
    const url = await serve({ runs: folder });
    expect((await postJson(`${url}/api/predict`, PIXELS)).status).toBe(503);
    renameSync(`${model}.good`, model);
    expect((await postJson(`${url}/api/predict`, PIXELS)).status).toBe(200);
  });

  test("a run whose model was removed has none", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "a"), join(folder, "a"), { recursive: true });
    const url = await serve({ runs: folder, data: dataFolder });
    expect((await postJson(`${url}/api/predict`, PIXELS)).status).toBe(200);
    rmSync(join(folder, "a", "model.onnx"));
    expect((await errorOf(postJson(`${url}/api/predict`, PIXELS))).slice(0, 2)).toEqual([404, "no_run"]);
    expect((await errorOf(postJson(`${url}/api/predict?run=a`, PIXELS))).slice(0, 2)).toEqual([404, "no_model"]);
    expect((await errorOf(fetch(`${url}/api/runs/a/evaluation`))).slice(0, 2)).toEqual([404, "not_evaluated"]);
    expect((await errorOf(fetch(`${url}/api/runs/a/model.onnx`))).slice(0, 2)).toEqual([404, "no_model"]);
  });
});

/** Ids of the runs, and of the damaged ones, by name. */
async function names(url: string): Promise<{ runs: string[]; damaged: string[] }> {
  const listed = await jsonOf<{ runs: { id: string }[]; damaged: string[] }>(fetch(`${url}/api/runs`));
  return { runs: listed.runs.map(({ id }) => id).sort(), damaged: listed.damaged.sort() };
}

/** GET with the path as it is written: fetch would take the dots out. */
function rawGet(address: string): Promise<Response> {
  const [, host, port, path] = /^http:\/\/([^:]+):(\d+)(.*)$/.exec(address)!;
  return new Promise((resolve, reject) => {
    get({ host, port, path }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const headers = { "content-type": incoming.headers["content-type"] ?? "" };
        resolve(new Response(Buffer.concat(chunks), { status: incoming.statusCode!, headers }));
      });
    }).on("error", reject);
  });
}

describe("connections", () => {
  test("invalid HTTP gets an error response", async () => {
    const url = await serve();
    const { socket, said } = await open(url);
    socket.write("boot please\r\n\r\n");
    expect(await said()).toMatch(/^HTTP\/1\.1 400 .*"code":"bad_request"/s);
  });

  test.each(["1.0", "1.1"])("a request without a host gets an error response: HTTP/%s", async (version) => {
    const url = await serve();
    const { socket, said } = await open(url);
    socket.write(`GET /healthz HTTP/${version}\r\n\r\n`);
    expect(await said()).toMatch(/^HTTP\/1\.1 400 .*x-content-type-options: nosniff.*"code":"bad_request"/is);
  });

  test("an unsupported expectation is refused; 100-continue is supported", async () => {
    const url = await serve();
    const expecting = async (expectation: string) => {
      const { socket, said } = await open(url);
      socket.write(`GET /healthz HTTP/1.1\r\nhost: localhost\r\nexpect: ${expectation}\r\nconnection: close\r\n\r\n`);
      return said();
    };
    expect(await expecting("a-miracle")).toMatch(/^HTTP\/1\.1 417 .*"code":"no_such_expectation"/s);
    expect(await expecting("100-continue")).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  test.each([
    ["headers", "POST /api/predict HTTP/1.1\r\nhost: localhost\r\n"],
    [
      "a body",
      "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 1000\r\n\r\nab",
    ],
  ])("a client that is slow with %s gets 408, in time", async (_, begun) => {
    const url = await serve({ timeoutSeconds: 1 });
    const { socket, said } = await open(url);
    socket.write(begun);
    // It moves all the time, so it is not for silence that it is cut off.
    const drip = setInterval(() => socket.write("a"), 100);
    expect(await said()).toMatch(/^HTTP\/1\.1 408 .*"code":"too_slow"/s);
    clearInterval(drip);
  });

  test("a slow client that does not disconnect when it is refused is disconnected", async () => {
    const url = await serve({ timeoutSeconds: 1 });
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const broken = once(socket, "error");
    socket.on("data", () => {});
    socket.write(
      "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 1000\r\n\r\nab",
    );
    // It never closes its side; a write to a connection that is no more breaks.
    const drip = setInterval(() => socket.write("a"), 100);
    const [error] = await broken;
    clearInterval(drip);
    expect(error.code).toMatch(/ECONNRESET|EPIPE/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test("a client that does not read its response is disconnected", async () => {
    const url = await serve({ timeoutSeconds: 1, connections: 1 });
    const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`;
    const first = await open(url);
    first.socket.write(request("/api/test-images/0"));
    await first.said(); // The data is loaded.
    const { socket, said } = await open(url);
    // The whole data set: 47 MB, far more than the buffers on both sides hold.
    socket.write(request("/api/dataset/train-images"));
    await once(socket, "data"); // Without a request its connection would give way.
    socket.pause();
    // Its place is free again although it is still here.
    await expect.poll(async () => (await fetch(`${url}/healthz`)).status, { interval: 200 }).toBe(200);
    socket.resume();
    const received = (await said()).length;
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThan(60_000 * 784);
  });

  test.skipIf(process.platform !== "linux")("a client that waits for a slow response is not disconnected", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "a"), join(folder, "a"), { recursive: true });
    const url = await serve({ timeoutSeconds: 1, runs: folder, data: dataFolder });
    const answer = jsonOf(fetch(`${url}/api/runs/a/evaluation`));
    const pid = await stoppedEvaluator();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    process.kill(pid, "SIGCONT");
    expect(await answer).toMatchObject({ run: "a", total: data.test.count });
  });

  test("a client that disconnects within its body affects no others", async () => {
    const url = await serve();
    for (let i = 0; i < 20; i++) {
      const { socket } = await open(url);
      socket.write(
        "POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 1000\r\n\r\nab",
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
      socket.destroy();
    }
    expect((await postJson(`${url}/api/predict`, PIXELS)).status).toBe(200);
    expect(server?.log).toEqual([]);
  });

  test("connections over the limit get 503, and succeed once others are closed", async () => {
    const url = await serve({ connections: 3 });
    const kept = await Promise.all([open(url), open(url), open(url)]);
    // Connections without a request would give way.
    const head = "host: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue";
    for (const { socket } of kept) {
      socket.write(`POST /api/predict HTTP/1.1\r\n${head}\r\nconnection: close\r\n\r\n`);
      await once(socket, "data");
    }
    const further = await open(url);
    further.socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    expect(await further.said()).toMatch(/^HTTP\/1\.1 503 .*retry-after: 1.*"code":"too_many_connections"/is);
    kept[0]!.socket.write("{}");
    expect(await kept[0]!.said()).toMatch(/^HTTP\/1\.1 100 .*HTTP\/1\.1 400 /s);
    await expect.poll(async () => (await fetch(`${url}/healthz`)).status).toBe(200);
    for (const { socket } of kept) socket.destroy();
    await expect.poll(async () => (await fetch(`${url}/healthz`)).status).toBe(200);
  });
});

/** Opens a connection. `said` resolves with all received data once the other side closes it. */
function open(url: string): Promise<{ socket: Socket; said: () => Promise<string> }> {
  const { port, hostname } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(port), hostname);
    const closed = new Promise<void>((close) => socket.once("close", () => close()));
    socket.setEncoding("latin1"); // A character a byte.
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.once("connect", () => resolve({ socket, said: () => closed.then(() => text) }));
    socket.on("error", reject); // After the connection it is resolved already, and says nothing more.
  });
}
