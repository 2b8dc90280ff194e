import { describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { UserError } from "../../src/errors.ts";
import { temporaryFolder } from "./fixtures.ts";
import { drawn, put } from "./picture-fixtures.ts";

const PATTERN = "^(.+?)_\\d+";
const PETS = [
  "Birman_1.png",
  "Birman_2.png",
  "Birman_30.png",
  "great_dane_1.png",
  "great_dane_2.png",
  "great_dane_9.png",
];

async function folderOf(files: readonly string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const [i, file] of files.entries()) put(folder, { [file]: await drawn((x) => [10 * i + x]) });
  return folder;
}

async function refusal(folder: string, labelFrom = PATTERN): Promise<UserError> {
  const error: unknown = await loadCustomData(folder, { labelFrom }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

describe("classes in file names", () => {
  test("are what the group matches, in all subfolders", async () => {
    const folder = await folderOf([...PETS.slice(0, 3), ...PETS.slice(3).map((file) => `more/${file}`)]);
    put(folder, { "notes.txt": "" });
    const lines: string[] = [];
    const { train, split } = await loadCustomData(folder, { labelFrom: PATTERN }, (line) => lines.push(line));
    expect(train.classNames).toEqual(["Birman", "great_dane"]);
    expect(split!.pictures.map(({ file, label }) => `${file} ${label}`)).toEqual([
      ...PETS.slice(0, 3).map((file) => `${file} 0`),
      ...PETS.slice(3).map((file) => `more/${file} 1`),
    ]);
    expect(lines.at(-1)).toBe("1 other file is left out: notes.txt");
    expect((await inspectData(folder, { labelFrom: PATTERN })).images).toEqual({ train: 2, validation: 2, test: 2 });
  });

  test("folders train and test give the parts", async () => {
    const folder = await folderOf([...PETS.map((file) => `train/${file}`), "test/Birman_5.png"]);
    const { split, test: tested } = await loadCustomData(folder, { labelFrom: PATTERN });
    expect(split!.drawn).toEqual(["validation"]);
    expect([...tested.labels]).toEqual([0]);
    put(folder, { "Birman_7.png": await drawn(() => [3]) });
    expect((await refusal(folder)).message).toMatch(
      /has train and besides it Birman_7\.png; put it into train, val or test/,
    );
  });

  test.each<[string, readonly string[], string, RegExp]>([
    [
      "a name that does not match",
      [...PETS, "cat.png"],
      PATTERN,
      /the names of 1 of 7 pictures in .* give no class by `labelFrom` \^\(\.\+\?\)_\\d\+, such as cat\.png/,
    ],
    ["an empty class", PETS, "^(x*)", /the names of 6 of 6 pictures/],
    ["one class", PETS.slice(0, 3), PATTERN, /has one class only, Birman/],
    [
      "a class that is only tested",
      ["train/a_1.png", "train/b_1.png", "test/c_1.png"],
      PATTERN,
      /no picture to train has the class c of test\/c_1\.png/,
    ],
    ["no pictures", [], PATTERN, /holds no pictures, which `labelFrom` is for/],
    ["no expression", PETS, "(", /`labelFrom` \( is not a regular expression/],
    ["no group", PETS, "^.+_", /has 0 groups in parentheses; needed is one, around the class/],
    ["two groups", PETS, "(.)(.)", /has 2 groups/],
  ])("refused: %s", async (_, files, labelFrom, message) => {
    expect((await refusal(await folderOf(files), labelFrom)).message).toMatch(message);
  });

  test("loose pictures without the option are refused, with the option to use", async () => {
    const folder = await folderOf(PETS);
    await expect(loadCustomData(folder)).rejects.toThrow(
      /holds 6 pictures but no class folders .*Where file names hold the class, use `labelFrom`/,
    );
  });
});
