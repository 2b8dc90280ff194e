import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { loadSplit } from "../../src/data/node/picture-folder.ts";
import { pictureSplitSchema, splitToText } from "../../src/data/picture-split.ts";
import type { Rows } from "../../src/data/rows.ts";
import { trainingData } from "../../src/data/training-data.ts";
import { UserError } from "../../src/errors.ts";
import { allRows } from "../support/all-rows.ts";
import { idxBytes, temporaryFolder, writeFiles } from "./fixtures.ts";
import { drawn, put, putClasses } from "./picture-fixtures.ts";

const SILENT = { name: "the run", report: () => {} };

async function classes(counts: Record<string, number>, options = {}): Promise<string> {
  const folder = await temporaryFolder();
  await putClasses(folder, counts, options);
  return folder;
}

function refused(folder: string, options = {}): Promise<string> {
  return loadCustomData(folder, options).then(
    () => "it was taken",
    (error: unknown) => {
      if (error instanceof UserError) return error.message;
      throw error;
    },
  );
}

describe("one folder per class", () => {
  test("gives images with their classes in the order of the names, with a stratified, deterministic split", async () => {
    const folder = await classes({ cat: 40, "Ab c": 20, dog: 10 });
    const { train, test: tested, split, preparation, source, verified } = await loadCustomData(folder);
    expect(train.classNames).toEqual(["Ab c", "cat", "dog"]);
    expect(train).toMatchObject({ channels: 3, height: 28, width: 28, count: 63 });
    expect([...tested.labels].sort()).toEqual([0, 0, 1, 1, 1, 1, 2]);
    const parts = trainingData(train, { trainOn: "split", limit: null });
    expect([...parts.validation!.labels].sort()).toEqual([0, 0, 1, 1, 1, 1, 2]);
    expect(parts.train.count).toBe(56);
    expect(trainingData(train, { trainOn: "all", limit: null }).train.count).toBe(63);
    expect({ preparation, source, verified }).toEqual({
      preparation: { kind: "fit", fit: "crop" },
      source: "pictures",
      verified: false,
    });
    const partsOf = split!.pictures.map(({ file, part }) => `${file} ${part}`);
    expect(new Set(partsOf).size).toBe(70);
    const again = await loadCustomData(folder);
    expect(again.split).toEqual(split);
    expect(again.train).toEqual(train);
    expect(again.test).toEqual(tested);
  });

  test("images belong to their pictures, whatever order they are read in", async () => {
    const folder = await temporaryFolder();
    // The gray of the whole picture identifies class and picture.
    const value = (label: number, i: number) => 100 * label + 7 * i;
    for (const [label, name] of ["a", "b"].entries()) {
      for (let i = 0; i < 12; i++)
        put(folder, { [`${name}/${String(i).padStart(2, "0")}.png`]: await drawn(() => [value(label, i)]) });
    }
    const { train, test: tested, split } = await loadCustomData(folder, { size: 8 });
    expect(train).toMatchObject({ channels: 1, height: 8, width: 8 });
    const expected = (isTested: boolean) =>
      split!.pictures.flatMap(({ file, part }) =>
        (part === "test") === isTested ? [value(file.startsWith("b") ? 1 : 0, Number(file.slice(2, 4)))] : [],
      );
    for (const [set, isTested] of [
      [train, false],
      [tested, true],
    ] as const) {
      expect(Array.from({ length: set.count }, (_, i) => set.images.read(i, i + 1)[0])).toEqual(expected(isTested));
      expect([...set.labels]).toEqual(expected(isTested).map((gray) => (gray >= 100 ? 1 : 0)));
    }
    const { validation } = trainingData(train, { trainOn: "split", limit: null });
    const validated = split!.pictures.filter(({ part }) => part === "validation");
    expect(validation!.count).toBe(2);
    expect(Array.from({ length: 2 }, (_, i) => validation!.images.read(i, i + 1)[0])).toEqual(
      validated.map(({ file, label }) => value(label, Number(file.slice(2, 4)))),
    );
  });

  test("folders for train, val and test are used as they are", async () => {
    const folder = await temporaryFolder();
    await putClasses(join(folder, "train"), { a: 6, b: 6 });
    await putClasses(join(folder, "valid"), { a: 2, b: 3 });
    await putClasses(join(folder, "test"), { b: 4 });
    const { train, test: tested, split } = await loadCustomData(folder);
    expect(split!.drawn).toEqual([]);
    expect([...tested.labels]).toEqual([1, 1, 1, 1]);
    const { train: trained, validation } = trainingData(train, { trainOn: "split", limit: null });
    expect([...validation!.labels]).toEqual([0, 0, 1, 1, 1]);
    expect(trained.count).toBe(12);
  });

  test("with train alone, the missing parts are drawn from it", async () => {
    const folder = await temporaryFolder();
    await putClasses(join(folder, "train"), { a: 10, b: 10 });
    const { split, test: tested } = await loadCustomData(folder);
    expect(split!.drawn).toEqual(["validation", "test"]);
    expect(tested.count).toBe(2);
  });

  test("a class may be called train", async () => {
    const folder = await classes({ car: 5, train: 5 });
    expect((await loadCustomData(folder)).train.classNames).toEqual(["car", "train"]);
  });

  test("a hidden class folder is ignored, and inspection reports it; a circular link is not a class", async () => {
    const folder = await classes({ a: 3, b: 3, ".c": 3 });
    symlinkSync("round", join(folder, "round"));
    const { classes: found, pictures } = await inspectData(folder);
    expect(found.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(pictures!.others).toEqual([".c/", "round"]);
  });

  test("pictures may be in subfolders of a class; links to class folders count, hidden files and other files do not", async () => {
    const folder = await classes({ a: 4, "b/inside": 4, "../elsewhere": 4 });
    renameSync(join(folder, "../elsewhere"), join(folder, ".hidden"));
    symlinkSync(join(folder, ".hidden"), join(folder, "linked"));
    put(folder, { "a/notes.txt": "no picture", "a/.DS_Store": "no picture" });
    const { train } = await loadCustomData(folder);
    expect(train.classNames).toEqual(["a", "b", "linked"]);
    expect(train.count).toBe(9);
  });
});

describe("size and channels", () => {
  test("gray pictures, saved as colour or not, give one channel; one with colour gives three", async () => {
    const folder = await classes({ a: 5, b: 5 }, { isGray: true });
    expect((await loadCustomData(folder)).train.channels).toBe(1);
    // Lossy WebP leaves its channels a level apart.
    put(folder, {
      "a/gray.webp": await drawn((x, y) => [(x * y) % 256, (x * y) % 256, (x * y) % 256], { format: "webp" }),
    });
    expect((await loadCustomData(folder)).train.channels).toBe(1);
    expect((await loadCustomData(folder, { channels: 3 })).train.channels).toBe(3);
    put(folder, {
      "a/red.png": await drawn((x, y) => (x + y === 0 ? [14, 8, 8] : [7, 7, 7]), { width: 28, height: 28 }),
    });
    expect((await loadCustomData(folder)).train.channels).toBe(3);
    expect((await loadCustomData(folder, { channels: 1 })).train.channels).toBe(1);
  });

  test("parts may be in capitals or called training and testing; a folder without a training part is refused", async () => {
    const folder = await temporaryFolder();
    await putClasses(join(folder, "Training"), { a: 5, b: 5 });
    await putClasses(join(folder, "Testing"), { a: 2, b: 2 });
    const { train, test: tested } = await loadCustomData(folder);
    expect([train.classNames, tested.classNames]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(tested.count).toBe(4);
    renameSync(join(folder, "Training"), join(folder, "val"));
    await expect(loadCustomData(folder)).rejects.toThrow(/has Testing and val with folders in them, but no train/);
  });

  test("detected gray pictures give the same pixels as --channels 1", async () => {
    const folder = await classes({ a: 5, b: 5 }, { isGray: true, width: 40, height: 31 });
    const found = await loadCustomData(folder);
    expect(await loadCustomData(folder, { channels: 1 })).toEqual(found);
  });

  test("--fit determines how other aspect ratios are resized", async () => {
    const folder = await classes({ a: 4, b: 4 }, { width: 40, height: 20 });
    const [cropped, padded] = [await loadCustomData(folder), await loadCustomData(folder, { fit: "pad" })];
    expect(padded.preparation).toEqual({ kind: "fit", fit: "pad" });
    const topRow = (images: Rows) =>
      images
        .read(0, 1)
        .subarray(0, 28)
        .reduce((sum, value) => sum + value, 0);
    expect(topRow(padded.train.images)).toBe(0);
    expect(topRow(cropped.train.images)).toBeGreaterThan(0);
  });
});

describe("a folder is refused for", () => {
  test.each<[string, Record<string, number>, RegExp]>([
    ["one class", { a: 5 }, /has one class only, a: there is nothing to tell apart/],
    [
      "classes that differ by case",
      { Cat: 4, b: 4, cat: 4 },
      /the classes Cat and cat in .* differ by case, or by how accents are stored, only/,
    ],
    [
      "too few of a class",
      { a: 9, b: 2, c: 1 },
      /at least 3 pictures to train, one to validate, one to test; too few: b \(2\), c \(1\)$/,
    ],
    [
      "a class in test alone",
      { "train/a": 4, "train/b": 4, "test/c": 2 },
      /test has the class c, which .*train does not have/,
    ],
    [
      "folders beside train",
      { "train/a": 4, "train/b": 4, more: 2 },
      /has train and besides it more; allowed are val and test/,
    ],
    [
      "two folders for one part",
      { "train/a": 4, "train/b": 4, "val/a": 1, "valid/a": 1 },
      /more than one folder for validation/,
    ],
  ])("%s", async (_, counts, message) => {
    expect(await refused(await classes(counts))).toMatch(message);
  });

  test("an empty class, pictures without classes, nothing at all, an empty part", async () => {
    const folder = await classes({ a: 4, b: 4, c: 1, d: 1 });
    rmSync(join(folder, "c/0.png"));
    put(folder, { "d/0.png": "" });
    rmSync(join(folder, "d/0.png"));
    expect(await refused(folder)).toMatch(/has class folders without pictures: "c", "d"; add some, or remove them$/);
    const loose = await temporaryFolder();
    put(loose, { "a.png": await drawn(() => [1]), "b.png": await drawn(() => [2]) });
    expect(await refused(loose)).toMatch(/holds 2 pictures but no class folders/);
    expect(await refused(await temporaryFolder())).toMatch(/holds no pictures; a data folder holds one folder a class/);
    const parted = await classes({ "train/a": 4, "train/b": 4, "test/a": 1 });
    rmSync(join(parted, "test/a/0.png"));
    expect(await refused(parted)).toMatch(
      /test holds no pictures; add some, or remove the folder: the part is then drawn/,
    );
  });

  test("unreadable pictures: all are listed, none is skipped by default", async () => {
    const folder = await classes({ a: 5, b: 5 });
    const cut = (await drawn((x, y) => [x * y], { width: 60, height: 60, format: "jpeg" })).subarray(0, 400);
    put(folder, { "a/x-empty.png": "", "b/text.png": "this is text", "a/x-cut.jpg": cut });
    const message = await refused(folder);
    expect(message).toMatch(/^3 of 13 pictures cannot be read:\n/);
    expect(message).toMatch(/x-cut\.jpg is damaged or cut short/);
    expect(message).toMatch(/x-empty\.png is empty \(0 bytes\)/);
    expect(message).toMatch(/text\.png is not an image/);
    expect(message).toMatch(/or leave them out with `skipUnreadable`$/);
    const notes: string[] = [];
    const skipping = await loadCustomData(folder, { skipUnreadable: true }, (line) => notes.push(line));
    expect(skipping.train.count + skipping.test.count).toBe(10);
    expect(skipping.split!.skipped.map(({ file }) => file)).toEqual(["a/x-cut.jpg", "a/x-empty.png", "b/text.png"]);
    expect(notes.join("\n")).toContain("text.png is not an image");
    for (const name of ["a/x-cut.jpg", "a/x-empty.png", "b/text.png"]) rmSync(join(folder, name));
    const without = await loadCustomData(folder);
    expect(skipping.train).toEqual(without.train);
    expect(skipping.test).toEqual(without.test);
  });

  test("a picture with too many pixels is refused before it is decoded", async () => {
    const folder = await classes({ a: 4, b: 4 });
    // Width and height are in the first chunk, followed by its checksum.
    const png = Buffer.from(await drawn(() => [0]));
    png.writeUInt32BE(30_000, 16);
    png.writeUInt32BE(30_000, 20);
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    put(folder, { "a/bomb.png": png });
    expect(await refused(folder)).toMatch(/bomb\.png has 30000 x 30000 pixels; at most 134,217,728 are decoded/);
  });
});

describe("a run's pictures, loaded again,", () => {
  test("are the same from another folder with additional pictures", async () => {
    const folder = await classes({ a: 8, b: 8 });
    const first = await loadCustomData(folder, { size: 16 });
    const split = pictureSplitSchema.parse(JSON.parse(splitToText(first.split!)));
    expect(split).toEqual(first.split);
    const moved = join(await temporaryFolder(), "moved");
    renameSync(folder, moved);
    put(moved, { "a/new.png": await drawn(() => [1, 2, 3]), "c/new.png": await drawn(() => [1, 2, 3]) });
    const again = await loadSplit(moved, split, SILENT);
    expect(again.train).toEqual(first.train);
    expect(again.test).toEqual(first.test);
    expect(again.files).toEqual(first.files);
    const fresh = await loadCustomData(join(moved), { size: 16 }).catch((error: Error) => error.message);
    expect(fresh).toMatch(/too few: c \(1\)/);
  });

  test("are refused when some are missing or changed, naming each", async () => {
    const folder = await classes({ a: 8, b: 8 });
    const { split } = await loadCustomData(folder);
    rmSync(join(folder, "a/0.png"));
    put(folder, { "b/3.png": readFileSync(join(folder, "b/6.png")) });
    await expect(loadSplit(folder, split!, SILENT)).rejects.toThrow(
      /^2 of the 16 pictures of the run are not as they were in .*:\n {2}there is no file .*a\/0\.png\n {2}b\/3\.png has another content/,
    );
  });
});

describe("inspect", () => {
  test("reports classes, sizes, copies, unreadable pictures, and the resulting images", async () => {
    const folder = await classes({ a: 30, b: 10 }, { width: 40, height: 20 });
    put(folder, { "a/copy.png": readFileSync(join(folder, "a/0.png")), "a/bad.png": "bad", "note.txt": "x" });
    const found = await inspectData(folder, { size: 10 });
    expect(found).toMatchObject({
      kind: "pictures",
      classes: [
        { name: "a", train: 25, validation: 3, test: 3 },
        { name: "b", train: 8, validation: 1, test: 1 },
      ],
      images: { train: 33, validation: 4, test: 4 },
      drawn: ["validation", "test"],
      image: { channels: 3, height: 10, width: 10 },
      imbalance: { largest: { name: "a", images: 25 }, smallest: { name: "b", images: 8 }, isUneven: true },
      unreadable: [{ file: "a/bad.png" }],
      pictures: {
        width: { least: 40, most: 40 },
        height: { least: 20, most: 20 },
        aspect: { least: 2, most: 2 },
        copies: 1,
        others: [join("note.txt")],
      },
    });
    expect(found.imbalance.majority).toBeCloseTo(25 / 33, 12);
    const { train } = trainingData((await loadCustomData(folder, { size: 10, skipUnreadable: true })).train, {
      trainOn: "split",
      limit: null,
    });
    const mean = allRows(train.images).reduce(
      (sum, value, i) => (Math.floor(i / 100) % 3 === 0 ? sum + value : sum),
      0,
    );
    expect(found.normalization.mean[0]).toBeCloseTo(mean / (33 * 100 * 255), 10);
  });
});

describe("IDX files", () => {
  const pair = (part: string, shape: readonly [number, number, number], labels: readonly number[]) =>
    [
      [
        `${part}-images-idx3-ubyte`,
        idxBytes(
          shape,
          Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => (i * 31) % 251),
        ),
      ],
      [`${part}-labels-idx1-ubyte`, idxBytes([labels.length], labels)],
    ] as const;
  const folderOf = async (files: Iterable<readonly [string, Uint8Array]>, packed = false) => {
    const folder = await temporaryFolder();
    await writeFiles(folder, new Map(files), { packed });
    return folder;
  };

  test.each([true, false])("of other sizes and labels, named as EMNIST's, gzip: %s", async (packed) => {
    const train = pair("emnist-letters-train", [6, 10, 9], [1, 2, 26, 1, 2, 26]);
    const tested = pair("emnist-letters-test", [2, 10, 9], [26, 1]);
    const data = await loadCustomData(await folderOf([...train, ...tested], packed));
    expect(data.train).toMatchObject({ channels: 1, height: 10, width: 9, count: 6, classNames: ["1", "2", "26"] });
    expect([...data.train.labels]).toEqual([0, 1, 2, 0, 1, 2]);
    expect([...data.test.labels]).toEqual([2, 0]);
    expect([...data.test.images.read(0, 1).subarray(0, 3)]).toEqual([0, 31, 62]);
    expect(data).toMatchObject({ source: "folder", verified: false, preparation: { kind: "fit", fit: "crop" } });
    expect(data.files.map(({ name }) => name)).toEqual([...train, ...tested].map(([name]) => name));
  });

  test("with classes.txt, enlarged and converted to colour", async () => {
    const folder = await folderOf([...pair("train", [4, 10, 8], [0, 1, 0, 1]), ...pair("t10k", [1, 10, 8], [1])]);
    put(folder, { "classes.txt": "ant\nbee\n" });
    const { train } = await loadCustomData(folder, { size: 12, channels: 3 });
    expect(train).toMatchObject({ channels: 3, height: 12, width: 12, classNames: ["ant", "bee"] });
    const image = train.images.read(0, 1);
    expect(image.subarray(0, 144)).toEqual(image.subarray(144, 288));
  });

  test("classes.txt with names, or empty lines, for labels that do not occur: these are ignored", async () => {
    const folder = await folderOf(pair("train", [6, 4, 4], [3, 1, 3, 1, 3, 1]));
    for (const names of ["\nant\n\nbee\n", "unused\nant\nno image\nbee\n"]) {
      put(folder, { "classes.txt": names });
      const { train } = await loadCustomData(folder);
      expect(train.classNames).toEqual(["ant", "bee"]);
      expect(new Set(train.labels)).toEqual(new Set([0, 1]));
    }
  });

  test("classes.txt with a byte order mark, CRLF, and empty lines at the end", async () => {
    const folder = await folderOf(pair("train", [4, 4, 4], [0, 1, 0, 1]));
    put(folder, { "classes.txt": "\uFEFFant \r\nbéé 2\r\n\r\n" });
    expect((await loadCustomData(folder)).train.classNames).toEqual(["ant", "béé 2"]);
  });

  test.each<[string, (folder: string) => void, RegExp]>([
    ["a folder", (folder) => mkdirSync(join(folder, "classes.txt")), /classes\.txt cannot be read \(EISDIR\): mend it/],
    ["a link to nothing", (folder) => symlinkSync("nowhere", join(folder, "classes.txt")), /cannot be read \(ENOENT\)/],
    ["no text", (folder) => put(folder, { "classes.txt": Uint8Array.of(0x61, 0xff, 0x0a, 0x62) }), /not text in UTF-8/],
    ["empty", (folder) => put(folder, { "classes.txt": "" }), /the 1 classes of .*classes\.txt are 0 to 0/],
    ["gaps", (folder) => put(folder, { "classes.txt": "ant\n \nbee\n" }), /classes\.txt: line 2 is empty/],
    ["a name twice", (folder) => put(folder, { "classes.txt": "ant\nant" }), /lines 1 and 2 are both "ant"/],
  ])("refused: classes.txt is %s", async (_, spoil, message) => {
    const folder = await folderOf(pair("train", [4, 4, 4], [0, 1, 0, 1]));
    spoil(folder);
    expect(await refused(folder)).toMatch(message);
  });

  test("without test files a tenth of each class is drawn, the same images each time", async () => {
    const labels = Array.from({ length: 50 }, (_, i) => (i < 30 ? 3 : 5));
    const folder = await folderOf(pair("train", [50, 4, 4], labels));
    const data = await loadCustomData(folder);
    expect([...data.test.labels]).toEqual([0, 0, 0, 1, 1]);
    expect(data.train.count).toBe(45);
    expect(await loadCustomData(folder)).toEqual(data);
    const images = (set: typeof data.test) =>
      Array.from({ length: set.count }, (_, i) => set.images.read(i, i + 1).join());
    expect(images(data.train).filter((image) => images(data.test).includes(image))).toEqual([]);
  });

  test.each<[string, readonly (readonly [string, Uint8Array])[], string, RegExp]>([
    [
      "counts differ",
      pair("train", [4, 4, 4], [0, 1, 0]),
      "",
      /train-labels-idx1-ubyte: expected 4 labels, one for each image of .*found \[3\]/,
    ],
    ["one class", pair("train", [4, 4, 4], [7, 7, 7, 7]), "", /has one class only, 7/],
    [
      "labels beyond the names",
      pair("train", [4, 4, 4], [0, 1, 2, 1]),
      "a\nb",
      /label 2 is 2, but the 2 classes of .*classes\.txt are 0 to 1/,
    ],
    [
      "an empty name of a label that occurs",
      pair("train", [4, 4, 4], [0, 1, 0, 1]),
      "a\n\nc",
      /classes\.txt: line 2 is empty, but label 1 of .* is 1; put the name of its class there/,
    ],
    [
      "images too large",
      pair("train", [4, 4, 225], [0, 1, 0, 1]),
      "",
      /holds images of 4x225; networks take at most 224x224: make them smaller with `size`/,
    ],
    [
      "two sets",
      [...pair("a-train", [4, 4, 4], [0, 1, 0, 1]), ...pair("b-train", [4, 4, 4], [0, 1, 0, 1])],
      "",
      /IDX files of 2 data sets \(a-, b-\)/,
    ],
    ["no images to train", pair("test", [4, 4, 4], [0, 1, 0, 1]), "", /has no IDX files to train with/],
    [
      "sizes differ",
      [...pair("train", [4, 4, 4], [0, 1, 0, 1]), ...pair("t10k", [2, 5, 4], [0, 1])],
      "",
      /images of 5x4, .* of 4x4; they must have one size/,
    ],
    ["too few to test", pair("train", [4, 4, 4], [0, 1, 0, 0]), "", /needs at least 2 images, one to test; too few: 1/],
    [
      "images are labels",
      [pair("train", [4, 4, 4], [0, 1, 0, 1])[1], ["train-images-idx3-ubyte", idxBytes([4], [1, 2, 3, 4])]],
      "",
      /expected images, \[count, height, width\]; found \[4\]/,
    ],
  ])("refused: %s", async (_, files, names, message) => {
    const folder = await folderOf(files);
    if (names) put(folder, { "classes.txt": names });
    expect(await refused(folder)).toMatch(message);
  });
});
