import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { leftOutLines } from "../../src/data/node/left-out.ts";
import { EXPERIMENT_MARKERS } from "../../src/experiments/experiment-files.ts";
import { temporaryFolder } from "./fixtures.ts";
import { drawn, put, putClasses } from "./picture-fixtures.ts";

const SYSTEM_FOLDERS = [
  "__MACOSX",
  ".ipynb_checkpoints",
  "__pycache__",
  "node_modules",
  "@eaDir",
  "lost+found",
  "$RECYCLE.BIN",
  "System Volume Information",
];
const PICTURE = await drawn((x, y) => [x, y, 7]);
const RUNNING = JSON.stringify({ status: "running" });

/** Classes, and train, val and test with classes. */
async function dataFolders(): Promise<readonly [string, string]> {
  const [plain, parted] = [await temporaryFolder(), await temporaryFolder()];
  await putClasses(plain, { cat: 4, dog: 4 });
  await putClasses(parted, {
    "train/cat": 4,
    "train/dog": 4,
    "val/cat": 1,
    "val/dog": 1,
    "test/cat": 1,
    "test/dog": 1,
  });
  return [plain, parted];
}

async function found(folder: string) {
  const { classes, pictures } = await inspectData(folder);
  return { classes: classes.map(({ name }) => name), others: pictures!.others };
}

describe("messages about ignored files and folders", () => {
  test.each<[string, string[], string[]]>([
    ["nothing", [], []],
    ["a file", ["cat/notes.txt"], ["1 other file is left out: cat/notes.txt"]],
    [
      "files",
      ["cat/notes.txt", "dog/a.md", "x.csv", "y.csv"],
      ["4 other files are left out, such as cat/notes.txt, dog/a.md, x.csv"],
    ],
    ["a folder", ["runs/"], ["1 folder is left out: runs/"]],
    ["folders", [".git/", "runs/"], ["2 folders are left out, such as .git/, runs/"]],
    [
      "a HEIC picture",
      ["cat/IMG_1.HEIC"],
      ["1 HEIC picture is left out: cat/IMG_1.HEIC; to read it, run: npm install libheif-js; or convert it to JPEG"],
    ],
    [
      "some of each",
      ["cat/1.heic", "notes.txt", "runs/", "dog/2.HEIF", "old.heic/"],
      [
        "1 other file is left out: notes.txt",
        "2 folders are left out, such as runs/, old.heic/",
        "2 HEIC pictures are left out, such as cat/1.heic, dog/2.HEIF; to read them, run: npm install libheif-js; or convert them to JPEG",
      ],
    ],
  ])("%s", (_, others, lines) => {
    expect(leftOutLines(others)).toEqual(lines);
  });

  test("training reports ignored files", async () => {
    for (const [i, folder] of (await dataFolders()).entries()) {
      const inside = i === 0 ? "" : "train/";
      put(folder, {
        "README.md": "",
        [`${inside}cat/notes.txt`]: "",
        ".git/x": "",
        [`${inside}.old/1.png`]: PICTURE,
      });
      const lines: string[] = [];
      await loadCustomData(folder, {}, (line) => lines.push(line));
      expect(lines.slice(1)).toEqual([
        `2 other files are left out, such as README.md, ${inside}cat/notes.txt`,
        `2 folders are left out, such as .git/, ${inside}.old/`,
      ]);
    }
  });
});

describe("folders that are not classes", () => {
  test.each(SYSTEM_FOLDERS)("%s, at any level", async (name) => {
    const [plain, parted] = await dataFolders();
    put(plain, { [`${name}/1.png`]: PICTURE, [`cat/${name}/1.png`]: PICTURE });
    put(parted, { [`${name}/1.png`]: PICTURE, [`val/${name}/1.png`]: PICTURE });
    expect(await found(plain)).toEqual({ classes: ["cat", "dog"], others: [`${name}/`, `cat/${name}/`] });
    expect(await found(parted)).toEqual({ classes: ["cat", "dog"], others: [`${name}/`, `val/${name}/`] });
  });

  test.each<[string, string]>([
    ["a run", "runs/run.json"],
    ["runs", "runs/try/run.json"],
    ["a sweep", "sweep/sweep.json"],
    ["an ablation", "ablation/ablation.json"],
    ["a study", "study/study.json"],
    ["runs of several seeds", "anything/seeds.json"],
    ["sweeps in a folder", "results/one/sweep.json"],
  ])("tailor's output: %s", async (_, marker) => {
    const top = marker.split("/")[0]!;
    for (const folder of await dataFolders()) {
      put(folder, { [marker]: RUNNING, [join(marker, "../plots/curves.png")]: PICTURE });
      expect(await found(folder)).toEqual({ classes: ["cat", "dog"], others: [`${top}/`] });
      const lines: string[] = [];
      await loadCustomData(folder, {}, (line) => lines.push(line));
      expect(lines.join("\n")).toContain(`1 folder is left out: ${top}/`);
      expect(lines.join("\n")).not.toMatch(/remove|move/);
    }
  });

  test.each(["runs", "sweep", "study", "ablation"])(
    "%s with pictures and nothing of tailor's is a class",
    async (name) => {
      const [folder] = await dataFolders();
      await putClasses(folder, { [name]: 4 });
      put(folder, { [`${name}/study.json`]: '{ "made": "by somebody else" }', [`${name}/run.json`]: "no JSON" });
      expect((await found(folder)).classes).toEqual(["cat", "dog", name].sort());
    },
  );

  test("a run inside a class is ignored, the class is not", async () => {
    const [folder] = await dataFolders();
    put(folder, { "cat/try/run.json": RUNNING, "cat/try/plots/curves.png": PICTURE });
    const { classes, others } = await found(folder);
    expect({ classes, others }).toEqual({ classes: ["cat", "dog"], others: ["cat/try/"] });
  });

  test("an empty class, or an unknown folder next to train, is refused", async () => {
    const [plain, parted] = await dataFolders();
    put(plain, { "runs/notes.txt": "" });
    await expect(loadCustomData(plain)).rejects.toThrow(/a class folder without pictures: "runs"/);
    put(parted, { "runs/1.png": PICTURE });
    await expect(loadCustomData(parted)).rejects.toThrow(/has train and besides it runs; allowed are val and test/);
  });

  test("every file that marks an experiment's folder is a marker", () => {
    const known = readFileSync("src/data/node/picture-files.ts", "utf8");
    for (const marker of Object.values(EXPERIMENT_MARKERS)) expect(known).toContain(`"${marker}"`);
  });
});

describe("names with accents, in either Unicode normalization form,", () => {
  const [composed, apart] = ["caf\u00e9", "cafe\u0301"];

  test("are one class across parts; paths stay unchanged", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, {
      [`train/${apart}`]: 4,
      "train/cafz": 4,
      [`val/${composed}`]: 2,
      [`test/${composed}`]: 2,
    });
    const { train, test: tested, split } = await loadCustomData(folder);
    expect(train.classNames).toEqual(["cafz", composed]);
    expect([...tested.labels]).toEqual([1, 1]);
    const files = split!.pictures
      .filter(({ label }) => label === 1)
      .map(({ file }) => file.split("/").slice(0, 2).join("/"));
    expect(new Set(files)).toEqual(new Set([`train/${apart}`, `val/${composed}`, `test/${composed}`]));
  });

  test("within one part are refused", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, { [apart]: 4, [composed]: 4 });
    await expect(loadCustomData(folder)).rejects.toThrow(/differ by case, or by how accents are stored, only/);
  });
});

test("inspection and training count the same pictures of the same classes, and leave out the same", async () => {
  const folder = await temporaryFolder();
  // The same name, stored with and without a combining accent.
  await putClasses(folder, { "train/caf\u00e9": 5, "train/b": 5, "test/cafe\u0301": 3, "test/b": 3, "__MACOSX/x": 2 });
  put(folder, {
    "runs/one/run.json": '{"status":"finished"}',
    "train/b/x.txt": "",
    "train/b/bad.png": "no picture",
    "train/loose.png": "",
  });
  const inspected = await inspectData(folder);
  const lines: string[] = [];
  const loaded = await loadCustomData(folder, { skipUnreadable: true }, (line) => lines.push(line));
  expect(inspected.classes).toEqual([
    { name: "b", train: 4, validation: 1, test: 3 },
    { name: "caf\u00e9", train: 4, validation: 1, test: 3 },
  ]);
  expect([loaded.train.count, loaded.test.count, loaded.split!.pictures.length]).toEqual([10, 6, 16]);
  expect(loaded.split!.skipped).toEqual(inspected.unreadable);
  expect(inspected.unreadable).toHaveLength(1);
  expect(lines).toEqual(expect.arrayContaining(leftOutLines(inspected.pictures!.others)));
  expect(inspected.pictures!.others).toEqual(["__MACOSX/", "runs/", "train/loose.png", "train/b/x.txt"]);
});
