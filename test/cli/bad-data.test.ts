import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { idxBytes } from "../data/fixtures.ts";
import { contents } from "../training/support/damage.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 240, test: 20 });
const FOLDER = sharedFolder();
const OUT = join(FOLDER, "run");
let copies = 0;

/** A copy of the data, changed. */
function copyOf(change: (copy: string) => void): string {
  const copy = join(FOLDER, `copy${copies++}`);
  cpSync(DATA, copy, { recursive: true });
  change(copy);
  return copy;
}

const cut = (name: string, bytes: number) => (folder: string) => truncateSync(join(folder, name), bytes);
const remove = (name: string) => (folder: string) => rmSync(join(folder, name));

function write(name: string, shape: number[], byte: number) {
  const size = shape.reduce((product, length) => product * length, 1);
  return (folder: string) => writeFileSync(join(folder, name), idxBytes(shape, new Uint8Array(size).fill(byte)));
}

function packAndCut(name: string) {
  return (folder: string) => {
    const packed = gzipSync(readFileSync(join(folder, name)), { level: 1 });
    writeFileSync(join(folder, `${name}.gz`), packed.subarray(0, -1000));
    rmSync(join(folder, name));
  };
}

describe("a data folder with a damaged file is refused by the file's name; no run is created, no file changed", () => {
  test.each<[string, (folder: string) => void, RegExp]>([
    ["cut short", cut("train-images-idx3-ubyte", 9999), /train-images-idx3-ubyte is not .*\(cut short\?\)/],
    ["of no bytes", cut("t10k-labels-idx1-ubyte", 0), /t10k-labels-idx1-ubyte is not a usable IDX file/],
    ["packed, cut short", packAndCut("train-images-idx3-ubyte"), /train-images-idx3-ubyte\.gz is cut short \(gzip: /],
    ["too few labels", write("t10k-labels-idx1-ubyte", [19], 0), /expected 20 labels, one for each image/],
    [
      "a wrong label",
      write("t10k-labels-idx1-ubyte", [20], 10),
      /t10k-labels-idx1-ubyte: label 0 is 10, which no image to train has; there are 0, 1, 2/,
    ],
    [
      "small images",
      write("t10k-images-idx3-ubyte", [20, 14, 14], 0),
      /t10k-images-idx3-ubyte holds images of 14x14, .*train-images-idx3-ubyte of 28x28/,
    ],
    [
      "missing",
      remove("train-labels-idx1-ubyte"),
      /has images to train \(.*train-images-idx3-ubyte\) but no labels; IDX files come in pairs/,
    ],
  ])("%s", async (_, damage, message) => {
    const folder = copyOf(damage);
    const before = contents(folder);
    expect(refusalOf(await tailor(["train", "base", "--data", folder, "--out", OUT, "--json"]), 1)).toMatch(message);
    expect(contents(folder)).toEqual(before);
    expect(readdirSync(FOLDER)).not.toContain("run");
  });
});

test("an empty or missing data folder is refused", async () => {
  const empty = join(FOLDER, "empty");
  mkdirSync(empty);
  expect(refusalOf(await tailor(["data", "--data", empty, "--json"]), 1)).toMatch(
    /empty holds no pictures; a data folder/,
  );
  expect(refusalOf(await tailor(["data", "--data", `${empty}/x`, "--json"]), 1)).toMatch(/no data folder .*empty\/x$/);
  const file = join(DATA, "t10k-labels-idx1-ubyte");
  expect(refusalOf(await tailor(["data", "--data", file, "--json"]), 1)).toMatch(
    /ubyte is no data that can be read; IDX files come in pairs: name their folder$/,
  );
});

test("too few images for validation are refused before the run's folder is created", async () => {
  const tiny = copyOf((folder) => {
    write("train-images-idx3-ubyte", [11, 28, 28], 0)(folder);
    writeFileSync(join(folder, "train-labels-idx1-ubyte"), idxBytes([11], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]));
    write("t10k-labels-idx1-ubyte", [20], 1)(folder);
  });
  const args = ["train", "base", "--data", tiny, "--batch-size", "2", "--epochs", "1", "--threads", "1", "--out", OUT];
  const message = refusalOf(await tailor([...args, "--json"]), 2);
  expect(message).toBe("11 images to train with leave none to validate on; give more, or use --train-on all");
  expect(readdirSync(FOLDER)).not.toContain("run");
  expect(await tailorJson([...args, "--train-on", "all"])).toMatchObject({ validationLoss: null });
});
