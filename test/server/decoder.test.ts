import sharp from "sharp";
import { describe, expect, onTestFinished, test } from "vitest";
import { decodingCost } from "../../src/formats/node/image-file.ts";
import { preparePicture } from "../../src/prediction/node/prepare-picture.ts";
import { createDecoder, DECODING_BUDGET, type DecodingBudget } from "../../src/server/decoder.ts";
import { HttpError } from "../../src/server/errors.ts";
import { grayPng } from "../formats/png-fixtures.ts";
import { tiffBytes } from "../formats/tiff-fixtures.ts";
import { workers } from "./support/evaluators.ts";

const TARGET = { preparation: { kind: "fit", fit: "pad" }, imageShape: { channels: 3, height: 8, width: 8 } } as const;

/** No limit of time unless one is given: a busy machine may take seconds for any picture. */
const BUDGET: DecodingBudget = { ...DECODING_BUDGET, smallSeconds: 3600, largeSeconds: 3600 };

function start(budget: Partial<DecodingBudget> = {}) {
  const log: string[] = [];
  const decoder = createDecoder((line) => log.push(line), { ...BUDGET, ...budget });
  onTestFinished(() => decoder.close());
  const prepare = (body: Uint8Array, contentType = "image/png") =>
    decoder.prepare({ body, type: contentType.split(";")[0]!, contentType, target: TARGET });
  const problem = async (body: Uint8Array) => {
    const error: unknown = await prepare(body).catch((reason) => reason);
    if (!(error instanceof HttpError)) throw new Error("expected an HttpError", { cause: error });
    return [error.status, error.code, error.message] as const;
  };
  return { decoder, log, prepare, problem };
}

const plain = (width: number, height = width, background = "red") =>
  sharp({ create: { width, height, channels: 3, background } });
const SMALL = await plain(30).png().toBuffer();
const LARGE = await plain(500).png().toBuffer();
/** With it only `SMALL` is small. */
const SMALL_WORK = 5e4;

describe("pictures", () => {
  test("small and large ones are prepared as in this process", async () => {
    const { prepare } = start({ smallWork: SMALL_WORK });
    for (const bytes of [SMALL, LARGE]) expect(await prepare(bytes)).toEqual(await preparePicture(bytes, TARGET));
  });

  test("small ones do not wait for large ones", async () => {
    const { prepare } = start({ smallWork: SMALL_WORK });
    let finished = 0;
    const all = Array.from({ length: 10 }, () => prepare(LARGE).then(() => finished++));
    await prepare(SMALL);
    expect(finished).toBeLessThan(all.length);
    await Promise.all(all);
  });

  test("too many large ones are refused, small ones are not", async () => {
    const { prepare } = start({ smallWork: SMALL_WORK, large: 1 });
    // Which of the two comes first is not certain.
    const [one, other, small] = await Promise.allSettled([prepare(LARGE), prepare(LARGE), prepare(SMALL)]);
    const prepared = await preparePicture(LARGE, TARGET);
    expect([one, other]).toEqual(
      expect.arrayContaining([
        { status: "fulfilled", value: prepared },
        { status: "rejected", reason: expect.objectContaining({ status: 503, code: "overloaded" }) },
      ]),
    );
    expect(small).toMatchObject({ status: "fulfilled" });
    expect(await prepare(LARGE)).toEqual(prepared);
  });

  test("nor for large forms, in which the same limits hold", async () => {
    const { prepare } = start({ memory: 1e5 });
    const form = new FormData();
    for (let i = 0; i < 20_000; i++) form.append("note", "x");
    form.append("image", new Blob([new Uint8Array(LARGE)]), "picture.png");
    const response = new Response(form);
    const bytes = new Uint8Array(await response.arrayBuffer());
    let finished = 0;
    const all = Array.from({ length: 10 }, async () => {
      const refused = await prepare(bytes, response.headers.get("content-type")!).catch(({ message }) => message);
      finished++;
      return refused;
    });
    expect(await prepare(SMALL)).toHaveLength(192);
    expect(finished).toBeLessThan(all.length);
    for (const refused of await Promise.all(all)) {
      expect(refused).toMatch(/^The image of 500 x 500 pixels takes too much memory/);
    }
  });

  test("the reason of a refusal is that of the decoder", async () => {
    const { problem } = start();
    expect(await problem(SMALL.subarray(0, 60))).toEqual([
      400,
      "bad_image",
      expect.stringMatching(/^The image is damaged/),
    ]);
    expect(await problem(Buffer.from("text"))).toEqual([
      400,
      "bad_image",
      expect.stringMatching(/^The image is not an/),
    ]);
  });
});

describe("limits", () => {
  test("a small file of extremely many rows is refused by its header", async () => {
    const { problem } = start();
    expect(await problem(grayPng(1, 20_000_000))).toEqual([
      400,
      "bad_image",
      "The image of 1 x 20000000 pixels takes too long to decode; make it smaller.",
    ]);
  });

  test("so is one that takes too much memory, which depends on its format", async () => {
    const avif = await plain(200).avif({ effort: 0 }).toBuffer();
    const { problem, prepare } = start({ smallWork: SMALL_WORK, memory: 600_000 });
    expect((await problem(avif))[2]).toBe(
      "The image of 200 x 200 pixels takes too much memory to decode; make it smaller.",
    );
    expect(await prepare(LARGE)).toHaveLength(192);
  });

  test("what takes too long is ended, and those behind it are not affected", async () => {
    const { problem, prepare } = start({ smallWork: SMALL_WORK, largeSeconds: 0.001 });
    for (let i = 0; i < 2; i++) {
      const [status, code, message] = await problem(LARGE);
      expect([status, code]).toEqual([400, "bad_image"]);
      expect(message).toBe("The image takes more than 0.001 seconds to decode; make it smaller.");
      expect(await prepare(SMALL)).toHaveLength(192);
    }
  });

  test("a small picture that takes long is decoded as a large one", async () => {
    const { prepare } = start({ smallSeconds: 0.001 });
    expect(await Promise.all([prepare(SMALL), prepare(SMALL)])).toHaveLength(2);
  });

  test("a process that takes too much memory ends itself", async () => {
    const { problem, log } = start({ processMemory: 1 });
    const problems = await Promise.all([problem(LARGE), problem(LARGE)]);
    for (const [status, code, message] of problems) {
      expect([status, code]).toEqual([400, "bad_image"]);
      expect(message).toMatch(/^The image takes too much memory to decode, or its decoder fails/);
    }
    expect(log[0]).toBe("the process that decodes pictures took too much memory");
  });

  test.skipIf(process.platform !== "linux")("pictures whose process dies are decoded by another one", async () => {
    const { prepare, log } = start();
    await prepare(SMALL);
    const all = Array.from({ length: 6 }, () => prepare(LARGE));
    const [pid, ...others] = workers("decode-worker");
    expect(others).toEqual([]);
    process.kill(pid!, "SIGKILL");
    for (const pixels of await Promise.all(all)) expect(pixels).toHaveLength(192);
    expect(log).toEqual(["the process that decodes pictures was ended by SIGKILL"]);
  });

  test("after the end no picture waits for ever", async () => {
    const { decoder, prepare } = start();
    const all = Promise.allSettled(Array.from({ length: 6 }, () => prepare(LARGE)));
    await decoder.close();
    expect((await all).map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => "rejected"));
  });
});

test("costs by the header: pixels, rows and format", async () => {
  const cost = async (bytes: Uint8Array) => decodingCost(bytes, "picture");
  const wide = await cost(grayPng(1000, 10));
  const tall = await cost(grayPng(10, 1000));
  expect(wide).toEqual({ width: 1000, height: 10, work: 1000 * 10 + 10 * 64, memory: 20_000 });
  expect(tall.work).toBe(10_000 + 1000 * 64);
  const png = await cost(await plain(100).png().toBuffer());
  for (const other of [
    await plain(100).png({ progressive: true }).toBuffer(),
    await plain(100).jpeg({ progressive: true }).toBuffer(),
    await plain(100).webp().toBuffer(),
    await plain(100).gif().toBuffer(),
    await plain(100).avif({ effort: 0 }).toBuffer(),
    await plain(100).tiff().toBuffer(),
  ]) {
    const { work, memory } = await cost(other);
    expect([work > png.work, memory > png.memory]).toEqual([true, true]);
  }
  const deep = await cost(tiffBytes({ kind: "float32", width: 100, height: 100, channels: 1 }, (x) => x));
  expect(deep.memory).toBeGreaterThan((await cost(await plain(100).tiff().toBuffer())).memory);
  // A large photo is within the limits, with room for slower machines.
  expect(12e6 * (1 + 64 / 3000)).toBeLessThan(DECODING_BUDGET.smallWork);
});
