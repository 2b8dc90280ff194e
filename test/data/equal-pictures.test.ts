import { describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { tiffBytes } from "../formats/tiff-fixtures.ts";
import { temporaryFolder } from "./fixtures.ts";
import { drawn, put, putClasses } from "./picture-fixtures.ts";

const plain = (...color: number[]) => drawn(() => color);

describe("a class whose images are all identical is refused", () => {
  test.each<[string, () => Promise<Uint8Array>, string]>([
    ["black", () => plain(0, 0, 0), " (black, pixel for pixel)"],
    ["white", () => plain(255, 255, 255), " (white, pixel for pixel)"],
    ["of one colour", () => plain(200, 30, 90), " (of one colour, pixel for pixel)"],
    ["one picture", () => drawn((x, y) => [x, y, 7]), ""],
    [
      "16 bits of which 8 are used",
      async () => tiffBytes({ kind: "uint16", width: 12, height: 12, channels: 1 }, (x) => x),
      " (black, pixel for pixel)",
    ],
  ])("%s", async (_, bytes, looks) => {
    const folder = await temporaryFolder();
    await putClasses(folder, { a: 4, c: 4 });
    for (let i = 0; i < 5; i++) put(folder, { [`b/${i}.png`]: await bytes() });
    const message = `the 5 pictures of the class b in ${folder} are all equal once they are decoded${looks}: there is nothing to learn from them`;
    await expect(loadCustomData(folder)).rejects.toThrow(message);
    await expect(inspectData(folder)).rejects.toThrow(message);
  });

  test("files of different sizes and formats that decode to the same image are identical", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, { a: 4 });
    for (let i = 0; i < 4; i++)
      put(folder, { [`b/${i}.png`]: await drawn(() => [9, 9, 9, 255], { width: 12 + i, height: 12 }) });
    put(folder, { "b/4.webp": await drawn(() => [9, 9, 9], { format: "webp" }) });
    await expect(loadCustomData(folder, { size: 8 })).rejects.toThrow(/the 5 pictures of the class b/);
  });
});

describe("accepted is", () => {
  test("a class with copies and one picture that differs", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, { a: 4 });
    for (let i = 0; i < 4; i++) put(folder, { [`b/${i}.png`]: await plain(0, 0, 0) });
    put(folder, { "b/4.png": await plain(0, 0, 1) });
    expect((await loadCustomData(folder)).train.classNames).toEqual(["a", "b"]);
  });

  test("a class of plain pictures, each of another colour", async () => {
    const folder = await temporaryFolder();
    for (let i = 0; i < 4; i++) {
      put(folder, { [`a/${i}.png`]: await plain(i, 0, 0), [`b/${i}.png`]: await plain(0, i, 9) });
    }
    expect((await loadCustomData(folder)).train.classNames).toEqual(["a", "b"]);
  });

  test("a class of one picture, in parts", async () => {
    const folder = await temporaryFolder();
    await putClasses(folder, { "train/a": 4, "val/a": 2, "test/a": 2 });
    put(folder, { "train/b/0.png": await plain(0, 0, 0) });
    expect((await loadCustomData(folder)).train.classNames).toEqual(["a", "b"]);
  });
});
