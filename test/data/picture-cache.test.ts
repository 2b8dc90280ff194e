import { readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defaultPictureCache, type PictureCache, readPicturesOnce } from "../../src/data/node/picture-cache.ts";
import type { ReadOptions } from "../../src/data/node/read-pictures.ts";
import { readPictures } from "../../src/data/node/read-pictures.ts";
import { temporaryFolder } from "./fixtures.ts";
import { drawn, put } from "./picture-fixtures.ts";

const FILES = ["a/0.png", "a/1.png", "b/0.png"];
const OPTIONS: ReadOptions = { height: 8, width: 8, channels: undefined, preparation: { kind: "fit", fit: "crop" } };

/** Three pictures of different colours, and a cache that keeps everything. */
async function setUp(changes: Partial<PictureCache> = {}) {
  const folder = await temporaryFolder();
  for (const [i, file] of FILES.entries()) put(folder, { [file]: await drawn((x, y) => [50 * i, 20 * x, 20 * y]) });
  const cache: PictureCache = {
    ...{ folder: join(await temporaryFolder(), "pictures"), minSeconds: 0, settledSeconds: 0 },
    ...{ maxSetBytes: 1e6, maxSets: 10, maxBytes: 1e6, ...changes },
  };
  const read = async (files: readonly string[] = FILES, options: ReadOptions = OPTIONS) => {
    const lines: string[] = [];
    let decoded = 0;
    const report = (line: string) => void lines.push(line);
    const result = await readPicturesOnce(folder, files, options, { report, cache, onRead: () => decoded++ });
    expect(result).toEqual(await readPictures(folder, files, options));
    return { decoded, lines };
  };
  return { folder, cache, read, kept: () => readdirSync(cache.folder).map((name) => join(cache.folder, name)) };
}

const DECODED = { decoded: 3, lines: [] };
const REUSED = { decoded: 0, lines: [] };

describe("decoded pictures are", () => {
  test("reused while nothing changes, each size, fit and number of channels for itself", async () => {
    const { read, kept } = await setUp();
    const all: ReadOptions[] = [
      OPTIONS,
      { ...OPTIONS, height: 9, width: 9 },
      { ...OPTIONS, channels: 1 },
      { ...OPTIONS, preparation: { kind: "fit", fit: "pad" } },
    ];
    for (const options of all) expect(await read(FILES, options)).toEqual(DECODED);
    for (const options of all) expect(await read(FILES, options)).toEqual(REUSED);
    expect(kept()).toHaveLength(all.length);
  });

  test("decoded again when a file has another content, even of the same size and time", async () => {
    const { folder, read } = await setUp();
    await read();
    const path = join(folder, FILES[1]!);
    const { atime, mtime, size } = statSync(path);
    const other = await drawn((x, y) => [50, 20 * y, 20 * x]);
    writeFileSync(path, Buffer.concat([other, Buffer.alloc(Math.max(0, size - other.length))]));
    utimesSync(path, atime, mtime);
    expect(await read()).toEqual(DECODED);
    expect(await read()).toEqual(REUSED);
  });

  test("decoded again when a class is renamed or a file is added", async () => {
    const { folder, read } = await setUp();
    await read();
    renameSync(join(folder, "a"), join(folder, "c"));
    const renamed = ["b/0.png", "c/0.png", "c/1.png"];
    expect(await read(renamed)).toEqual(DECODED);
    expect(await read(renamed)).toEqual(REUSED);
    put(folder, { "c/2.png": await drawn(() => [1, 2, 3]) });
    expect(await read([...renamed, "c/2.png"])).toEqual({ decoded: 4, lines: [] });
  });

  test("decoded again and kept again when the file in the cache is damaged anywhere", async () => {
    const { read, kept } = await setUp();
    await read();
    const [path] = kept();
    const good = readFileSync(path!);
    const flipped = [0, 70, good.indexOf('"sha256"') + 12, good.length - 1].map((at) => {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 1;
      return bytes;
    });
    for (const bytes of [...flipped, good.subarray(0, -1), good.subarray(0, 20), Buffer.alloc(0)]) {
      writeFileSync(path!, bytes);
      expect(await read()).toEqual({
        decoded: 3,
        lines: [`${path} is damaged: the pictures are decoded again`],
      });
      expect(await read()).toEqual(REUSED);
    }
  });

  test("decoded again when the cache has the pictures of other files under their name", async () => {
    const { read, kept } = await setUp();
    await read(FILES.slice(0, 2));
    const [other] = kept();
    await read();
    const path = kept().find((one) => one !== other)!;
    writeFileSync(path, readFileSync(other!));
    expect(await read()).toMatchObject({ decoded: 3, lines: [expect.stringContaining("is damaged")] });
  });

  test("used without a cache where it cannot be written, and the reason is reported", async () => {
    const file = join(await temporaryFolder(), "file");
    writeFileSync(file, "");
    const { read } = await setUp({ folder: join(file, "pictures") });
    for (let time = 0; time < 2; time++) {
      expect(await read()).toEqual({
        decoded: 3,
        lines: [expect.stringMatching(/^the decoded pictures could not be kept for the next command \(.*TAILOR_CACHE/)],
      });
    }
  });

  test("kept once when several read them at the same time, and nothing else is left behind", async () => {
    const { read, kept } = await setUp();
    for (const { lines } of await Promise.all(Array.from({ length: 6 }, () => read()))) expect(lines).toEqual([]);
    expect(kept()).toEqual([expect.stringMatching(/\.pictures$/)]);
    expect(await read()).toEqual(REUSED);
  });
});

describe("not kept are", () => {
  test.each<[string, Partial<PictureCache>]>([
    ["sets that are decoded quickly", { minSeconds: 1e6 }],
    ["large sets", { maxSetBytes: 3 * 3 * 64 - 1 }],
    ["files that were just changed", { settledSeconds: 1e6 }],
  ])("%s", async (_, changes) => {
    const { read } = await setUp(changes);
    expect(await read()).toEqual(DECODED);
    expect(await read()).toEqual(DECODED);
  });

  test("sets with pictures that cannot be read or are missing", async () => {
    const { folder, read } = await setUp();
    put(folder, { "b/1.png": "no picture" });
    for (const file of ["b/1.png", "b/2.png"]) {
      for (let time = 0; time < 2; time++) expect((await read([...FILES, file])).decoded).toBe(4);
    }
  });

  test.each<[string, Partial<PictureCache>]>([
    ["number", { maxSets: 2 }],
    ["size", { maxBytes: 2800 }],
  ])("the least recently used sets above the limit of %s", async (_, changes) => {
    const { read, kept } = await setUp(changes);
    const sizes = [8, 9, 10].map((edge) => ({ ...OPTIONS, height: edge, width: edge }));
    await read(FILES, sizes[0]!);
    await read(FILES, sizes[1]!);
    for (const path of kept()) utimesSync(path, 1000, 1000);
    expect(await read(FILES, sizes[0]!)).toEqual(REUSED);
    await read(FILES, sizes[2]!);
    expect(kept()).toHaveLength(2);
    expect(await read(FILES, sizes[0]!)).toEqual(REUSED);
    expect(await read(FILES, sizes[2]!)).toEqual(REUSED);
    expect(await read(FILES, sizes[1]!)).toEqual(DECODED);
  });
});

test("the cache is in tailor's cache folder, and can be switched off", () => {
  expect(defaultPictureCache({ TAILOR_CACHE: "/somewhere" })?.folder).toBe("/somewhere/pictures");
  expect(defaultPictureCache({ TAILOR_PICTURE_CACHE: "off" })).toBeUndefined();
  expect(() => defaultPictureCache({ TAILOR_PICTURE_CACHE: "no" })).toThrow(
    'TAILOR_PICTURE_CACHE is "no"; the only value is off',
  );
});
