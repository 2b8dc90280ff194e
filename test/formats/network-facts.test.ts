import { expect, test } from "vitest";
import { FASHION_MNIST_NORMALIZATION } from "../../src/data/fashion-mnist.ts";
import { normalizationOf, trainingData } from "../../src/data/training-data.ts";
import { UserError } from "../../src/errors.ts";
import { factsFromText, factsToText, imageFromText } from "../../src/formats/network-facts.ts";
import { fashionMnist } from "../support/fashion-mnist.ts";

const FACTS = {
  model: "some, model",
  task: { channels: 3, height: 8, width: 9, classes: 2 },
  classNames: ["a,b", 'c"d'],
  normalization: { mean: [0.1, 1 / 3, 0], standardDeviation: [0.2, 1, 1e-3] },
};

test("facts are read exactly as they were written", () => {
  const { task, ...rest } = FACTS;
  expect(factsFromText(factsToText(FACTS), "x")).toEqual({ ...rest, image: { channels: 3, height: 8, width: 9 } });
});

test("a file without fields states nothing, and other fields are ignored", () => {
  expect(factsFromText({ format: "pt" }, "x")).toEqual({});
  expect(factsFromText({ model: "base" }, "x")).toEqual({ model: "base" });
});

test.each<[string, Record<string, string>, RegExp]>([
  ["classes that are no JSON", { classes: "a,b" }, /x: metadata field "classes": expected a JSON list of names/],
  ["no classes", { classes: "[]" }, /"classes"/],
  ["numbers as classes", { classes: "[1]" }, /"classes"/],
  ["a mean of text", { mean: '["0.1"]', standardDeviation: "[1]" }, /"mean": expected a JSON list of numbers/],
  [
    "a deviation of 0",
    { mean: "[0]", standardDeviation: "[0]" },
    /"standardDeviation": .* numbers above 0, found "\[0\]"/,
  ],
  ["a mean alone", { mean: "[0]" }, /"mean": expected as many numbers as standardDeviation has/],
  ["means without their deviations", { mean: "[0,0]", standardDeviation: "[1]" }, /"mean": expected as many/],
  ["a flat image", { image: "28x28" }, /"image": expected sizes like 1x28x28, found "28x28"/],
])("%s is refused by its field", (_, fields, message) => {
  expect(() => factsFromText(fields, "x")).toThrow(UserError);
  expect(() => factsFromText(fields, "x")).toThrow(message);
});

test("an image's sizes are positive integers", () => {
  expect(imageFromText(" 3x32x1 ")).toEqual({ channels: 3, height: 32, width: 1 });
  for (const text of ["0x2x2", "1x2x3x4", "1x-2x3", "1x2.5x3", "axbxc", "1x2x999999", ""]) {
    expect(imageFromText(text)).toBeUndefined();
  }
});

test("the default normalisation of imports is that of Fashion-MNIST's training images", async () => {
  const { train } = trainingData((await fashionMnist()).train, { trainOn: "split", limit: null });
  expect(train.count).toBe(55_000);
  expect(normalizationOf(train)).toEqual(FASHION_MNIST_NORMALIZATION);
});
