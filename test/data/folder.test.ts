import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readDataFolder } from "../../src/data/node/folder.ts";
import { UserError } from "../../src/errors.ts";
import { allRows } from "../support/all-rows.ts";
import { idxBytes, temporaryFolder, writeFiles } from "./fixtures.ts";
import { changed, contents, data } from "./source-fixtures.ts";

describe("readDataFolder", () => {
  test.each([true, false])(
    "four files, compressed: %s, give the sets, their names, sizes and checksums",
    async (packed) => {
      const folder = await temporaryFolder();
      await writeFiles(folder, contents, { packed });
      const { train, test: held, files, different } = await readDataFolder(data, folder);
      expect(different).toEqual([]);
      expect(files).toEqual(Object.values(data.files));
      expect(train).toMatchObject({ count: 6, channels: 1, height: 3, width: 2, classNames: ["ant", "bee", "cat"] });
      expect(held.count).toBe(4);
      expect(allRows(train.images)).toEqual(contents.get("train-images-idx3-ubyte")!.subarray(16));
      expect([...held.labels]).toEqual([2, 1, 0, 2]);
    },
  );

  test("other data of the same format is read, listed as different, and its classes are numbers", async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, changed("t10k-images-idx3-ubyte"));
    const { different, train, test: held } = await readDataFolder(data, folder);
    expect(different).toEqual(["t10k-images-idx3-ubyte"]);
    expect(train.classNames).toEqual(["0", "1", "2"]);
    expect(held.classNames).toEqual(["0", "1", "2"]);
  });

  test("a folder with missing files is refused, naming them and what is allowed", async () => {
    const folder = await temporaryFolder();
    const some = new Map(contents);
    some.delete("train-labels-idx1-ubyte");
    some.delete("t10k-images-idx3-ubyte");
    await writeFiles(folder, some);
    const reading = readDataFolder(data, folder);
    await expect(reading).rejects.toThrow(UserError);
    await expect(reading).rejects.toThrow(
      `${folder} has no train-labels-idx1-ubyte, no t10k-images-idx3-ubyte. A data folder holds the four files ` +
        "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, " +
        "each as it is or with the ending .gz",
    );
  });

  test("a missing folder, or a file in its place, is refused as not a folder", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    await expect(readDataFolder(data, join(folder, "none"))).rejects.toThrow(/none is not a folder\. A data folder/);
    await expect(readDataFolder(data, join(folder, "file"))).rejects.toThrow(/file is not a folder/);
  });

  test.each([
    [
      "train-images-idx3-ubyte",
      idxBytes([6, 2, 3], new Uint8Array(36)),
      "expected images of 3x2, [count, 3, 2]; found [6, 2, 3]",
    ],
    [
      "train-images-idx3-ubyte",
      idxBytes([36], new Uint8Array(36)),
      "expected images of 3x2, [count, 3, 2]; found [36]",
    ],
    ["train-images-idx3-ubyte", idxBytes([6, 4, 2], new Uint8Array(48)), "found [6, 4, 2]"],
    ["train-images-idx3-ubyte", idxBytes([6, 3, 3], new Uint8Array(54)), "found [6, 3, 3]"],
    ["t10k-images-idx3-ubyte", idxBytes([4, 3, 2, 1], new Uint8Array(24)), "found [4, 3, 2, 1]"],
    ["train-labels-idx1-ubyte", idxBytes([5], new Uint8Array(5)), "expected 6 labels, one for each image of"],
    ["t10k-labels-idx1-ubyte", idxBytes([4, 1], new Uint8Array(4)), "expected 4 labels, one for each image of"],
    ["t10k-labels-idx1-ubyte", idxBytes([4], [0, 1, 3, 2]), "label 2 is 3, but the 3 classes are 0 to 2"],
    ["train-images-idx3-ubyte", contents.get("train-images-idx3-ubyte")!.subarray(0, 40), "found 24 (cut short?)"],
  ])("a %s of the wrong shape is refused by name (%#)", async (name, bytes, message) => {
    const folder = await temporaryFolder();
    await writeFiles(folder, new Map(contents).set(name, bytes));
    const reading = readDataFolder(data, folder);
    await expect(reading).rejects.toThrow(UserError);
    await expect(reading).rejects.toThrow(join(folder, `${name}.gz`));
    await expect(reading).rejects.toThrow(message);
  });
});
