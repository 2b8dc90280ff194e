import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ByteWriter, parquetWrite } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { inspectData } from "../../src/data/node/inspect.ts";
import { trainingData } from "../../src/data/training-data.ts";
import { UserError } from "../../src/errors.ts";
import { temporaryFolder } from "./fixtures.ts";
import { drawn, put } from "./picture-fixtures.ts";

const COMPRESSORS = { GZIP: (input: Uint8Array) => gzipSync(input) };
const NAMES = ["ant", "bee", "cow"];

interface Written {
  readonly labels: readonly (number | string)[];
  /** Number of the first picture. */
  readonly first?: number;
  readonly names?: readonly string[] | null;
  readonly label?: string;
  /** In place of a picture's bytes. */
  readonly bytes?: (picture: Buffer, row: number) => Uint8Array | null;
  readonly metadata?: string;
  readonly isGzip?: boolean;
}

const gray = (n: number) => (11 * n) % 256;

/** A Parquet file as Hugging Face's `datasets` lays sets of images out; two rows a group. */
async function parquet({
  labels,
  first = 0,
  names = NAMES,
  label = "label",
  bytes = (same) => same,
  ...rest
}: Written) {
  const pictures = await Promise.all(
    labels.map(async (_, i) => ({
      bytes: bytes(await drawn(() => [gray(first + i)], { width: 30, height: 40 }), i),
      path: `${i}.png`,
    })),
  );
  const features = {
    image: { _type: "Image" },
    [label]: names ? { names, _type: "ClassLabel" } : { dtype: "int64", _type: "Value" },
  };
  const isText = typeof labels[0] === "string";
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    columnData: [
      { name: "image", data: pictures },
      { name: label, data: isText ? [...labels] : labels.map((one) => BigInt(one)) },
    ],
    schema: [
      { name: "root", num_children: 2 },
      { name: "image", num_children: 2, repetition_type: "OPTIONAL" },
      { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      isText
        ? { name: label, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" }
        : { name: label, type: "INT64", repetition_type: "OPTIONAL" },
    ],
    kvMetadata: [{ key: "huggingface", value: rest.metadata ?? JSON.stringify({ info: { features } }) }],
    rowGroupSize: 2,
    ...(rest.isGzip && { codec: "GZIP" as const, compressors: COMPRESSORS }),
  });
  return new Uint8Array(writer.getBuffer());
}

async function folderOf(files: Readonly<Record<string, Written>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, written] of Object.entries(files)) put(folder, { [name]: await parquet(written) });
  return folder;
}

async function refusal(path: string): Promise<string> {
  const error: unknown = await loadCustomData(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

const SIX = { labels: [0, 1, 2, 2, 1, 0] };

describe("Parquet files of pictures", () => {
  test("give images with their labels, the names of classes and the parts of the files' names", async () => {
    const folder = await folderOf({
      "data/train-00000-of-00002.parquet": { labels: [0, 1, 2] },
      "data/train-00001-of-00002.parquet": { labels: [2, 1, 0], first: 3, isGzip: true },
      "data/validation-00000-of-00001-0123456789abcdef.parquet": { labels: [1, 0], first: 6 },
      "data/test-00000-of-00001.parquet": { labels: [2], first: 8 },
    });
    const { train, test: tested, files, source } = await loadCustomData(folder, { size: 8 });
    const parts = trainingData(train, { trainOn: "split", limit: null });
    const sets = [parts.train, parts.validation!, tested];
    expect(sets.map(({ labels }) => [...labels])).toEqual([[0, 1, 2, 2, 1, 0], [1, 0], [2]]);
    let n = 0;
    for (const set of sets) {
      expect(set).toMatchObject({ channels: 1, height: 8, width: 8, classNames: NAMES });
      for (let i = 0; i < set.count; i++, n++) expect(set.images.read(i, i + 1)[0]).toBe(gray(n));
    }
    expect(source).toBe("folder");
    expect(files.map(({ name }) => name.slice(0, 10))).toEqual([
      "train-0000",
      "train-0000",
      "validation",
      "test-00000",
    ]);
    expect(await inspectData(folder)).toMatchObject({
      kind: "parquet",
      images: { train: 6, validation: 2, test: 1 },
      image: { channels: 1, height: 28, width: 28 },
      drawn: [],
    });
  });

  test("the size is that of the pictures, colour stays; a file alone is divided", async () => {
    const picture = await drawn(() => [200, 30, 40], { width: 50, height: 44 });
    const folder = await folderOf({ "x.parquet": { ...SIX, bytes: () => picture } });
    const { train, test: tested, folder: named } = await loadCustomData(join(folder, "x.parquet"));
    expect(train).toMatchObject({ channels: 3, height: 44, width: 44, count: 3 });
    expect(tested.count).toBe(3);
    expect(named).toBe(join(folder, "x.parquet"));
    expect((await loadCustomData(join(folder, "x.parquet"), { channels: 1 })).train.channels).toBe(1);
  });

  test("labels may be numbers without names, or names, in a column of another name", async () => {
    const numbers = await folderOf({ "train.parquet": { ...SIX, names: null } });
    expect((await loadCustomData(numbers)).train.classNames).toEqual(["0", "1", "2"]);
    const texts = await folderOf({ "train.parquet": { labels: ["b", "a", "b", "a"], names: null, label: "category" } });
    expect((await loadCustomData(texts)).train.classNames).toEqual(["a", "b"]);
    const fine = await folderOf({ "train.parquet": { ...SIX, label: "fine_label" } });
    expect((await loadCustomData(fine)).train.classNames).toEqual(NAMES);
  });

  test("a part to test whose labels are not published is left out, with a line", async () => {
    const folder = await folderOf({ "train.parquet": SIX, "test.parquet": { labels: [-1, -1] } });
    const lines: string[] = [];
    const { train, files } = await loadCustomData(folder, {}, (line) => lines.push(line));
    expect(lines).toContain("test.parquet: left out, as all labels are -1 (not published)");
    expect({ train: train.count, files: files.length }).toEqual({ train: 3, files: 1 });
    expect((await inspectData(folder)).notes).toEqual(lines.slice(1, 2));
  });
});

describe("refused with the file and the row:", () => {
  test.each<[string, Readonly<Record<string, Written>>, RegExp]>([
    [
      "a file of several is missing",
      { "train-00001-of-00002.parquet": SIX },
      /train-00001-of-00002\.parquet is one of 2 files to train, but number 0 \(from 0\) is not there/,
    ],
    ["no part to train", { "test.parquet": SIX }, /has Parquet files but none to train/],
    [
      "a name without a part",
      { "0000.parquet": SIX },
      /0000\.parquet: the name does not say the part; allowed are train/,
    ],
    [
      "a label without a name",
      { "train.parquet": { labels: [0, 1, 7, 1] } },
      /train\.parquet: the label of .*train\.parquet, row 2 is 7, but the 3 classes of .*train\.parquet are 0 to 2/,
    ],
    [
      "a negative label",
      { "train.parquet": { labels: [0, 1, -5] } },
      /train\.parquet, row 2: the label is -5; labels are whole numbers/,
    ],
    [
      "a hidden label",
      { "train.parquet": { labels: [0, 1, 0, -1] } },
      /train\.parquet, row 3: the label is -1, which stands for none/,
    ],
    [
      "no picture",
      { "train.parquet": { ...SIX, bytes: (same, row) => (row === 3 ? null : same) } },
      /train\.parquet, row 3: there are no bytes of a picture/,
    ],
    [
      "a damaged picture",
      { "train.parquet": { ...SIX, bytes: (same, row) => (row === 4 ? same.subarray(0, 60) : same) } },
      /train\.parquet, row 4 is damaged/,
    ],
    [
      "no column of labels",
      { "train.parquet": { ...SIX, label: "x", names: null } },
      /has no column of labels \(label, class, category, target\); its columns: image, x/,
    ],
    [
      "other class names",
      { "train.parquet": SIX, "test.parquet": { ...SIX, names: ["a", "b", "c"] } },
      /test\.parquet has other columns or class names than .*train\.parquet/,
    ],
    [
      "metadata that is none",
      { "train.parquet": { ...SIX, metadata: "{" } },
      /its metadata "huggingface" is not as Hugging Face writes it/,
    ],
  ])("%s", async (_, files, message) => {
    expect(await refusal(await folderOf(files))).toMatch(message);
  });

  test("a file that is cut short, changed or no Parquet file", async () => {
    const folder = await folderOf({ "train.parquet": SIX });
    const path = join(folder, "train.parquet");
    const bytes = readFileSync(path);
    truncateSync(path, bytes.length - 20);
    expect(await refusal(folder)).toMatch(/train\.parquet is damaged or cut short, or not a Parquet file/);
    writeFileSync(path, Buffer.concat([bytes.subarray(0, 4), Buffer.alloc(300, 255), bytes.subarray(304)]));
    expect(await refusal(folder)).toMatch(/train\.parquet.* damaged/);
    writeFileSync(path, "PAR1");
    expect(await refusal(folder)).toMatch(/train\.parquet is damaged or cut short/);
  });
});
