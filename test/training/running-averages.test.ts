import { expect, test } from "vitest";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { topologicalOrder, type Value } from "../../src/graph/value.ts";
import { batchNorm, buildModel, conv2d, flatten, linear, relu } from "../../src/nn/index.ts";
import { add, multiply } from "../../src/ops/elementwise.ts";
import { constant, input } from "../../src/ops/leaves.ts";
import { averageTogether } from "../../src/training/running-averages.ts";

/** Numbers that differ everywhere. */
function feedsOf(values: readonly Value[]): Map<Value, Float64Array> {
  let count = 0;
  return new Map(
    topologicalOrder(values)
      .filter(({ op }) => op.name === "input")
      .map((value) => {
        const size = value.shape.reduce((product, length) => product * length, 1);
        return [value, Float64Array.from({ length: size }, () => 0.1 + (++count % 17) / 7)];
      }),
  );
}

test("batch norm's statistics get the same values together as one by one, by fewer operations", () => {
  const model = {
    name: "norms",
    layers: () => [
      conv2d(3, { kernelSize: 3 }),
      batchNorm(),
      relu(),
      conv2d(5, { kernelSize: 3 }),
      batchNorm({ momentum: 0.3 }),
      flatten(),
      linear(2),
      batchNorm(),
    ],
  };
  const { buffers } = buildModel(model, {
    task: { channels: 1, height: 6, width: 6, classes: 2 },
    batchSize: 2,
    mode: "training",
    normalization: { mean: [0.5], standardDeviation: [0.5] },
  });
  const alone = buffers.map(({ value, next }) => ({ value, next: next! }));
  const together = averageTogether(alone);
  const nexts = (updates: typeof alone) => updates.map(({ next }) => next);
  expect(together.map(({ value }) => value)).toEqual(alone.map(({ value }) => value));
  const feeds = feedsOf(nexts(alone));
  expect(evaluateReference(nexts(together), feeds)).toEqual(evaluateReference(nexts(alone), feeds));
  const sums = (updates: typeof alone) => {
    const before = new Set(
      topologicalOrder(updates.flatMap(({ next }) => next.inputs.flatMap(({ inputs }) => inputs))),
    );
    return topologicalOrder(nexts(updates)).filter((value) => value.op.name === "add" && !before.has(value)).length;
  };
  expect([sums(alone), sums(together)]).toEqual([6, 1]);
});

test("what is no running average stays as it is", () => {
  const [a, b, c, d, x] = ["a", "b", "c", "d", "x"].map((name) => input(name, [3]));
  const updates = [
    { value: a!, next: add(multiply(a!, constant(0.9)), multiply(x!, constant(0.1))) },
    { value: b!, next: multiply(b!, x!) },
    // Of another buffer, and the other way round.
    { value: c!, next: add(a!, multiply(x!, constant(0.1))) },
    { value: d!, next: add(multiply(x!, constant(0.1)), d!) },
  ];
  expect(averageTogether(updates)).toEqual(updates);
  const more = [...updates, { value: x!, next: add(x!, multiply(a!, constant(2))) }];
  const together = averageTogether(more);
  expect(together.slice(1, 4)).toEqual(updates.slice(1));
  expect(together[0]!.next).not.toBe(updates[0]!.next);
  const feeds = feedsOf(more.map(({ next }) => next));
  expect(evaluateReference([together[0]!.next, together[4]!.next], feeds)).toEqual(
    evaluateReference([more[0]!.next, more[4]!.next], feeds),
  );
});
