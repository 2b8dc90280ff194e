/** `data duplicates` and `data labels`: counted, listed, drawn. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Rows } from "../../src/data/rows.ts";
import { idxBytes, writeFiles } from "../data/fixtures.ts";
import { put, putClasses } from "../data/picture-fixtures.ts";
import { fashionMnist } from "../support/fashion-mnist.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const FOLDER = sharedFolder();
const PNG = "\x89PNG";

/**
 * 30 training and 20 test images of which test image 3 is training image 5, test image 4 training image 6 made
 * brighter.
 */
async function folderWithDuplicates(): Promise<string> {
  const { train, test: tests } = await fashionMnist();
  const imageOf = (images: Rows, i: number) => images.read(i, i + 1);
  const testImages = tests.images.read(0, 20).slice();
  testImages.set(imageOf(train.images, 5), 3 * 784);
  testImages.set(
    imageOf(train.images, 6).map((pixel) => (pixel > 100 ? Math.min(255, pixel + 2) : pixel)),
    4 * 784,
  );
  const labels = tests.labels.slice(0, 20);
  labels[3] = (train.labels[5]! + 1) % 10;
  labels[4] = train.labels[6]!;
  const folder = join(FOLDER, "data");
  await writeFiles(
    folder,
    new Map([
      ["train-images-idx3-ubyte", idxBytes([30, 28, 28], train.images.read(0, 30))],
      ["train-labels-idx1-ubyte", idxBytes([30], train.labels.slice(0, 30))],
      ["t10k-images-idx3-ubyte", idxBytes([20, 28, 28], testImages)],
      ["t10k-labels-idx1-ubyte", idxBytes([20], labels)],
    ]),
  );
  return folder;
}

describe("data duplicates", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await folderWithDuplicates();
  });

  test("counts pairs by pairing, lists them with their classes and draws them", async () => {
    const out = join(FOLDER, "duplicates.png");
    const command = ["data", "duplicates", "--data", folder, "--out", out];
    const found = await tailorJson<{ counts: object[]; pairs: { labels: string[]; distance: number }[] }>(command);
    expect(found).toMatchObject({ distance: 0.05, images: { train: 30, test: 20 }, sheet: out });
    expect(found.counts).toEqual([
      { pairing: "train and test", exact: 1, near: 1, otherLabel: 1 },
      { pairing: "train", exact: 0, near: 0, otherLabel: 0 },
      { pairing: "test", exact: 0, near: 0, otherLabel: 0 },
    ]);
    expect(found.pairs).toMatchObject([
      { a: { set: "train", index: 5 }, b: { set: "test", index: 3 }, distance: 0 },
      { a: { set: "train", index: 6 }, b: { set: "test", index: 4 } },
    ]);
    expect(found.pairs[0]!.labels[0]).not.toBe(found.pairs[0]!.labels[1]);
    expect(readFileSync(out, "latin1").startsWith(PNG)).toBe(true);

    expect(refusalOf(await tailor(command), 2)).toMatch(/is there already; .*--force/);
    const { code, stdout } = await tailor([...command, "--force", "--list", "1"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/train and test +1 +1 +1\n/);
    expect(stdout).toMatch(/train 5 +test 3 +0\.0000/);
    expect(stdout).toContain("... and 1 more (--list)");
  });

  test("without any pairs draws no sheet", async () => {
    const options = ["--data", folder, "--distance", "0", "--list", "1"];
    const { stdout } = await tailor(["data", "duplicates", ...options]);
    expect(stdout).toMatch(/train and test +1 +0 +1\n/);
    const none = await smallDataFolder({ train: 24, test: 10 });
    const out = join(FOLDER, "none.png");
    const result = await tailor(["data", "duplicates", "--data", none, "--out", out, "--json"]);
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({ pairs: [], sheet: null });
    expect(result.stderr).toContain("nothing to draw: no contact sheet was written");
    expect(existsSync(out)).toBe(false);
  });
});

test("data duplicates names the files of pictures, in the list, as JSON and on the sheet", async () => {
  const folder = join(FOLDER, "photos");
  await putClasses(folder, { red: 14, blue: 14 });
  put(folder, { "red/copy.png": readFileSync(join(folder, "red/0.png")) });
  const command = ["data", "duplicates", "--data", folder, "--distance", "0"];
  const { pairs } = await tailorJson<{ pairs: { a: { file: string }; b: { file: string } }[] }>(command);
  const files = pairs.map(({ a, b }) => [a.file, b.file].toSorted());
  expect(files).toContainEqual(["red/0.png", "red/copy.png"]);
  const { stdout } = await tailor(command);
  expect(stdout).toMatch(/red\/(0|copy)\.png +red\/(0|copy)\.png +0\.0000/);
  expect(stdout).toMatch(/train: \d+ images that validate among them/);
});

describe("data labels", () => {
  test("lists the test images for which all runs predict another class", async () => {
    const data = await smallDataFolder({ train: 600, test: 120, isHalved: true });
    const out = join(FOLDER, "runs");
    const trained = await tailor([
      "train",
      "base",
      "--skip-report",
      "--seeds",
      "2",
      "--epochs",
      "2",
      "--batch-size",
      "50",
      "--data",
      data,
      "--threads",
      "1",
      "--out",
      out,
    ]);
    expect(trained.code, trained.stderr).toBe(0);
    const sheet = join(FOLDER, "labels.png");
    const ask = ["data", "labels", out, "--confidence", "0.3", "--data", data, "--threads", "1"];
    const found = await tailorJson<{ doubtful: { label: string; predicted: string; confidence: number }[] }>([
      ...ask,
      "--out",
      sheet,
    ]);
    expect(found).toMatchObject({ runs: [join(out, "s1"), join(out, "s2")], confidence: 0.3, images: 120, sheet });
    // After two epochs on 550 images about one in three is wrong.
    expect(found.doubtful.length).toBeGreaterThan(2);
    for (const { label, predicted, confidence } of found.doubtful) {
      expect(label).not.toBe(predicted);
      expect(confidence).toBeGreaterThanOrEqual(0.3);
    }
    expect(readFileSync(sheet, "latin1").startsWith(PNG)).toBe(true);
    const { stdout } = await tailor([...ask, "--list", "1"]);
    expect(stdout).toContain(`${found.doubtful.length} test images of 120: 2 runs, each at least 30 % sure`);
  });
});

test.each([
  [["twins"], /data cannot tell "twins"; ask for one of: inspect, verify, duplicates, labels/],
  [["verify"], /name the data to verify: data verify PATH/],
  [["verify", "photos", "--size", "32"], /--size is known from the runs; leave it out/],
  [["verify", "photos", "--data", "photos"], /name the data to verify: data verify PATH/],
  [["labels"], /name the runs to ask: data labels RUN/],
  [["duplicates", "runs/a"], /data duplicates takes no folder, got "runs\/a"; name the data with --data/],
  [["duplicates", "--confidence", "0.5"], /--confidence goes with: data labels/],
  [["labels", "runs/a", "--distance", "0.5"], /--distance goes with: data duplicates/],
  [["labels", "runs/a", "--size", "32"], /--size is known from the runs; leave it out/],
  [
    ["duplicates", "--out", "sheet.jpg"],
    /--out sheet\.jpg: a contact sheet is a PNG picture; let the name end in \.png/,
  ],
  [["--out", "sheet.png"], /--out goes with: data duplicates, data labels/],
  [["duplicates", "--distance", "1"], /--distance must be at least 0 and below 1, got "1"/],
  [["duplicates", "--list", "0"], /--list must be a whole number from 1 up/],
])("data %j is refused", async (words, message) => {
  expect(refusalOf(await tailor(["data", ...words]), 2)).toMatch(message);
});

test("a contact sheet does not overwrite a file by default", async () => {
  const file = join(FOLDER, "mine.png");
  writeFileSync(file, "mine");
  expect(refusalOf(await tailor(["data", "duplicates", "--out", file]), 2)).toContain("is there already");
  expect(readFileSync(file, "utf8")).toBe("mine");
});
