import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { UserError } from "../../src/errors.ts";
import { allRows } from "../support/all-rows.ts";
import { temporaryFolder } from "./fixtures.ts";
import { put } from "./picture-fixtures.ts";

const PIXELS = Array.from({ length: 64 }, (_, i) => `pixel${i}`);
/** The cells of image n: 64 or 192 values. */
const values = (n: number, length = 64) => Array.from({ length }, (_, i) => String((31 * n + 7 * i) % 256));
const csv = (rows: readonly (readonly string[])[], delimiter = ",") =>
  rows.map((row) => row.join(delimiter)).join("\n");
const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => [String((from + i) % 2), ...values(from + i)]);
const TRAIN = csv([["label", ...PIXELS], ...rows(0, 6)]);

async function folderOf(files: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder();
  put(folder, files);
  return folder;
}

async function load(path: string, options = {}) {
  const lines: string[] = [];
  return { ...(await loadCustomData(path, options, (line) => lines.push(line))), lines };
}

async function refusal(path: string): Promise<string> {
  const error: unknown = await loadCustomData(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

describe("tables of pixels", () => {
  test("train.csv and test.csv are the parts", async () => {
    const test = csv([["label", ...PIXELS], ...rows(6, 8)]);
    const folder = await folderOf({ "fashion-mnist_train.csv": TRAIN, "fashion-mnist_test.csv": test });
    const { train, test: tested, files, source } = await load(folder);
    expect(train).toMatchObject({ channels: 1, height: 8, width: 8, count: 6, classNames: ["0", "1"] });
    expect([...allRows(train.images)]).toEqual([0, 1, 2, 3, 4, 5].flatMap((n) => values(n).map(Number)));
    expect([...allRows(tested.images)]).toEqual([6, 7].flatMap((n) => values(n).map(Number)));
    expect([...train.labels, ...tested.labels]).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
    expect(files.map(({ name }) => name)).toEqual(["fashion-mnist_train.csv", "fashion-mnist_test.csv"]);
    expect(source).toBe("folder");
    expect(await inspectData(folder)).toMatchObject({ kind: "pixels", drawn: ["validation"], images: { test: 2 } });
  });

  test("a train.csv alone is divided; a test.csv without labels is left out, with a line", async () => {
    const folder = await folderOf({
      "train.csv": TRAIN,
      "test.csv": csv([PIXELS, values(9)]),
      "sample_submission.csv": "ImageId,Label\n1,0\n",
      "classes.txt": "even\nodd\n",
    });
    const { train, test: tested, lines } = await load(folder);
    expect({ train: train.count, test: tested.count, names: train.classNames }).toEqual({
      train: 4,
      test: 2,
      names: ["even", "odd"],
    });
    expect(lines).toContain("test.csv is left out: it has no column of labels (label, class, category, target)");
    expect((await inspectData(folder)).notes).toEqual(lines.slice(1, 2));
  });

  test.each<[string, string, string]>([
    ["the label last", "names.csv", csv(rows(0, 6).map(([label, ...pixels]) => [...pixels, `class ${label}`]))],
    [
      "semicolons",
      "names.csv",
      csv(
        rows(0, 6).map(([label, ...pixels]) => [...pixels, `class ${label}`]),
        ";",
      ),
    ],
  ])("%s, and names of classes", async (_, name, body) => {
    const delimiter = body.includes(";") ? ";" : ",";
    const header = Array.from({ length: 64 }, (_, i) => `${Math.floor(i / 8) + 1}x${(i % 8) + 1}`);
    const folder = await folderOf({ [name]: `\uFEFF${[...header, "Class"].join(delimiter)}\r\n${body}` });
    const { train } = await load(join(folder, name));
    expect(train.classNames).toEqual(["class 0", "class 1"]);
  });

  test("three times a square are colours side by side, and a line says so", async () => {
    const header = Array.from({ length: 192 }, (_, i) => String(i));
    const body = rows(0, 6).map(([label], n) => [...values(n, 192), label!]);
    const folder = await folderOf({ "train.csv": csv([[...header, "label"], ...body]) });
    const { train, test: tested, lines } = await load(folder);
    expect(train).toMatchObject({ channels: 3, height: 8, width: 8 });
    const first = [...allRows(tested.images).subarray(0, 192)];
    const cells = body.find((row) => first[0] === Number(row[0]))!.map(Number);
    expect(first).toEqual([0, 1, 2].flatMap((c) => Array.from({ length: 64 }, (_, i) => cells[3 * i + c])));
    expect(lines).toContain("192 columns of pixels are read as 8x8 pixels of red, green, blue side by side");
  });

  test.each<[string, string, RegExp]>([
    [
      "a value above 255",
      TRAIN.replace(/\n1,.*/, (row) => row.replace(/,\d+$/, ",256")),
      /train\.csv, line 3: cell 65 is "256"; pixels are whole numbers from 0 to 255/,
    ],
    ["an empty cell", TRAIN.replace(/,\d+$/, ","), /line 7: cell 65 is ""; pixels/],
    ["a row that is cut short", TRAIN.slice(0, -30), /line 7: \d+ cells where the header has another number/],
    ["no label", TRAIN.replace(/\n0,/, "\n,"), /line 2: there is no label/],
    ["no rows", csv([["label", ...PIXELS]]), /train\.csv has no images/],
    [
      "no column of labels",
      csv([["x", ...PIXELS], ...rows(0, 2)]),
      /has no column of labels \(label, class, category, target\)/,
    ],
    [
      "no header",
      csv(rows(0, 2)),
      /begins with numbers; put a first line with the names of its columns there: label,pixel0/,
    ],
    [
      "another column",
      csv([["label", "Usage", ...PIXELS], ...rows(0, 2).map((row) => ["a", ...row])]),
      /has a column Usage, which is neither/,
    ],
    [
      "no square",
      csv([["label", ...PIXELS, "pixel64"], ...rows(0, 2).map((row) => [...row, "1"])]),
      /has 65 columns of pixels; needed are those of a square image/,
    ],
    [
      "one class",
      csv([["label", ...PIXELS], ...rows(0, 6).map((row) => ["7", ...row.slice(1)])]),
      /train\.csv has one class only, 7/,
    ],
  ])("refused: %s", async (_, content, message) => {
    expect(await refusal(await folderOf({ "train.csv": content }))).toMatch(message);
  });

  test("refused: a label to test that none to train has, two tables to train, images of two sizes", async () => {
    const other = csv([
      ["label", ...PIXELS],
      ["1", ...values(1)],
      ["5", ...values(2)],
    ]);
    expect(await refusal(await folderOf({ "train.csv": TRAIN, "test.csv": other }))).toMatch(
      /test\.csv: the label of line 3 is 5, which no image to train has; there are 0, 1/,
    );
    expect(await refusal(await folderOf({ "a.csv": TRAIN, "train.csv": TRAIN }))).toMatch(
      /several tables of pixels to train \(a\.csv, train\.csv\)/,
    );
    const large = csv([
      ["label", ...values(0, 81).map((_, i) => `p${i}`)],
      ["1", ...values(1, 81)],
    ]);
    expect(await refusal(await folderOf({ "train.csv": TRAIN, "test.csv": large }))).toMatch(
      /test\.csv holds images of 9x9, .*train\.csv of 8x8; they must have one size/,
    );
  });

  test("millions of columns are refused without being held", async () => {
    const folder = await temporaryFolder();
    const stream = createWriteStream(join(folder, "train.csv"));
    stream.write("label");
    for (let i = 0; i < 800; i++)
      stream.write(Array.from({ length: 1000 }, (_, k) => `,pixel${1000 * i + k}`).join(""));
    await new Promise((resolve) => stream.end("\n", () => resolve(undefined)));
    expect(await refusal(folder)).toMatch(
      /train\.csv, line 1: a row has more than 4,194,304 characters, which are the most/,
    );
  });
});
