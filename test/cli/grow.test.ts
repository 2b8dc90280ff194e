/** `train --extend RUN --data MORE`: classes and pictures that were added later. */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ImageSet } from "../../src/data/image-set.ts";
import { memoryRows } from "../../src/data/rows.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { startFrom } from "../../src/recipes/start-from.ts";
import { readRunRecord, readSplit, readWeights } from "../../src/runs/node/run-files.ts";
import { openPretrained, pretrainedTensors } from "../../src/training/node/pretrained.ts";
import { put, putShapes } from "../data/picture-fixtures.ts";
import { otherNetwork } from "../training/support/backbones.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor } from "./support/tailor.ts";

const FOLDER = sharedFolder();
const at = (name: string) => join(FOLDER, name);
const [BEFORE, GROWN, NET] = [at("before"), at("grown"), at("net.onnx")];
const QUICK = ["--threads", "1", "--skip-report"];
const OLD = ["shape 0", "shape 1", "shape 2"];
/** Sorts before the others. */
const NEW = "a new shape";

async function train(...args: string[]) {
  const made = await tailor(["train", ...args, ...QUICK]);
  expect(made.code, made.stderr).toBe(0);
  return made;
}

/** Three classes of 20 pictures, and the same with a fourth class and five more pictures of the first. */
beforeAll(async () => {
  await putShapes(BEFORE, { classes: 3, images: 20 });
  await putShapes(at("more"), { classes: 4, images: 20 });
  cpSync(BEFORE, GROWN, { recursive: true });
  renameSync(join(at("more"), "shape 3"), join(GROWN, NEW));
  for (let i = 0; i < 5; i++) cpSync(join(at("more"), `shape 0/${i}.jpg`), join(GROWN, `shape 0/more${i}.jpg`));
  put(FOLDER, { "net.onnx": otherNetwork() });
  const backbone = ["--backbone", NET, "--backbone-range", "0-1"];
  await train(
    "transfer",
    ...backbone,
    "--data",
    BEFORE,
    "--views",
    "2",
    "--hidden",
    "4",
    "--epochs",
    "20",
    "--out",
    at("transfer"),
  );
  await train("tiny", "--data", BEFORE, "--size", "16", "--epochs", "4", "--out", at("tiny"));
});

const grow = (run: string, data: string, ...options: string[]) =>
  tailor(["train", "--extend", at(run), "--data", data, "--out", at(`${run}-grown`), ...QUICK, ...options]);

describe.each(["transfer", "tiny"])("a run of %s", (run) => {
  test("goes on with them: earlier pictures keep class and part, new classes follow, the first run stays as it was", async () => {
    const record = readFileSync(join(at(run), "run.json"), "utf8");
    const made = await grow(run, GROWN, "--evaluate", "test");
    expect(made.code, made.stderr).toBe(0);
    expect(made.stdout).toMatch(/test accuracy \d/);
    expect(readFileSync(join(at(run), "run.json"), "utf8")).toBe(record);

    const [first, grown] = [readRunRecord(at(run)), readRunRecord(at(`${run}-grown`))];
    expect(grown).toMatchObject({
      recipeName: run,
      epochs: first.epochs,
      seed: first.seed,
      grownFrom: { run: at(run), weightsSha256: first.result!.weightsSha256 },
      data: { folder: GROWN, classes: [...OLD, NEW] },
    });
    const [before, after] = [readSplit(at(run)), readSplit(at(`${run}-grown`))];
    expect(after.pictures.slice(0, 60)).toEqual(before.pictures);
    const added = after.pictures.slice(60);
    const partsOf = (label: number) => added.filter((one) => one.label === label).map(({ part }) => part);
    expect(partsOf(0)).toEqual(new Array(5).fill("train"));
    expect(partsOf(3).toSorted()).toEqual([
      ...["test", "test"],
      ...new Array(16).fill("train"),
      ...["validation", "validation"],
    ]);
    expect(added).toHaveLength(25);
  });

  test("is then a run like any other, also where its folder has grown again", async () => {
    cpSync(join(GROWN, NEW), join(GROWN, "still another"), { recursive: true });
    const { code, stderr, stdout } = await tailor(["evaluate", at(`${run}-grown`), "--split", "validation"]);
    rmSync(join(GROWN, "still another"), { recursive: true });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/validation accuracy|accuracy/);
  });
});

test("pictures that cannot be read are left out on request, and the others divided as without them", async () => {
  const file = `${NEW}/broken.jpg`;
  writeFileSync(join(GROWN, file), "no picture");
  const made = await tailor([
    ...["train", "--extend", at("tiny"), "--data", GROWN, "--skip-unreadable"],
    ...["--out", at("skipping"), ...QUICK],
  ]);
  rmSync(join(GROWN, file));
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toMatch(/1 of 26 pictures cannot be read:\n.*broken\.jpg/);
  const [skipping, grown] = [readSplit(at("skipping")), readSplit(at("tiny-grown"))];
  expect(skipping.skipped).toEqual([{ file, message: expect.stringContaining("not an image") }]);
  expect(skipping.pictures).toEqual(grown.pictures);
});

test("a whole network starts from the run's weights, a head from new ones with the same regularisation", () => {
  const recipe = readRunRecord(at("tiny-grown")).recipe;
  expect(recipe).toMatchObject({
    pretrained: { file: join(at("tiny"), "weights.safetensors") },
    fineTune: { headEpochs: 2 },
  });
  const [first, grown] = [readRunRecord(at("transfer")).recipe, readRunRecord(at("transfer-grown")).recipe];
  expect(grown).toEqual(first);
});

test("a head keeps its rows of classes of the same names, wherever they are now", async () => {
  const tiny = findRecipe("tiny");
  const { pretrained } = await openPretrained(at("tiny"), tiny.model, () => {});
  const images: ImageSet = {
    ...{
      images: memoryRows(new Uint8Array(4 * 768), 768),
      labels: Uint8Array.of(0, 1, 2, 3),
      count: 4,
      channels: 3,
      height: 16,
      width: 16,
    },
    classNames: ["shape 2", NEW, "shape 0", "another"],
  };
  const said: string[] = [];
  const report = (line: string) => said.push(line);
  const tensors = pretrainedTensors(startFrom(tiny, pretrained), { images, seed: 1, report })!;
  expect(said).toEqual([
    expect.stringMatching(/for 3 classes, not 4: it gets fresh weights, but for what it has of shape 2, shape 0$/),
  ]);
  const head = readWeights(at("tiny")).tensors.find(({ shape }) => shape.length === 2 && shape[0] === 3)!;
  const size = head.data.length / 3;
  const rowOf = (data: Float32Array, row: number) => [...data.subarray(row * size, (row + 1) * size)];
  const now = tensors.get(head.name)!;
  expect(rowOf(now, 0)).toEqual(rowOf(head.data, 2));
  expect(rowOf(now, 2)).toEqual(rowOf(head.data, 0));
  for (const row of [0, 1, 2]) expect(rowOf(now, 1)).not.toEqual(rowOf(head.data, row));
});

describe("is refused", () => {
  test("without anything new, with a class or a picture lost, and with one that is not a picture", async () => {
    expect(refusalOf(await grow("tiny", BEFORE), 2)).toMatch(
      /holds no pictures but those of .*tiny; add some, or .*--epochs/,
    );
    const less = at("less");
    cpSync(GROWN, less, { recursive: true });
    rmSync(join(less, "shape 0/3.jpg"));
    const lost = await grow("tiny", less);
    expect(lost.code).toBe(1);
    expect(lost.stderr).toMatch(/1 of the 85 pictures of .*tiny and those added are not as they were.*\n.*3\.jpg/);
    writeFileSync(join(less, `${NEW}/broken.jpg`), "no picture");
    const broken = await grow("tiny", less);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(
      /1 of 26 pictures cannot be read:\n.*broken\.jpg.*\nMend or remove them, .*--skip-unreadable/,
    );
    rmSync(join(less, "shape 1"), { recursive: true });
    expect(refusalOf(await grow("tiny", less), 2)).toMatch(/less lacks shape 1, a class of .*tiny; .*--data/);
  });

  test("when none of what was added can be read, though such pictures may be left out", async () => {
    const broken = at("broken");
    cpSync(BEFORE, broken, { recursive: true });
    for (const name of ["one", "two"]) writeFileSync(join(broken, `shape 0/${name}.jpg`), "no picture");
    const { code, stderr } = await grow("tiny", broken, "--skip-unreadable");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /2 of 2 pictures cannot be read:\n.*one\.jpg.*\n.*two\.jpg.*\n(.*\n)*error: .*no picture that was added can be read; add some that can/,
    );
  });

  test("with too few pictures of a new class", async () => {
    const few = at("few");
    cpSync(BEFORE, few, { recursive: true });
    cpSync(join(BEFORE, "shape 0/1.jpg"), join(few, "lone/1.jpg"));
    expect(refusalOf(await grow("tiny", few), 1)).toMatch(/each class needs at least 3 pictures .*too few: lone \(1\)/);
  });

  test("of a run on other data, and with neither pictures nor epochs", async () => {
    const data = await smallData;
    await train("base-study", "--data", data, "--epochs", "1", "--out", at("idx"));
    expect(refusalOf(await grow("idx", GROWN), 2)).toMatch(/idx was not trained on a folder of pictures/);
    expect(refusalOf(await tailor(["train", "--extend", at("tiny")]), 2)).toMatch(/needs --epochs: .*or --data/);
  });
});

const smallData = smallDataFolder({ train: 120, test: 10, isHalved: true });
