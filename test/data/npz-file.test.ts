import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { trainingData } from "../../src/data/training-data.ts";
import { UserError } from "../../src/errors.ts";
import { allRows } from "../support/all-rows.ts";
import { temporaryFolder } from "./fixtures.ts";
import { putClasses } from "./picture-fixtures.ts";

/** Written by `arrays.py`. */
const FOLDER = new URL("./arrays/", import.meta.url).pathname;
const file = (name: string) => join(FOLDER, `${name}.npz`);

/** The pixels that `arrays.py` writes, [count, channels, 8, 8]. */
function pixels(first: number, count: number, channels = 1): number[] {
  const values: number[] = [];
  for (let n = first; n < first + count; n++) {
    for (let c = 0; c < channels; c++) {
      for (let h = 0; h < 8; h++) {
        for (let w = 0; w < 8; w++) values.push((41 * n + 60 * c + 5 * h + 3 * w) % 256);
      }
    }
  }
  return values;
}

async function refusal(path: string, options = {}): Promise<string> {
  const error: unknown = await loadCustomData(path, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

/** Six images to train and two to test, with the pixels of `arrays.py`. */
async function expectImages(folder: string, name: string, channels = 1, change = (value: number) => value) {
  const { train, test: tested, source, files } = await loadCustomData(join(folder, `${name}.npz`));
  expect(train).toMatchObject({ channels, height: 8, width: 8, count: 6 });
  expect([...allRows(train.images)]).toEqual(pixels(0, 6, channels).map(change));
  expect([...allRows(tested.images)]).toEqual(pixels(6, 2, channels).map(change));
  expect([...train.labels, ...tested.labels]).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  expect({ source, files: files.map((one) => one.name) }).toEqual({ source: "folder", files: [`${name}.npz`] });
  return train.classNames;
}

const READ: readonly (readonly [string, number?])[] = [
  ["keras"],
  ["one-channel"],
  ["channels-first", 3],
  ["fortran"],
  ["fortran-colour", 3],
  ["fortran-floats"],
  ["float16"],
  ["float32"],
  ["float64-big-endian"],
  ["float32-to-255"],
  ["int32-big-endian"],
  ["int64"],
  ["uint16-to-255"],
  ["uint16"],
  ["names"],
  ["bytes"],
  ["float-labels"],
  ["extra"],
];

describe("files of NumPy arrays", () => {
  test.each(READ.map(([name, channels = 1]) => [name, channels] as const))("%s", async (name, channels) => {
    const names = await expectImages(FOLDER, name, channels);
    const own: Record<string, string[]> = { names: ["ant", "béé"], bytes: ["ant", "bee"] };
    expect(names).toEqual(own[name] ?? ["0", "1"]);
  });

  test("true is white", () => expectImages(FOLDER, "bool", 1, (value) => 255 * (value % 2)));

  test("those that NumPy writes today", async (context) => {
    const folder = await temporaryFolder();
    const { status, stderr } = spawnSync("python3", [new URL("./arrays.py", import.meta.url).pathname, folder]);
    if (status !== 0) {
      expect(process.env.REQUIRE_PEERS, `python3 with NumPy is required: ${stderr}`).not.toBe("1");
      context.skip("needs the Debian packages python3 and python3-numpy");
    }
    for (const [name, channels] of READ) await expectImages(folder, name, channels);
  });

  test("MedMNIST's have parts of their own, whose numbers inspection and training agree on", async () => {
    const lines: string[] = [];
    const { train, test: tested } = await loadCustomData(file("medmnist"), {}, (line) => lines.push(line));
    const parts = trainingData(train, { trainOn: "split", limit: null });
    expect([...allRows(parts.train.images)]).toEqual(pixels(0, 6, 3));
    expect([...allRows(parts.validation!.images)]).toEqual(pixels(6, 2, 3));
    expect([...allRows(tested.images)]).toEqual(pixels(8, 2, 3));
    expect(lines[0]).toMatch(/^NumPy arrays: 8 \+ 2 images, .*; 2 of those to train validate$/);
    expect(await inspectData(file("medmnist"))).toMatchObject({
      kind: "npz",
      images: { train: 6, validation: 2, test: 2 },
      drawn: [],
    });
  });

  test("test images are drawn where there are none, and classes.txt names the labels", async () => {
    const folder = await temporaryFolder();
    copyFileSync(file("train-only"), join(folder, "shapes.npz"));
    writeFileSync(join(folder, "classes.txt"), "disc\nbar\n");
    const { train, test: tested, files } = await loadCustomData(folder);
    expect({ train: train.count, test: tested.count, names: train.classNames }).toEqual({
      train: 4,
      test: 2,
      names: ["disc", "bar"],
    });
    expect(await loadCustomData(folder)).toMatchObject({ train, test: tested, files });
    expect((await inspectData(folder)).drawn).toEqual(["validation", "test"]);
  });

  test("images are resized and made colour or gray", async () => {
    const { train } = await loadCustomData(file("medmnist"), { size: 12, channels: 1 });
    expect(train).toMatchObject({ channels: 1, height: 12, width: 12, count: 8 });
    expect(train.images).toMatchObject({ count: 8, size: 144 });
    expect((await loadCustomData(file("keras"), { channels: 3 })).train.channels).toBe(3);
  });

  test("other arrays in the file, and other files of arrays beside class folders, are not used", async () => {
    const lines: string[] = [];
    await loadCustomData(file("extra"), {}, (line) => lines.push(line));
    expect(lines).toContain(`${file("extra")}: not used: mean`);
    const folder = await temporaryFolder();
    await putClasses(folder, { red: 4, blue: 4 });
    copyFileSync(file("unnamed"), join(folder, "features.npz"));
    expect((await loadCustomData(folder)).source).toBe("pictures");
    copyFileSync(file("keras"), join(folder, "a.npz"));
    copyFileSync(file("keras"), join(folder, "b.npz"));
    expect(await refusal(folder)).toMatch(
      /has several files of arrays \(a\.npz, b\.npz\); name the one to use with `data`/,
    );
  });
});

describe("refused with the file and the array:", () => {
  test.each<[string, RegExp]>([
    [
      "objects",
      /objects\.npz \(x_train\) holds Python objects: they are pickled, and reading them could run any program/,
    ],
    ["records", /\(x_train\) has elements of the type records; allowed are integers, floats/],
    ["complex", /\(x_train\) has elements of the type <c8; allowed/],
    ["flat", /\(x_train\) has the shape \[6, 64\]; images are \[n, height, width\]/],
    ["four-channels", /\(x_train\) has the shape \[6, 8, 8, 4\]; images are .* 1 or 3 channels/],
    ["ambiguous", /\(x_train\) has the shape \[6, 3, 8, 3\], where the channels may be the second or the last/],
    [
      "one-hot",
      /\(y_train\): expected 6 labels, \[6\] or \[6, 1\], .*found \[6, 2\]\. If these are indicators of classes, save \.argmax/,
    ],
    ["signed", /\(x_train\): image 0 has the value -1, and all are from -1 to 254; allowed are 0 to 255\. Save/],
    [
      "standardized",
      /\(x_train\): image \d has the value -2, and all are from -2 to 3.*; allowed are 0 to 1, or whole numbers/,
    ],
    ["to-255-with-fractions", /\(x_train\): image 0 has the value \d+\.\d+, .*allowed are 0 to 1, or whole/],
    ["nan", /\(x_train\): image \d has a value that is not a number/],
    ["other-type", /\(x_train\) is uint8, but .*\(x_test\) float64; save them as one type, best uint8/],
    ["unknown-label", /\(y_test\): label 1 is 7, which no image to train has; there are 0, 1/],
    ["negative-label", /\(y_train\): label 3 is -1; labels are whole numbers from 0/],
    ["few-labels", /\(y_train\): expected 6 labels.*found \[5\]/],
    ["empty", /\(x_test\) has the shape \[0, 8, 8\]: it has no images/],
    ["no-labels", /has images to test \(x_test\.npy\) but no labels; needed are x_train and y_train/],
    ["unnamed", /unnamed\.npz has the arrays arr_0, arr_1; needed are x_train and y_train/],
    [
      "cut-short",
      /\(x_train\): its header says uint8 elements of the shape \[6, 8, 8\], 384 bytes, but there are 375 \(cut short\?\)/,
    ],
    [
      "larger-shape",
      /its header says uint8 elements of the shape \[9, 8, 8\], 576 bytes, but there are 384 \(cut short\?\)/,
    ],
    ["huge-shape", /the shape \[6, 8, 999999999\], 47,999,999,952 bytes, but there are 384 \(cut short\?\)/],
    ["other-magic", /\(x_train\) is not a NumPy array \(its first bytes are others\)/],
    ["cut-header", /\(x_train\) is not a NumPy array \(it is cut short\)/],
    ["version-9", /\(x_train\) is not a NumPy array \(version 9 of the format is unknown\)/],
  ])("%s", async (name, message) => {
    expect(await refusal(file(name))).toMatch(message);
  });

  test("a file that is cut short, has a changed byte, or is no zip file", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "x.npz");
    copyFileSync(file("medmnist"), path);
    truncateSync(path, 2000);
    expect(await refusal(path)).toMatch(/x\.npz is damaged or cut short, or not a zip file that can be read/);
    expect(await refusal(folder)).toMatch(/x\.npz is damaged or cut short/);
    const bytes = readFileSync(file("medmnist"));
    bytes[1000]! ^= 1;
    writeFileSync(path, bytes);
    expect(await refusal(path)).toMatch(
      /x\.npz: train_images\.npy is damaged: its checksum is not the one in the zip file/,
    );
    writeFileSync(path, "no zip");
    expect(await refusal(path)).toMatch(/x\.npz is damaged or cut short, or not a zip file/);
  });
});
