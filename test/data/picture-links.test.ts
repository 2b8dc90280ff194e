import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { imageFilesOf } from "../../src/cli/images.ts";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { hasIdxFiles } from "../../src/data/node/idx-folder.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { loadSplit } from "../../src/data/node/picture-folder.ts";
import { idxBytes, temporaryFolder } from "./fixtures.ts";
import { put, putClasses } from "./picture-fixtures.ts";

/** Classes a and b of three pictures each, and a separate folder with two more. */
async function twoClasses(): Promise<{ folder: string; elsewhere: string }> {
  const [folder, elsewhere] = [await temporaryFolder(), await temporaryFolder()];
  await putClasses(folder, { a: 3, b: 3 });
  await putClasses(elsewhere, { one: 1, two: 1, more: 4 });
  return { folder, elsewhere };
}

async function found(folder: string) {
  const { classes, pictures } = await inspectData(folder);
  const counts = classes.map(({ name, train, validation, test: tested }) => [name, train + validation + tested]);
  return { classes: Object.fromEntries(counts), others: pictures!.others };
}

describe("links are followed", () => {
  test("to pictures, to folders in a class, to class folders, to parts", async () => {
    const { folder, elsewhere } = await twoClasses();
    symlinkSync(join(elsewhere, "one/0.png"), join(folder, "a/linked.png"));
    symlinkSync(join(elsewhere, "two"), join(folder, "b/linked"));
    symlinkSync(join(elsewhere, "more"), join(folder, "c"));
    expect(await found(folder)).toEqual({ classes: { a: 4, b: 4, c: 4 }, others: [] });
    const loaded = await loadCustomData(folder);
    expect(loaded.split!.pictures.map(({ file }) => file)).toEqual(
      expect.arrayContaining(["a/linked.png", "b/linked/0.png", "c/0.png"]),
    );
    const again = await loadSplit(folder, loaded.split!, { name: "the run", report: () => {} });
    expect(again.train).toEqual(loaded.train);
    expect(imageFilesOf(folder)).toHaveLength(12);
    const parts = await temporaryFolder();
    symlinkSync(folder, join(parts, "train"));
    expect((await found(parts)).classes).toEqual({ a: 4, b: 4, c: 4 });
  });

  test("to one folder twice: it is searched once", async () => {
    const { folder, elsewhere } = await twoClasses();
    symlinkSync(join(elsewhere, "more"), join(folder, "a/first"));
    symlinkSync(join(elsewhere, "more"), join(folder, "a/second"));
    expect(await found(folder)).toEqual({ classes: { a: 7, b: 3 }, others: ["a/second/"] });
  });
});

describe("links that lead back to a parent folder are ignored", () => {
  test.each<[string, (folder: string, elsewhere: string) => void, string]>([
    ["to the folder they lie in", (folder) => symlinkSync(".", join(folder, "a/here")), "a/here/"],
    ["to the data folder", (folder) => symlinkSync("..", join(folder, "a/up")), "a/up/"],
    ["to the root of all folders", (folder) => symlinkSync("/", join(folder, "a/root")), "a/root/"],
    ["beside the classes", (folder) => symlinkSync(".", join(folder, "self")), "self/"],
    [
      "from a folder further down",
      (folder) => {
        mkdirSync(join(folder, "b/x/y"), { recursive: true });
        symlinkSync(join(folder, "b/x"), join(folder, "b/x/y/back"));
      },
      "b/x/y/back/",
    ],
    [
      "over a folder elsewhere",
      (folder, elsewhere) => {
        symlinkSync(join(elsewhere, "more"), join(folder, "a/there"));
        symlinkSync(folder, join(elsewhere, "more/back"));
      },
      "a/there/back/",
    ],
  ])("%s", async (_, link, leftOut) => {
    const { folder, elsewhere } = await twoClasses();
    link(folder, elsewhere);
    const { others, classes } = await found(folder);
    expect(others).toEqual([leftOut]);
    expect(classes).toMatchObject({ b: 3 });
    expect(imageFilesOf(folder).length).toBeLessThan(12);
  });

  test("many of them between many folders", async () => {
    const { folder } = await twoClasses();
    const names = Array.from({ length: 12 }, (_, i) => `d${i}`);
    for (const name of names) mkdirSync(join(folder, "a", name));
    for (const name of names) {
      for (const other of names) symlinkSync(join(folder, "a", other), join(folder, "a", name, `to-${other}`));
    }
    expect((await found(folder)).classes).toEqual({ a: 3, b: 3 });
  });
});

test("a broken or circular link is reported as ignored", async () => {
  const { folder } = await twoClasses();
  symlinkSync("nowhere.png", join(folder, "a/broken.png"));
  symlinkSync("nowhere", join(folder, "b/none"));
  symlinkSync("round.png", join(folder, "b/round.png"));
  symlinkSync("nowhere", join(folder, "lost"));
  expect(await found(folder)).toEqual({
    classes: { a: 3, b: 3 },
    others: ["lost", "a/broken.png", "b/none", "b/round.png"],
  });
  const lines: string[] = [];
  await loadCustomData(folder, {}, (line) => lines.push(line));
  expect(lines).toContain("4 other files are left out, such as lost, a/broken.png, b/none");
});

describe("only files are IDX files", () => {
  const images = idxBytes(
    [4, 3, 3],
    Array.from({ length: 36 }, (_, i) => i),
  );
  const labels = idxBytes([4], [0, 1, 0, 1]);

  test("folders, hidden files and broken links with such names are not", async () => {
    const { folder } = await twoClasses();
    mkdirSync(join(folder, "train-images-idx3-ubyte"));
    mkdirSync(join(folder, "train-labels-idx1-ubyte.gz"));
    put(folder, { "._train-images-idx3-ubyte": "" });
    symlinkSync("nowhere", join(folder, "t10k-images-idx3-ubyte"));
    expect(hasIdxFiles(folder)).toBe(false);
  });

  test("a compressed file next to a folder of its name is read", async () => {
    const folder = await temporaryFolder();
    put(folder, { "train-images-idx3-ubyte.gz": gzipSync(images), "train-labels-idx1-ubyte": labels });
    mkdirSync(join(folder, "train-images-idx3-ubyte"));
    expect((await loadCustomData(folder)).train.count).toBe(2);
  });

  test("links to files are", async () => {
    const [folder, elsewhere] = [await temporaryFolder(), await temporaryFolder()];
    put(elsewhere, { images, labels });
    symlinkSync(join(elsewhere, "images"), join(folder, "train-images-idx3-ubyte"));
    symlinkSync(join(elsewhere, "labels"), join(folder, "train-labels-idx1-ubyte"));
    expect((await loadCustomData(folder)).train.count).toBe(2);
  });
});
