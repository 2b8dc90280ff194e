import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { loadClassifier } from "../../src/prediction/node/load-classifier.ts";
import type { Prediction } from "../../src/prediction/prediction.ts";
import type { PredictAnswer } from "../../src/server/api-types.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { errorOf, jsonOf, postBytes, postJson, start } from "./support/running-server.ts";
import { smallRuns } from "./support/small-runs.ts";

const EDGE = 28;
const { runs, data, dataFolder } = await smallRuns(["a", "b"]);
const classifier = await loadClassifier(join(runs, "a"), { threads: 1 });
afterAll(() => classifier.release());

const pixelsAt = (i: number) => data.test.images.read(i, i + 1);
const rowsOf = (pixels: Uint8Array) =>
  Array.from({ length: EDGE }, (_, y) => [...pixels.slice(y * EDGE, (y + 1) * EDGE)]);

/** A test image four times as large. */
function picture(i: number): ReturnType<typeof sharp> {
  return sharp(pixelsAt(i), { raw: { width: EDGE, height: EDGE, channels: 1 } }).resize(4 * EDGE, 4 * EDGE);
}

/** The output of `tailor predict` in the server's format. */
const told = ({ label, probability, isUnknown, top }: Prediction, run = "a"): PredictAnswer => ({
  run,
  label,
  probability,
  isUnknown,
  top,
});

describe("a picture is predicted as by `predict`", async () => {
  const png = await picture(3).png().toBuffer();
  const expected = await classifier.predict(png);

  test.each([
    ["a PNG", "image/png", png],
    ["a PNG that calls itself a JPEG", "image/jpeg", png],
    ["bytes without a name", "application/octet-stream", png],
    ["a type with a parameter, in capitals", "IMAGE/PNG; name=boot", png],
  ])("%s", async (_, type, bytes) => {
    const { url } = await start({ run: join(runs, "a") });
    expect(await jsonOf(postBytes(`${url}/api/predict`, bytes, type))).toEqual(told(expected));
  });

  test("JPEG and WebP with their media types", async () => {
    const { url } = await start({ run: join(runs, "a") });
    for (const bytes of [await picture(5).jpeg().toBuffer(), await picture(6).webp().toBuffer()]) {
      const answer = await jsonOf(postBytes(`${url}/api/predict`, bytes, "image/*"));
      expect(answer).toEqual(told(await classifier.predict(bytes)));
    }
  });

  test("a form's field", async () => {
    const { url } = await start({ run: join(runs, "a") });
    const body = new FormData();
    body.append("note", "a boot");
    body.append("image", new Blob([new Uint8Array(png)]), "boot.png");
    expect(await jsonOf(fetch(`${url}/api/predict`, { method: "POST", body }))).toEqual(told(expected));
  });

  test("a body without a length", async () => {
    const { url } = await start({ run: join(runs, "a") });
    const body = new Blob([new Uint8Array(png)]).stream();
    const options = { method: "POST", body, duplex: "half", headers: { "content-type": "image/png" } } as const;
    expect(await jsonOf(fetch(`${url}/api/predict`, options))).toEqual(told(expected));
  });

  test("show=1 returns the network's input, top sets the number of classes, background that of the garment", async () => {
    const { url } = await start({ run: join(runs, "a") });
    const ask = (query: string) => jsonOf<PredictAnswer>(postBytes(`${url}/api/predict?${query}`, png, "image/png"));
    const dark = await classifier.predict(png, { background: "light", top: 10 });
    expect(dark.pixels).not.toEqual(expected.pixels);
    expect((await ask("unknownBelow=1")).isUnknown).toBe(true);
    expect((await ask("unknownBelow=0")).isUnknown).toBe(false);
    expect(await ask("show=1")).toEqual({ ...told(expected), prepared: [...expected.pixels] });
    expect(await ask("background=light&show=1&top=10")).toEqual({ ...told(dark), prepared: [...dark.pixels] });
    expect((await ask("top=1")).top).toEqual(expected.top.slice(0, 1));
    expect((await ask("top=11")).top).toHaveLength(10);
  });
});

describe("pixels are used unchanged", () => {
  test("as a list and as rows: the network's prediction without preparation", async () => {
    const { url } = await start({ run: join(runs, "a") });
    // Its border is half white: as a picture it would be prepared, and change.
    const pixels = Uint8Array.from({ length: EDGE * EDGE }, (_, i) => (i % EDGE < 14 ? 255 : i % 7));
    const [expected] = await classifier.classify([pixels]);
    for (const sent of [[...pixels], rowsOf(pixels)]) {
      const answer = await jsonOf<PredictAnswer>(postJson(`${url}/api/predict?show=1`, { pixels: sent }));
      expect(answer).toEqual({ run: "a", ...expected, prepared: [...pixels] });
    }
  });

  test("as indented rows", async () => {
    const { url } = await start({ run: join(runs, "a") });
    const body = JSON.stringify({ pixels: rowsOf(new Uint8Array(784).fill(255)) }, null, 4);
    await jsonOf(
      fetch(`${url}/api/predict`, { method: "POST", headers: { "content-type": "application/json" }, body }),
    );
  });

  test("as a test image of the server", async () => {
    const { url } = await start({ runs, data: dataFolder });
    const image = await jsonOf(fetch(`${url}/api/test-images/7`));
    const answer = await jsonOf<PredictAnswer>(postJson(`${url}/api/predict?run=a&show=1`, image));
    expect(answer.prepared).toEqual([...pixelsAt(7)]);
  });

  const full = new Array<unknown>(784).fill(0);
  const rows = Array.from({ length: EDGE }, () => new Array<unknown>(EDGE).fill(0));
  test.each([
    ["nothing", {}, 'field "pixels": expected array, found nothing'],
    ["null", null, "expected object, found null"],
    ["a list", full, "expected object"],
    ["text", { pixels: "white" }, 'field "pixels": expected array, found "white"'],
    ["too few", { pixels: full.slice(1) }, "expected 784 numbers"],
    ["too many", { pixels: [...full, 0] }, "expected 784 numbers"],
    ["a row too few", { pixels: rows.slice(1) }, "expected 28 rows"],
    ["a row too short", { pixels: [[0], ...rows.slice(1)] }, 'field "pixels[0]": expected 28 numbers'],
    ["a row among numbers", { pixels: [...full.slice(1), []] }, 'field "pixels[783]": expected'],
    ["256", { pixels: [256, ...full.slice(1)] }, 'field "pixels[0]": expected number to be <=255, found 256'],
    ["-1", { pixels: rows.with(27, full.slice(0, 27).concat(-1)) }, 'field "pixels[27][27]": expected'],
    ["a fraction", { pixels: [0.5, ...full.slice(1)] }, 'field "pixels[0]": expected int'],
    ["a number as text", { pixels: ["7", ...full.slice(1)] }, 'field "pixels[0]": expected number, found "7"'],
    ["null among numbers", { pixels: [null, ...full.slice(1)] }, 'field "pixels[0]": expected number, found null'],
    ["true", { pixels: [true, ...full.slice(1)] }, 'field "pixels[0]": expected number, found true'],
  ])("refused: %s", async (_, body, expected) => {
    const { url, log } = await start({ run: join(runs, "a") });
    const [status, code, message] = await errorOf(postJson(`${url}/api/predict`, body));
    expect({ status, code, message }).toEqual({
      status: 400,
      code: "bad_pixels",
      message: expect.stringContaining(expected),
    });
    expect(log).toEqual([]);
  });
});

test("each response belongs to its request: 260 concurrent ones, pixels and pictures of two runs, all different", async () => {
  const { url, log } = await start({ runs });
  const other = await loadClassifier(join(runs, "b"), { threads: 1 });
  const jobs = Array.from({ length: 130 }, (_, i) => i).flatMap((i) => [
    { i, run: "a", classifier },
    { i, run: "b", classifier: other },
  ]);
  const answers = await Promise.all(
    jobs.map(async ({ i, run }) => {
      const address = `${url}/api/predict?run=${run}`;
      // The server allows 256 concurrent predictions: refused ones are retried.
      for (;;) {
        const asked =
          i % 10 === 0
            ? await postBytes(address, await picture(i).png().toBuffer(), "image/png")
            : await postJson(address, { pixels: [...pixelsAt(i)] });
        if (asked.status !== 503) return jsonOf<PredictAnswer>(asked);
        expect(asked.headers.get("retry-after")).toBe("1");
        await asked.arrayBuffer();
      }
    }),
  );
  const probabilities = new Set<number>();
  for (const [n, { i, run, classifier: own }] of jobs.entries()) {
    const { label, probability, top } =
      i % 10 === 0 ? await own.predict(await picture(i).png().toBuffer()) : (await own.classify([pixelsAt(i)]))[0]!;
    const answer = answers[n]!;
    expect(answer.run).toBe(run);
    expect(answer.label).toBe(label);
    // In a batch of another size the engine adds in another order.
    expect(answer.probability).toBeCloseTo(probability, 5);
    expect(answer.top.map((one) => one.label)).toEqual(top.map((one) => one.label));
    probabilities.add(answer.probability);
  }
  await other.release();
  expect(probabilities.size).toBeGreaterThan(250);
  expect(log).toEqual([]);
});

describe("the run used for predictions", () => {
  test("is the one in the URL, the one the server was given, or the newest finished one", async () => {
    const pixels = [...pixelsAt(0)];
    const ask = async (server: { url: string }, query = "") =>
      (await jsonOf<PredictAnswer>(postJson(`${server.url}/api/predict${query}`, { pixels }))).run;
    const named = await start({ runs, run: join(runs, "a") });
    expect(await ask(named)).toBe("a");
    expect(await ask(named, "?run=b")).toBe("b");
    expect(await ask(await start({ runs }))).toBe("b");
  });

  test("a run outside of the folder keeps its name; one in the folder of the same name gets a suffix", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "b"), join(folder, "a"), { recursive: true });
    const { url } = await start({ runs, run: join(folder, "a") });
    const { runs: listed } = await jsonOf<{ runs: { id: string; seed: number }[] }>(fetch(`${url}/api/runs`));
    expect(Object.fromEntries(listed.map(({ id, seed }) => [id, seed]))).toEqual({ a: 2, "a-2": 1, b: 2 });
  });

  test("no run yet, and an unknown name", async () => {
    const { url } = await start();
    expect((await errorOf(postJson(`${url}/api/predict`, {}))).slice(0, 2)).toEqual([404, "no_run"]);
    expect((await errorOf(postJson(`${url}/api/predict?run=a`, {}))).slice(0, 2)).toEqual([404, "no_such_run"]);
  });

  test("more models than are kept open: all work, repeatedly", async () => {
    const folder = temporaryFolder();
    const names = ["1", "2", "3", "4", "5", "6"];
    for (const name of names) cpSync(join(runs, "a"), join(folder, name), { recursive: true });
    const { url, log } = await start({ runs: folder });
    const pixels = [...pixelsAt(1)];
    const answers = await Promise.all(
      [...names, ...names, ...names].map((name) =>
        jsonOf<PredictAnswer>(postJson(`${url}/api/predict?run=${name}`, { pixels })),
      ),
    );
    expect(answers.map(({ run }) => run)).toEqual([...names, ...names, ...names]);
    expect(new Set(answers.map(({ probability }) => probability.toFixed(5))).size).toBe(1);
    expect(log).toEqual([]);
  });

  test("a run deleted while it is served gives 404; after it is created again, the new model is used", async () => {
    const folder = temporaryFolder();
    cpSync(join(runs, "a"), join(folder, "one"), { recursive: true });
    const { url } = await start({ run: join(folder, "one") });
    const ask = () => postJson(`${url}/api/predict`, { pixels: [...pixelsAt(2)] });
    const first = await jsonOf<PredictAnswer>(ask());
    rmSync(join(folder, "one"), { recursive: true });
    expect((await errorOf(ask()))[0]).toBe(404);
    cpSync(join(runs, "b"), join(folder, "one"), { recursive: true });
    await expect.poll(async () => (await ask()).status).toBe(200);
    const second = await jsonOf<PredictAnswer>(ask());
    expect(second.probability).not.toBe(first.probability);
  });
});
