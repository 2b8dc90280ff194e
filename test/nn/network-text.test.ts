import { describe, expect, test } from "vitest";
import { MODELS } from "../../src/models/index.ts";
import { batchNorm, conv2d, dropout, flatten, type Layer, linear, maxPool2d, relu } from "../../src/nn/index.ts";
import { networkText } from "../../src/nn/network-text.ts";

const TASK = { channels: 1, height: 8, width: 8, classes: 3 };
const textOf = (layers: readonly Layer[], task = TASK) => networkText({ name: "any", layers: () => layers }, task);
const base = (): Layer[] => [
  conv2d(4, { kernelSize: 3, padding: 1 }),
  batchNorm(),
  relu(),
  maxPool2d(2),
  flatten(),
  dropout(0.5),
  linear(3),
];
const changed = (index: number, ...layers: Layer[]) => textOf(base().toSpliced(index, 1, ...layers));

test("the same network has the same text, whatever its name and however its list is coded", () => {
  expect(textOf(base())).toBe(textOf(base()));
  const described = base().map((layer) => ({ ...layer, description: "another word" }));
  expect(textOf(described)).toBe(textOf(base()));
});

describe("a network that computes something different has another text", () => {
  test.each<[string, () => string]>([
    ["width", () => changed(0, conv2d(5, { kernelSize: 3, padding: 1 }))],
    ["kernel", () => changed(0, conv2d(4, { kernelSize: 5, padding: 2 }))],
    ["bias", () => changed(0, conv2d(4, { kernelSize: 3, padding: 1, bias: false }))],
    ["batch norm's momentum", () => changed(1, batchNorm({ momentum: 0.3 }))],
    ["batch norm's epsilon", () => changed(1, batchNorm({ epsilon: 1e-3 }))],
    ["no ReLU", () => changed(2)],
    ["ReLU after the pool", () => textOf(base().toSpliced(2, 2, maxPool2d(2), relu()))],
    ["dropout's rate", () => changed(5, dropout(0.4))],
    ["no dropout", () => changed(5)],
    ["image size", () => textOf(base(), { ...TASK, height: 10 })],
  ])("%s", (_, text) => expect(text()).not.toBe(textOf(base())));

  test("all built-in models have different texts", () => {
    const texts = MODELS.map((model) => networkText(model, { ...TASK, height: 32, width: 32 }));
    expect(new Set(texts).size).toBe(MODELS.length);
  });
});
