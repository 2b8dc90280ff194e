import { cpSync, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/formats/safetensors.ts";
import { loadClassifier } from "../../src/prediction/node/load-classifier.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { drawn, put, putClasses } from "../data/picture-fixtures.ts";
import { THOROUGH } from "../support/thorough.ts";
import { contents, forgetChecksums } from "../training/support/damage.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { refusalOf, startTailor, tailor, tailorJson } from "./support/tailor.ts";

const FOLDER = sharedFolder();
const PICTURES = join(FOLDER, "pictures");
const RUN = join(FOLDER, "run");
const THREAD = ["--threads", "1"];
const TRAIN = [
  "train",
  "base",
  ...THREAD,
  "--data",
  PICTURES,
  "--size",
  "20",
  "--fit",
  "pad",
  "--batch-size",
  "16",
  "--skip-report",
];

beforeAll(async () => {
  await putClasses(PICTURES, { red: 40, blue: 40, green: 20 }, { width: 32, height: 24 });
  await tailorJson([...TRAIN, "--epochs", "6", "--out", RUN]);
});

test(
  "a network of torchvision is trained on pictures by its name, and evaluated and exported like others",
  THOROUGH,
  async () => {
    const [out, exported] = [join(FOLDER, "field"), join(FOLDER, "field-pytorch")];
    const options = ["--size", "32", "--epochs", "1", "--batch-size", "16", "--skip-report"];
    const trained = await tailorJson([
      "train",
      "mobilenet_v3_small",
      "--data",
      PICTURES,
      ...options,
      ...THREAD,
      "--out",
      out,
    ]);
    expect(trained).toMatchObject({ recipe: "mobilenet_v3_small", model: "mobilenet_v3_small", epochs: 1 });
    const names = decodeSafetensors(readFileSync(join(out, "weights.safetensors")), "weights").tensors.map(
      ({ name }) => name,
    );
    expect(names).toEqual(
      expect.arrayContaining(["features.0.0.weight", "features.1.block.1.fc1.bias", "classifier.3.bias"]),
    );
    expect(await tailorJson(["evaluate", out, ...THREAD])).toMatchObject({ total: 10 });
    await tailorJson(["export", out, "--format", "pytorch", "--out", exported]);
    expect(readFileSync(join(exported, "model.py"), "utf8")).toContain("self.features = Features()");
  },
);

describe("a run of pictures, from training to export", () => {
  test("saves its data, its split and its preparation", async () => {
    const { data } = JSON.parse(readFileSync(join(RUN, "run.json"), "utf8"));
    expect(data).toMatchObject({
      source: "pictures",
      verified: false,
      folder: PICTURES,
      trainImages: 80,
      validationImages: 10,
      image: { channels: 3, height: 20, width: 20 },
      preparation: { kind: "fit", fit: "pad" },
    });
    expect(data.normalization.mean).toHaveLength(3);
    const split = JSON.parse(readFileSync(join(RUN, "split.json"), "utf8"));
    expect(split.pictures).toHaveLength(100);
    expect(split.classNames).toEqual(["blue", "green", "red"]);
  });

  test("evaluate finds the data by itself and reaches a high accuracy", async () => {
    const tested = await tailorJson<{ accuracy: number; total: number }>(["evaluate", RUN, ...THREAD]);
    expect(tested).toMatchObject({ total: 10, split: "test" });
    expect(tested.accuracy).toBeGreaterThan(0.85);
    expect(await tailorJson(["evaluate", RUN, "--split", "validation", ...THREAD])).toMatchObject({ total: 10 });
  });

  test("predict prepares a picture bitwise as training did", async () => {
    const { train, split } = await loadCustomData(PICTURES, { size: 20, fit: "pad" });
    const trained = split!.pictures.filter(({ part }) => part !== "test");
    const classifier = await loadClassifier(RUN, { threads: 1 });
    for (const i of [0, 1, 2, 45, 60]) {
      const { pixels, label } = await classifier.predict(join(PICTURES, trained[i]!.file));
      expect(pixels).toEqual(train.images.read(i, i + 1));
      expect(label).toBe(train.classNames[trained[i]!.label]);
    }
    await classifier.release();
  });

  test("its weights, imported, are tested on the same images and prepare pictures the same way", async () => {
    const back = join(FOLDER, "back");
    await tailorJson(["import", join(RUN, "weights.safetensors"), "--out", back]);
    expect(refusalOf(await tailor(["evaluate", back, "--json"]), 1)).toMatch(
      /back holds imported weights for 3x20x20 images of 3 classes \(blue, green, red\), which is not Fashion-MNIST; name the folder of such images with --data/,
    );
    const [own, imported] = await Promise.all([
      tailorJson(["evaluate", RUN, ...THREAD]),
      tailorJson(["evaluate", back, "--data", PICTURES, ...THREAD]),
    ]);
    expect({ ...imported, run: RUN }).toEqual(own);
    const picture = join(PICTURES, "red/4.jpeg");
    const [one, other] = await Promise.all(
      [RUN, back].map((run) => tailorJson<{ predictions: { top: unknown }[] }>(["predict", run, picture, ...THREAD])),
    );
    expect(other!.predictions[0]!.top).toEqual(one!.predictions[0]!.top);
  });

  test("weights with class names in another order are refused for evaluation", async () => {
    const swapped = join(FOLDER, "swapped");
    await tailorJson(["import", join(RUN, "weights.safetensors"), "--classes", "red,green,blue", "--out", swapped]);
    expect(refusalOf(await tailor(["evaluate", swapped, "--data", PICTURES, "--json"]), 1)).toMatch(
      /classes in another order \(red, green, blue\) than the data \(blue, green, red\); import the weights again/,
    );
  });

  test("for weights without metadata, the preparation can be given as an option", async () => {
    const [bare, given] = [join(FOLDER, "bare.safetensors"), join(FOLDER, "given")];
    const { tensors } = decodeSafetensors(readFileSync(join(RUN, "weights.safetensors")), "weights");
    put(FOLDER, { "bare.safetensors": encodeSafetensors(tensors) });
    const facts = ["--model", "base", "--image", "3x20x20", "--classes", "blue,green,red", "--fit", "pad"];
    const numbers = ["--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25"];
    const imported = await tailor(["import", bare, ...facts, ...numbers, "--out", given, "--json"]);
    expect(imported.code).toBe(0);
    expect(imported.stderr).not.toContain("taken to be");
    const classifier = await loadClassifier(given, { threads: 1 });
    expect(classifier.preparation).toEqual({ kind: "fit", fit: "pad" });
    await classifier.release();
  });

  test("the command line's predict prints class names; a single-coloured picture is accepted", async () => {
    const plain = join(FOLDER, "plain.png");
    put(FOLDER, { "plain.png": await drawn(() => [0, 0, 0]) });
    const { predictions } = await tailorJson<{ predictions: { label: string }[] }>([
      "predict",
      RUN,
      join(PICTURES, "red/4.jpeg"),
      join(PICTURES, "blue/5.webp"),
      plain,
      ...THREAD,
    ]);
    expect(predictions.map(({ label }) => label).slice(0, 2)).toEqual(["red", "blue"]);
    expect(predictions).toHaveLength(3);
    const grounded = await tailor(["predict", RUN, plain, "--background", "dark", "--json"]);
    expect(refusalOf(grounded, 2)).toBe(
      `--background is for runs on garments; ${RUN} was trained on pictures as they are`,
    );
  });

  test("export keeps the preparation; the exported model predicts the same", async () => {
    const file = join(FOLDER, "exported.onnx");
    expect(await tailorJson(["export", RUN, "--out", file, ...THREAD])).toMatchObject({
      imagesFrom: "test",
      images: 10,
    });
    const picture = join(PICTURES, "green/3.png");
    const [one, other] = [await loadClassifier(RUN), await loadClassifier(file)];
    expect(other.preparation).toEqual({ kind: "fit", fit: "pad" });
    expect((await other.predict(picture)).pixels).toEqual((await one.predict(picture)).pixels);
    await one.release();
    await other.release();
  });

  test("compare accepts a run on the same pictures, at another size too, but not on others", async () => {
    const second = join(FOLDER, "second");
    await tailorJson([...TRAIN, "--epochs", "1", "--size", "12", "--fit", "crop", "--out", second]);
    expect(readRunRecord(second).data.files).not.toEqual(readRunRecord(RUN).data.files);
    const compared = await tailorJson<{ runs: { accuracy: number }[]; pairs: unknown[] }>([
      ...["compare", RUN, second, ...THREAD],
    ]);
    expect(compared.pairs).toHaveLength(1);
    // Each at its own size, as alone.
    const alone = await tailorJson<{ accuracy: number }>(["evaluate", second, ...THREAD]);
    expect(compared.runs[1]!.accuracy).toBe(alone.accuracy);
    const page = join(FOLDER, "sizes.html");
    await tailorJson(["report", second, RUN, "--split", "test", ...THREAD, "--out", page]);
    expect(readFileSync(page, "utf8")).toContain("3x12x12");
    const others = join(FOLDER, "others");
    await putClasses(others, { red: 5, blue: 5 });
    const third = join(FOLDER, "third");
    await tailorJson([
      "train",
      "base",
      ...THREAD,
      "--data",
      others,
      "--batch-size",
      "4",
      "--epochs",
      "1",
      "--out",
      third,
    ]);
    expect(refusalOf(await tailor(["compare", RUN, third, ...THREAD, "--json"]), 1)).toBe(
      `${third} was trained on other data than ${RUN}, or on other parts of it; only runs on the same images can be compared`,
    );
  });

  test("an interrupted run is resumed with the same images although pictures were added, with the same result", async () => {
    const cut = join(FOLDER, "cut");
    const args = [...TRAIN, "--epochs", "6", "--out", cut];
    const started = startTailor(args);
    await started.hasSaid("epoch 2/6");
    started.child.kill("SIGINT");
    expect((await started.ended).code).toBe(130);
    const added = join(PICTURES, "red", "added.png");
    put(PICTURES, { "red/added.png": await drawn(() => [1, 2, 3]) });
    try {
      const resumed = await tailorJson<{ weightsSha256: string }>(["train", "--resume", cut, ...THREAD]);
      const whole = JSON.parse(readFileSync(join(RUN, "run.json"), "utf8"));
      expect(resumed.weightsSha256).toBe(whole.result.weightsSha256);
    } finally {
      rmSync(added);
    }
  });

  test("moved data is given with --data; without it the error says so", async () => {
    const moved = join(FOLDER, "moved");
    renameSync(PICTURES, moved);
    try {
      expect(refusalOf(await tailor(["evaluate", RUN, "--json"]), 1)).toMatch(
        /was trained on the data in .*pictures, which are not there any more; name the folder where they are with --data$/,
      );
      expect(await tailorJson(["evaluate", RUN, "--data", moved, ...THREAD])).toMatchObject({ total: 10 });
    } finally {
      renameSync(moved, PICTURES);
    }
  });
});

describe("data inspect", () => {
  test("prints classes, sizes, the resulting images, and the training command", async () => {
    const { stdout, code } = await tailor(["data", "inspect", PICTURES, "--size", "20"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/pictures, 3 classes, 100 images/);
    expect(stdout).toMatch(/red +32 +4 +4/);
    expect(stdout).toMatch(/classes are uneven: green 16, blue 32 images to train \(2\.0 times as many\)/);
    expect(stdout).toMatch(/32 to 32 pixels wide, 24 to 24 high/);
    expect(stdout).toMatch(/training would see 3x20x20 images \(colour\), mean 0\.\d{3}, 0\.\d{3}, 0\.\d{3}/);
    expect(stdout).toContain(`node bin/tailor.js train enhanced --data ${PICTURES} --size 20`);
  });

  test.each([
    ["colour pictures larger than 32 pixels", { width: 120, height: 100 }, "train photos", "3x96x96"],
    ["smaller ones", { width: 40, height: 32 }, "train enhanced", "3x32x32"],
    ["gray ones", { width: 120, height: 100, isGray: true }, "train enhanced", "1x64x64"],
  ])(
    "suggests for %s the recipe that suits them, at the size that it would train them at",
    async (name, pixels, command, images) => {
      const folder = join(FOLDER, name);
      await putClasses(folder, { a: 4, b: 4 }, pixels);
      const { stdout } = await tailor(["data", "inspect", folder]);
      expect(stdout).toContain(`training would see ${images} images`);
      expect(stdout).toContain(`node bin/tailor.js ${command} --data `);
      // A pretrained network is for photos.
      expect(stdout.includes("node bin/tailor.js train transfer --data ")).toBe(command === "train photos");
    },
  );

  test("--json has the same, including unreadable pictures", async () => {
    const folder = join(FOLDER, "damaged");
    await putClasses(folder, { a: 4, b: 4 });
    put(folder, { "a/none.png": "" });
    const found = await tailorJson<{ unreadable: unknown[] }>(["data", "inspect", folder]);
    expect(found).toMatchObject({ kind: "pictures", images: { train: 4, validation: 2, test: 2 } });
    expect(found.unreadable).toEqual([
      { file: "a/none.png", message: `${join(folder, "a/none.png")} is empty (0 bytes)` },
    ]);
  });
});

describe("refused before a run's folder is created, nothing changed", () => {
  const OUT = join(FOLDER, "never");
  const train = (...more: string[]) =>
    tailor(["train", "base", ...THREAD, "--skip-report", "--out", OUT, "--json", ...more]);

  test.each([
    ["--size", "0"],
    ["--size", "225"],
    ["--size", "abc"],
    ["--size", "12.5"],
    ["--channels", "2"],
    ["--fit", "bend"],
  ])("%s %s", async (option, value) => {
    const message = refusalOf(await train("--data", PICTURES, option, value), 2);
    expect(message).toContain(option);
    expect(message).toContain(value);
    expect(existsSync(OUT)).toBe(false);
  });

  test("options of custom data without --data, or with --resume", async () => {
    expect(refusalOf(await train("--size", "20"), 2)).toBe(
      "--size is for data of your own; name their folder with --data",
    );
    const resumed = await tailor(["train", "--resume", RUN, "--channels", "1", "--skip-unreadable", "--json"]);
    expect(refusalOf(resumed, 2)).toMatch(/leave out --channels, --skip-unreadable, or start/);
  });

  test("unreadable pictures: each is named", async () => {
    const folder = join(FOLDER, "unreadable");
    await putClasses(folder, { a: 4, b: 4 });
    put(folder, { "a/text.png": "text", "b/none.jpg": "" });
    const before = contents(join(folder, "a"));
    const { code, stderr, stdout } = await train("--data", folder);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/2 of 10 pictures cannot be read:\n.*text\.png is not an image.*\n.*none\.jpg is empty/);
    expect(contents(join(folder, "a"))).toEqual(before);
    expect(existsSync(OUT)).toBe(false);
    const skipping = await tailor([
      ...["train", "base", ...THREAD, "--data", folder, "--skip-unreadable", "--batch-size", "2", "--epochs", "1"],
      ...["--out", join(FOLDER, "skipping")],
    ]);
    expect({ code: skipping.code, said: /text\.png is not an image/.test(skipping.stderr) }).toEqual({
      code: 0,
      said: true,
    });
  });

  test("a batch larger than the number of images", async () => {
    expect(refusalOf(await train("--data", PICTURES, "--batch-size", "81"), 2)).toMatch(/use --batch-size 80 or less/);
    expect(existsSync(OUT)).toBe(false);
  });

  test.each([["study"], ["ablate"], ["bench", "train"]])("%s needs Fashion-MNIST's format", async (...command) => {
    const out = command[0] === "bench" ? [] : ["--out", OUT];
    const message = refusalOf(await tailor([...command, "--data", PICTURES, ...out, "--json"]), 1);
    expect(message).toMatch(
      /has no train-images-idx3-ubyte.*; pictures of your own are for training: node bin\/tailor\.js train RECIPE --data/,
    );
    expect(existsSync(OUT)).toBe(false);
  });
});

test("a missing or damaged split is reported by its file's name", async () => {
  const copy = join(FOLDER, "copy");
  cpSync(RUN, copy, { recursive: true });
  put(copy, { "split.json": '{ "format": 1 }' });
  expect(refusalOf(await tailor(["evaluate", copy, "--json"]), 1)).toMatch(/split\.json is damaged: it has 15 bytes/);
  forgetChecksums(copy);
  expect(refusalOf(await tailor(["evaluate", copy, "--json"]), 1)).toMatch(/split\.json: field "classNames": expected/);
  rmSync(join(copy, "split.json"));
  expect(refusalOf(await tailor(["evaluate", copy, "--json"]), 1)).toMatch(/split\.json is missing/);
  expect(await tailorJson(["predict", copy, join(PICTURES, "red/4.jpeg"), ...THREAD])).toMatchObject({ failures: [] });
});
