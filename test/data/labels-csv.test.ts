import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadCustomData, loadPicturesOfRun } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { UserError } from "../../src/errors.ts";
import { temporaryFolder } from "./fixtures.ts";
import { drawn, put, putClasses } from "./picture-fixtures.ts";

/** Pictures that differ from each other, by their paths. */
async function folderOf(paths: readonly string[], files: Readonly<Record<string, string | Uint8Array>> = {}) {
  const folder = await temporaryFolder();
  for (const [i, path] of paths.entries()) put(folder, { [path]: await drawn((x) => [(20 * i + x) % 256]) });
  put(folder, files);
  return folder;
}

const numbered = (count: number, name: (i: number) => string) => Array.from({ length: count }, (_, i) => name(i));
const SIX = numbered(6, (i) => `${i}.png`);
const LABELS = "cat dog cat dog cat dog".split(" ");
const table = (rows: readonly (readonly string[])[], delimiter = ",", end = "\n") =>
  rows.map((row) => row.join(delimiter) + end).join("");
const sixRows = (name = (file: string) => file) => SIX.map((file, i) => [name(file), LABELS[i]!]);

async function load(path: string, options = {}) {
  const lines: string[] = [];
  const loaded = await loadCustomData(path, options, (line) => lines.push(line));
  const { classNames, pictures } = loaded.split!;
  const labelled = Object.fromEntries(pictures.map(({ file, label }) => [file, classNames[label]!]));
  const parts = Object.fromEntries(pictures.map(({ file, part }) => [file, part]));
  return { ...loaded, lines, labelled, parts };
}

const SIX_LABELLED = Object.fromEntries(SIX.map((file, i) => [file, LABELS[i]!]));

async function refusal(path: string, options = {}): Promise<string> {
  const error: unknown = await loadCustomData(path, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

describe("a table of labels beside pictures", () => {
  test.each<[string, string, string]>([
    ["labels.csv", "file,label", table(sixRows())],
    [
      "train.csv",
      "Image ID;Class",
      table(
        sixRows((file) => file.replace(".png", "")),
        ";",
      ),
    ],
    [
      "anything.tsv",
      "category\tx\tfilename",
      table(
        sixRows().map(([file, label]) => [label!, "9", `./${file}`]),
        "\t",
      ),
    ],
    ["labels.csv", "\uFEFFid,target", table(sixRows(), ",", "\r\n")],
    ["labels.csv", '"path", "label"', table(sixRows().map((row) => row.map((cell) => ` "${cell}"`)))],
  ])("%s with the header %j", async (name, header, rows) => {
    const folder = await folderOf(SIX, { [name]: `${header}${rows.includes("\r\n") ? "\r\n" : "\n"}${rows}` });
    const { train, test: tested, labelled, lines, source } = await load(folder);
    expect(labelled).toEqual(SIX_LABELLED);
    expect(train.classNames).toEqual(["cat", "dog"]);
    expect({ train: train.count, test: tested.count, source }).toEqual({ train: 4, test: 2, source: "pictures" });
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(new RegExp(`${name}: pictures in the column .*, labels in `));
  });

  test("images belong to the labels of their rows", async () => {
    const folder = await temporaryFolder();
    for (let i = 0; i < 12; i++) put(folder, { [`deep/er/${i}.png`]: await drawn(() => [10 * i]) });
    put(folder, {
      "labels.csv": `image,label\n${table(numbered(12, String).map((i) => [i, Number(i) % 2 ? "odd" : "even"]))}`,
    });
    const { train, test: tested } = await load(folder, { size: 8 });
    for (const set of [train, tested]) {
      const found = Array.from({ length: set.count }, (_, i) => (set.images.read(i, i + 1)[0]! / 10) % 2);
      expect(found).toEqual([...set.labels]);
    }
  });

  test("a column split and the parts of files say the parts", async () => {
    const names = ["train", "validation", "test"];
    const words = ["train", "VAL", "testing"];
    const rows = SIX.flatMap((file, i) => [[file, LABELS[i]!, words[i < 2 ? 0 : i < 4 ? 1 : 2]!]]);
    const columns = await load(await folderOf(SIX, { "meta.csv": `file,label,split\n${table(rows)}` }));
    expect(columns.parts).toEqual(Object.fromEntries(SIX.map((file, i) => [file, names[Math.floor(i / 2)]])));
    expect(columns.split!.drawn).toEqual([]);
    const part = (from: number) => `id,label\n${table(sixRows().slice(from, from + 2))}`;
    const tables = { "train.csv": part(0), "val_labels.csv": part(2), "test.csv": part(4) };
    expect((await load(await folderOf(SIX, tables))).parts).toEqual(columns.parts);
  });

  test("the same name in train and test is the picture of the table's part", async () => {
    const paths = [...SIX.map((file) => `train_images/${file}`), "test_images/0.png", "test_images/1.png"];
    const folder = await folderOf(paths, {
      "train.csv": `id,label\n${table(sixRows((file) => file.replace(".png", "")))}`,
      "test.csv": "id,label\n0,dog\n1,cat\n",
    });
    const { labelled, parts } = await load(folder);
    expect(labelled).toMatchObject({ "train_images/0.png": "cat", "test_images/0.png": "dog" });
    expect(Object.keys(parts).filter((file) => parts[file] === "test")).toEqual(paths.slice(6).sort());
  });

  test("a test.csv without labels, pictures without a row and other tables are left out, with lines", async () => {
    const folder = await folderOf([...SIX, "extra/7.png"], {
      "train.csv": `file,label\n${table(sixRows())}`,
      "test.csv": "file\nextra/7.png\n",
      "sample_submission.csv": "file,label\nextra/7.png,cat\n",
      "notes.csv": "a,b\n1,2\n",
    });
    const { lines, train, test: tested } = await load(folder);
    expect(train.count + tested.count).toBe(6);
    expect(lines.slice(2)).toEqual([
      "test.csv is left out: it has no column of labels (label, class, category, target)",
      "1 picture is left out, as no row of train.csv names it: extra/7.png",
      "3 other files are left out, such as notes.csv, sample_submission.csv, test.csv",
    ]);
    const { notes, classes } = await inspectData(folder);
    expect(notes).toEqual(lines.slice(1, 4));
    const sum = (part: "train" | "validation" | "test") => classes.reduce((all, one) => all + one[part], 0);
    expect(sum("train") + sum("validation")).toBe(train.count);
    expect(sum("test")).toBe(tested.count);
  });

  test("whole numbers are in the order of their values and named by classes.txt or labels.txt", async () => {
    const rows = SIX.map((file, i) => [file, String(i < 3 ? 10 : 2)]);
    const folder = await folderOf(SIX, { "labels.csv": `file,label\n${table(rows)}` });
    expect((await load(folder)).train.classNames).toEqual(["2", "10"]);
    put(folder, { "labels.txt": `${numbered(11, (i) => `class ${i}`).join("\n")}\n` });
    expect((await load(folder)).labelled).toMatchObject({ "0.png": "class 10", "5.png": "class 2" });
    put(folder, { "classes.txt": "a\nb\nc\n" });
    expect(await refusal(folder)).toMatch(
      /labels\.csv, line 2: the label is 10, but .*classes\.txt has 3 lines only there: the classes are 0 to 2, one a line/,
    );
  });

  test("a table may be named itself, and class folders beside a table about something else stay class folders", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, { red: 4, blue: 4 });
    put(folder, { "prices.csv": "id,category\n17,cheap\n" });
    const { train, lines } = await load(folder);
    expect(train.classNames).toEqual(["blue", "red"]);
    expect(lines.at(-1)).toBe("1 other file is left out: prices.csv");
    const rows = ["red", "blue"].flatMap((name) => [0, 1, 2, 3].map((i) => [`${name}/${i}`, i % 2 ? "odd" : "even"]));
    put(folder, { "parity.csv": `file,label\n${table(rows)}`, "prices.csv": "id,category\nred/1,cheap\n" });
    expect(await refusal(folder)).toMatch(/several tables of labels \(parity\.csv, prices\.csv\); name the one to use/);
    const named = await load(join(folder, "parity.csv"));
    expect(named.train.classNames).toEqual(["even", "odd"]);
    expect(named.folder).toBe(join(folder, "parity.csv"));
  });

  test("a run finds its pictures again, by the table's path or the folder's, when the table has changed", async () => {
    const folder = await folderOf(SIX, { "labels.csv": `file,label\n${table(sixRows())}` });
    const first = await load(folder);
    put(folder, { "labels.csv": "file,label\n0.png,fox\n1.png,cow\n" });
    for (const path of [folder, join(folder, "labels.csv")]) {
      const again = await loadPicturesOfRun(path, first.split!, { name: "the run", report: () => {} });
      expect(again).toMatchObject({ train: first.train, test: first.test, folder: path, files: first.files });
    }
  });
});

describe("a table of labels is refused with the file and the line", () => {
  test.each<[string, string, RegExp]>([
    [
      "two labels for a picture",
      "0.png,cat\n1.png,dog\n0,dog\n",
      /labels\.csv, line 4: 0\.png is dog here, but cat in .*labels\.csv, line 2; a picture has one class/,
    ],
    ["a picture twice", "0.png,cat\n0.png,cat\n", /line 3: names 0\.png again, after .*line 2; keep one of the two/],
    ["no label", "0.png,cat\n1.png,\n", /line 3: 1\.png has no label; fill the cell/],
    ["no picture", "0.png,cat\n,dog\n", /line 3: no picture is named/],
    [
      "a row that is too short",
      "0.png,cat\n1.png\n",
      /line 3: 1 cells where the header has another number|line 3: another number of cells/,
    ],
    [
      "a quote that is not closed",
      '0.png,cat\n"1.png,dog\n',
      /line 3: a quote is opened but not closed; is the file cut short\?/,
    ],
    ["a quote in a cell", '0.png,cat\n1"2.png,dog\n', /line 3: a quote in the middle of a cell/],
    ["text after a quote", '0.png,cat\n"1.png"x,dog\n', /line 3: text follows a closing quote/],
    ["one class", "0.png,cat\n1.png,cat\n", /labels\.csv has one class only, cat/],
    ["no rows", "", /labels\.csv names no picture that is in .*: it has no rows/],
    [
      "no known picture",
      "a.png,cat\nb.png,dog\n",
      /names no picture that is in .* \(.*line 2: there is no picture a\.png in/,
    ],
    [
      "a longer row than any",
      `0.png,cat\n1.png,${"x".repeat(70_000)}\n`,
      /line 3: a row has more than 65,536 characters/,
    ],
  ])("%s", async (_, rows, message) => {
    expect(await refusal(await folderOf(SIX, { "labels.csv": `file,label\n${rows}` }))).toMatch(message);
  });

  test("an unknown part, a class that is only tested, parts in two ways, no train", async () => {
    const split = (rows: string) => folderOf(SIX, { "labels.csv": `file,label,split\n${rows}` });
    expect(await refusal(await split("0.png,cat,holdout\n"))).toMatch(
      /line 2: the part is "holdout"; allowed are train, val, validation and test/,
    );
    expect(await refusal(await split("0.png,cat,train\n1.png,dog,train\n2.png,fox,test\n"))).toMatch(
      /line 4: no picture to train has the class fox of 2\.png/,
    );
    expect(await refusal(await split("0.png,cat,test\n1.png,dog,test\n"))).toMatch(/has no pictures to train/);
    const both = { "train.csv": "file,label,split\n0.png,cat,train\n", "test.csv": "file,label\n1.png,cat\n" };
    expect(await refusal(await folderOf(SIX, both))).toMatch(/train\.csv has a column split, and there are 2 tables/);
    expect(await refusal(await folderOf(SIX, { "test.csv": "file,label\n0.png,cat\n" }))).toMatch(
      /test\.csv has pictures to test, but there is no train\.csv/,
    );
  });

  test("pictures that are not there are listed with their lines, or skipped and recorded when allowed", async () => {
    const rows = `${table(sixRows())}gone.png,cat\n../0.png,dog\n/etc/1.png,dog\n`;
    const folder = await folderOf(SIX, { "labels.csv": `file,label\n${rows}`, "5.png": "no picture" });
    const message = await refusal(folder);
    expect(message).toMatch(/^4 of 9 pictures cannot be read:\n/);
    for (const part of ["line 8: there is no picture gone.png", "line 9: there is no picture ../0.png", "5.png"]) {
      expect(message).toContain(part);
    }
    put(folder, { "6.png": await drawn(() => [9]), "labels.csv": `file,label\n${rows}6.png,dog\n` });
    const { lines, split } = await load(folder, { skipUnreadable: true });
    expect(lines[0]).toMatch(/^4 of 10 pictures cannot be read/);
    expect(split!.skipped.map(({ file }) => file)).toEqual(["gone.png", "../0.png", "/etc/1.png", "5.png"]);
    expect((await inspectData(folder)).unreadable).toEqual(split!.skipped);
  });

  test("a name that several files may have, text that is not UTF-8, too many classes", async () => {
    const folder = await folderOf(["a/0.png", "b/0.png"], { "labels.csv": "file,label\n0.png,cat\n" });
    expect(await refusal(folder)).toMatch(/line 2: 0\.png may be a\/0\.png or b\/0\.png; give the path within/);
    const latin = await folderOf(SIX);
    writeFileSync(join(latin, "labels.csv"), Buffer.from("file,label\n0.png,caf\xe9\n", "latin1"));
    expect(await refusal(latin)).toMatch(/line 2: cell 2 is not text in UTF-8/);
    const many = await folderOf([]);
    const picture = await drawn(() => [1]);
    for (let i = 0; i < 257; i++) put(many, { [`${i}.png`]: picture });
    put(many, { "labels.csv": `file,label\n${table(numbered(257, String).map((i) => [i, `${i}.5`]))}` });
    expect(await refusal(many)).toMatch(
      /has 257 different labels; at most 256 classes are possible\. Labels are classes/,
    );
  });

  test("a file that is no table, and a folder of pictures without one, say what is expected", async () => {
    const folder = await folderOf(SIX, { "notes.csv": "a,b\n1,2\n", "notes.md": "" });
    expect(await refusal(join(folder, "notes.csv"))).toMatch(
      /notes\.csv is no data that can be read; a table of labels needs a first line with columns for the file and the label/,
    );
    expect(await refusal(folder)).toMatch(/holds 6 pictures but no class folders with pictures; a data folder holds/);
    for (const file of SIX) renameSync(join(folder, file), join(folder, `${file}.part`));
    expect(await refusal(folder)).toMatch(
      /holds no pictures; a data folder .*\. It holds 6 \.part, 1 table, 1 \.md\. a table of labels/,
    );
  });
});
