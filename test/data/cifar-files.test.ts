import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { UserError } from "../../src/errors.ts";
import { allRows } from "../support/all-rows.ts";
import { temporaryFolder } from "./fixtures.ts";
import { put } from "./picture-fixtures.ts";

const IMAGE = 3072;
const pixel = (n: number, i: number) => (17 * n + i) % 256;

/** Records of the binary version: labels, then the planes of the image. */
function records(labels: readonly (readonly number[])[], first = 0): Uint8Array {
  return Uint8Array.from(
    labels.flatMap((label, n) => [...label, ...Array.from({ length: IMAGE }, (_, i) => pixel(first + n, i))]),
  );
}

const ten = (labels: readonly number[], first = 0) =>
  records(
    labels.map((label) => [label]),
    first,
  );

async function cifar10(change: (folder: string) => void = () => {}): Promise<string> {
  const folder = await temporaryFolder();
  put(folder, {
    "data_batch_1.bin": ten([0, 1, 2]),
    "data_batch_2.bin": ten([2, 1, 0, 0], 3),
    "test_batch.bin": ten([1, 0], 7),
    "batches.meta.txt": "airplane\nautomobile\nbird\n\n",
    "readme.html": "",
  });
  change(folder);
  return folder;
}

async function refusal(folder: string): Promise<string> {
  const error: unknown = await loadCustomData(folder).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

describe("CIFAR's binary version", () => {
  test("of 10 classes: all batches in order, with the names of the classes", async () => {
    const { train, test: tested, files } = await loadCustomData(await cifar10());
    expect(train).toMatchObject({ channels: 3, height: 32, width: 32, count: 7 });
    expect(train.classNames).toEqual(["airplane", "automobile", "bird"]);
    expect([...train.labels, ...tested.labels]).toEqual([0, 1, 2, 2, 1, 0, 0, 1, 0]);
    const expected = (first: number, count: number) =>
      Uint8Array.from({ length: count * IMAGE }, (_, i) => pixel(first + Math.floor(i / IMAGE), i % IMAGE));
    expect(allRows(train.images)).toEqual(expected(0, 7));
    expect(allRows(tested.images)).toEqual(expected(7, 2));
    expect(files.map(({ name }) => name)).toEqual(["data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"]);
  });

  test("of 100 classes: the fine labels; classes without images are left out with a line", async () => {
    const folder = await temporaryFolder();
    put(folder, {
      "train.bin": records([
        [9, 0],
        [9, 2],
        [8, 2],
        [8, 0],
      ]),
      "test.bin": records([[9, 2]], 4),
      "fine_label_names.txt": "apple\nbaby\nbear\n",
      "coarse_label_names.txt": "a\nb\n",
    });
    const lines: string[] = [];
    const { train, test: tested } = await loadCustomData(folder, {}, (line) => lines.push(line));
    expect(train.classNames).toEqual(["apple", "bear"]);
    expect([...train.labels, ...tested.labels]).toEqual([0, 1, 1, 0, 1]);
    expect(lines[0]).toMatch(/train\.bin has no image of baby, which .*fine_label_names\.txt names: left out/);
    expect(await inspectData(folder)).toMatchObject({
      kind: "cifar",
      title: "CIFAR-100 binary files",
      drawn: ["validation"],
    });
  });

  test("without a file to test, test images are drawn", async () => {
    const folder = await cifar10((path) => {
      rmSync(join(path, "test_batch.bin"));
      put(path, { "data_batch_3.bin": ten([1, 2], 9) });
    });
    const { train, test: tested } = await loadCustomData(folder);
    expect({ train: train.count, test: tested.count }).toEqual({ train: 6, test: 3 });
  });

  test.each<[string, (folder: string) => void, RegExp]>([
    [
      "a batch is cut short",
      (folder) => put(folder, { "data_batch_2.bin": ten([1]).subarray(0, -1) }),
      /data_batch_2\.bin has 3,072 bytes; needed is a multiple of 3,073 .*\(cut short\?\)/,
    ],
    ["a batch is empty", (folder) => put(folder, { "test_batch.bin": "" }), /test_batch\.bin has 0 bytes/],
    [
      "a batch is missing",
      (folder) => rmSync(join(folder, "data_batch_1.bin")),
      /has data_batch_2\.bin but no data_batch_1\.bin/,
    ],
    [
      "there is nothing to train with",
      (folder) => [1, 2].map((n) => rmSync(join(folder, `data_batch_${n}.bin`))),
      /has test_batch\.bin but no files to train with/,
    ],
    [
      "the names are missing",
      (folder) => rmSync(join(folder, "batches.meta.txt")),
      /has no batches\.meta\.txt, which names the classes/,
    ],
    [
      "a label has no name",
      (folder) => put(folder, { "data_batch_2.bin": ten([0, 3]) }),
      /data_batch_2\.bin: the label of image 1 is 3, but the 3 classes are 0 to 2/,
    ],
    [
      "a class is only tested",
      (folder) =>
        put(folder, { "test_batch.bin": ten([0, 1, 2]), "data_batch_1.bin": ten([0]), "data_batch_2.bin": ten([1]) }),
      /test_batch\.bin: label 2 is 2, which no image to train has/,
    ],
  ])("refused: %s", async (_, spoil, message) => {
    expect(await refusal(await cifar10(spoil))).toMatch(message);
  });
});
