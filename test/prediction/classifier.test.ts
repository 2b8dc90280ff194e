import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { inferenceModel } from "../../src/formats/inference-model.ts";
import { readModelMetadata } from "../../src/formats/model-metadata.ts";
import { base } from "../../src/models/study.ts";
import { buildModel, initialTensors } from "../../src/nn/model.ts";
import { loadClassifier } from "../../src/prediction/node/load-classifier.ts";
import type { Classifier, ImageInput, PredictionOutcome } from "../../src/prediction/prediction.ts";
import { openModel } from "../../src/runtime/node/open-model.ts";
import { hash } from "../golden/inputs.ts";
import { fashionMnist } from "../support/fashion-mnist.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { trainedRun } from "./support/trained-run.ts";

const FOLDER = sharedFolder();
const RUN = join(FOLDER, "run");
const { test: TEST } = await fashionMnist();

let classifier: Classifier;
beforeAll(async () => {
  await trainedRun(RUN, { limit: 2000 });
  classifier = await loadClassifier(RUN, { threads: 1 });
});
afterAll(() => classifier.release());

const EDGE = 28;
const imageAt = (i: number) => TEST.images.read(i, i + 1);

/** A test image ten times as large, as a PNG. */
async function png(i: number): Promise<Buffer> {
  const raw = { width: EDGE, height: EDGE, channels: 1 } as const;
  return sharp(imageAt(i), { raw })
    .resize(10 * EDGE, 10 * EDGE)
    .png()
    .toBuffer();
}

describe("the two halves of predict", () => {
  test("prepare gives the pixels of a prediction, classify the rest of it", async () => {
    const images = await Promise.all([0, 1, 2].map(png));
    const predicted = await Promise.all(images.map((image) => classifier.predict(image, { top: 2 })));
    const prepared = await Promise.all(images.map((image) => classifier.prepare(image)));
    expect(prepared).toEqual(predicted.map(({ pixels }) => pixels));
    const classified = await classifier.classify(prepared, { top: 2 });
    for (const [i, { label, probability, top }] of classified.entries()) {
      expect(label).toBe(predicted[i]!.label);
      // In a batch of another size the engine adds in another order.
      expect(probability).toBeCloseTo(predicted[i]!.probability, 5);
      expect(top.map((one) => one.label)).toEqual(predicted[i]!.top.map((one) => one.label));
    }
    expect(await classifier.classify([])).toEqual([]);
  });

  test("classify refuses an image of another size", async () => {
    const images = [imageAt(0), imageAt(1).slice(1)];
    await expect(classifier.classify(images)).rejects.toThrow("the model takes images of 784 values, got one of 783");
  });
});

describe("pictures of test images are classified about as well as the images themselves", () => {
  const COUNT = IS_THOROUGH ? 200 : 60;
  const SCALE = 5;
  const [WIDTH, HEIGHT, LEFT, TOP] = [210, 185, 45, 15];

  /**
   * Makes a picture around an enlarged test image: `pixel` gives colours for the image's value and the place.
   */
  type Scene = (value: number, x: number, y: number) => readonly number[];

  const SCENES: Readonly<Record<string, Scene>> = {
    "dark on white": (v) => [255 - v],
    "light on black": (v) => [v],
    "dark on cream": (v) => [238, 230, 214].map((ground) => ground * (1 - v / 255)),
    "cut out on blue": (v) => onto([90, 140, 200], v),
    "cut out on middle gray": (v) => onto([140], v),
    transparent: (v) => [0, v],
    "light from one side": (v, x, y) => [(180 + (70 * x) / WIDTH - (30 * y) / HEIGHT) * (1 - v / 255)],
    "a grainy photo": (v, x, y) => [235 * (1 - v / 255) + (hash(9, y * WIDTH + x) % 41) - 20],
  };

  /** A garment of gray 255 - v, opaque from 20 on, over a colour. */
  function onto(ground: readonly number[], v: number): number[] {
    const alpha = Math.min(1, v / 20);
    return ground.map((color) => color * (1 - alpha) + (255 - v) * alpha);
  }

  async function picture(i: number, scene: Scene) {
    const raw = { width: EDGE, height: EDGE, channels: 1 } as const;
    const large = sharp(imageAt(i), { raw }).resize(SCALE * EDGE, SCALE * EDGE, { kernel: "cubic" });
    const values = await large.toColourspace("b-w").raw().toBuffer();
    const channels = scene(0, 0, 0).length as 1 | 2 | 3;
    const data = new Uint8ClampedArray(WIDTH * HEIGHT * channels);
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const [column, row] = [x - LEFT, y - TOP];
        const isInside = column >= 0 && row >= 0 && column < SCALE * EDGE && row < SCALE * EDGE;
        data.set(scene(isInside ? values[row * SCALE * EDGE + column]! : 0, x, y), (y * WIDTH + x) * channels);
      }
    }
    return { data, width: WIDTH, height: HEIGHT, channels };
  }

  async function accuracy(images: readonly ImageInput[]): Promise<number> {
    let correct = 0;
    let index = 0;
    for await (const { prediction, error } of classifier.predictMany(images)) {
      if (error) throw error;
      if (prediction.label === TEST.classNames[TEST.labels[index++]!]) correct++;
    }
    expect(index).toBe(COUNT);
    return correct / COUNT;
  }

  let originals: number;
  beforeAll(async () => {
    const images = Array.from({ length: COUNT }, (_, i) => ({
      data: imageAt(i),
      width: EDGE,
      height: EDGE,
      channels: 1 as const,
    }));
    originals = await accuracy(images);
  });

  test("the images themselves", () => {
    expect(originals).toBeGreaterThan(0.7);
  });

  /** Steps of the preparation of their own: nothing to cut out, a coloured ground, noise. */
  const SHOWN = IS_THOROUGH ? Object.keys(SCENES) : ["light on black", "cut out on blue", "a grainy photo"];

  test.each(SHOWN)("%s", async (name) => {
    const pictures = await Promise.all(Array.from({ length: COUNT }, (_, i) => picture(i, SCENES[name]!)));
    // With well trained runs 1 to 4 points are lost to the enlarging; with this one as much, and twice the standard
    // error of 200 images of which few change sides.
    expect(await accuracy(pictures)).toBeGreaterThan(originals - (IS_THOROUGH ? 0.07 : 0.13));
  });
});

describe("predict", () => {
  test("gives label, probability and the most probable classes of the model", async () => {
    const bytes = await png(0);
    const { label, probability, top, milliseconds, pixels } = await classifier.predict(bytes, { top: 4 });
    expect(top).toHaveLength(4);
    expect(top[0]).toEqual({ label, probability });
    expect(milliseconds).toBeGreaterThan(0);
    const bytesOfModel = readFileSync(join(RUN, "model.onnx"));
    const { temperature } = readModelMetadata(bytesOfModel, "model").confidence!;
    const model = await openModel(bytesOfModel, "model", { threads: 1 });
    const logits = [...(await model.logits(pixels))];
    await model.release();
    const exponentials = logits.map((logit) => Math.exp(logit / temperature));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    const expected = exponentials
      .map((value, i) => ({ label: TEST.classNames[i]!, probability: value / sum }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, 4);
    expect(top.map((entry) => entry.label)).toEqual(expected.map((entry) => entry.label));
    expect(top.map((entry) => entry.probability)).toBeClose(
      expected.map((entry) => entry.probability),
      { tolerance: 1e-5 },
    );
  });

  test("gives the same prediction for a path, bytes and pixels", async () => {
    const bytes = await png(3);
    const path = join(FOLDER, "image.png");
    writeFileSync(path, bytes);
    const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const raw = { data, width: info.width, height: info.height, channels: info.channels };
    const [first, ...others] = await Promise.all([path, bytes, raw].map((image) => classifier.predict(image)));
    for (const other of others) expect({ ...other, milliseconds: 0 }).toEqual({ ...first, milliseconds: 0 });
    expect(first!.pixels).toHaveLength(784);
  });

  test("exposes the model's name, classes and shape", () => {
    expect(classifier).toMatchObject({
      model: "base",
      classes: TEST.classNames,
      imageShape: { channels: 1, height: 28, width: 28 },
    });
  });

  test("opens a single model file", async () => {
    const alone = await loadClassifier(join(RUN, "model.onnx"), { threads: 1 });
    const bytes = await png(5);
    expect((await alone.predict(bytes)).top).toEqual((await classifier.predict(bytes)).top);
    await alone.release();
  });

  test.each([
    ["a path", join(FOLDER, "none.png"), /^there is no file .*none\.png$/],
    ["bytes", new Uint8Array(0), /^the image is empty/],
    [
      "pixels",
      { data: new Uint8Array(7), width: 2, height: 2, channels: 3 } as const,
      /^the image: .*needs 12 values, got 7/,
    ],
  ])("names what is wrong with %s", async (_, image, message) => {
    await expect(classifier.predict(image)).rejects.toThrow(UserError);
    await expect(classifier.predict(image)).rejects.toThrow(message);
  });
});

describe("predictMany", () => {
  const gather = async (images: Iterable<ImageInput>) => {
    const outcomes: PredictionOutcome[] = [];
    for await (const outcome of classifier.predictMany(images)) outcomes.push(outcome);
    return outcomes;
  };

  test("gives the predictions of predict, in order, over more than one batch", async () => {
    const images = await Promise.all(Array.from({ length: 70 }, (_, i) => png(i)));
    const outcomes = await gather(images);
    expect(outcomes.map(({ image }) => image)).toEqual(images);
    for (const i of [0, 1, 63, 64, 69]) {
      const alone = await classifier.predict(images[i]!);
      expect(outcomes[i]!.prediction!.label).toBe(alone.label);
      expect(outcomes[i]!.prediction!.pixels).toEqual(alone.pixels);
      // A batch of another size may round elsewhere.
      expect(Math.abs(outcomes[i]!.prediction!.probability - alone.probability)).toBeLessThan(1e-5);
    }
  });

  test("an invalid image results in an error in its position; the others are predicted", async () => {
    const good = await png(1);
    const bad = new TextEncoder().encode("no image");
    const images = Array.from({ length: 130 }, (_, i) => ([0, 63, 64, 129].includes(i) ? bad : good));
    const outcomes = await gather(images);
    expect(outcomes).toHaveLength(130);
    for (const [i, { prediction, error }] of outcomes.entries()) {
      const isBad = images[i] === bad;
      expect(error instanceof UserError).toBe(isBad);
      expect(prediction === undefined).toBe(isBad);
    }
    expect(await gather([bad])).toMatchObject([{ error: { message: expect.stringContaining("is not an image") } }]);
    expect(await gather([])).toEqual([]);
  });
});

describe("a model that cannot be used", () => {
  const task = { channels: 1, height: 28, width: 28, classes: 10 };
  const normalization = { mean: [0.3], standardDeviation: [0.3] };
  const tensors = initialTensors(buildModel(base, { task, normalization, batchSize: 1, mode: "inference" }), 1);
  const write = (name: string, bytes: Uint8Array) => {
    const path = join(FOLDER, name);
    writeFileSync(path, bytes);
    return path;
  };

  test.each([
    ["none", () => join(FOLDER, "nothing"), /there is no folder .*nothing/],
    ["text", () => write("text.onnx", new TextEncoder().encode("no model at all")), /text\.onnx is not an ONNX model/],
    [
      "other names than classes",
      () => write("names.onnx", inferenceModel({ model: base, task, normalization, tensors, classNames: ["a", "b"] })),
      /names\.onnx has 10 outputs but names 2 classes/,
    ],
    [
      "no names",
      () => write("nameless.onnx", inferenceModel({ model: base, task, normalization, tensors, classNames: [] })),
      /nameless\.onnx names no classes/,
    ],
  ])("%s", async (_, path, message) => {
    await expect(loadClassifier(path())).rejects.toThrow(UserError);
    await expect(loadClassifier(path())).rejects.toThrow(message);
  });
});
