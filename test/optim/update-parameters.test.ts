import { expect, test } from "vitest";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { type Shape, sizeOf } from "../../src/graph/shape.ts";
import { topologicalOrder, type Value } from "../../src/graph/value.ts";
import { input } from "../../src/ops/leaves.ts";
import { createOptimizer } from "../../src/optim/index.ts";
import { type ParameterUpdate, updateParameters } from "../../src/optim/update-parameters.ts";

const SHAPES: readonly Shape[] = [[3], [2, 3], [1], [4], [2, 1, 2, 2]];
const OPTIMIZERS = [
  { kind: "sgd" },
  { kind: "sgd", momentum: 0.9, weightDecay: 0.1 },
  { kind: "adam" },
  { kind: "adamw", weightDecay: 0.1 },
  { kind: "muon", weightDecay: 0.1 },
] as const;

function setting(options: (typeof OPTIMIZERS)[number], shapes: readonly Shape[]) {
  const optimizer = createOptimizer(options);
  const parameters = shapes.map((shape, i): ParameterUpdate => {
    const slots = optimizer.slotsOf(shape).map((slot) => [slot, input(`${slot} ${i}`, shape)] as const);
    return {
      parameter: input(`parameter ${i}`, shape),
      gradient: input(`gradient ${i}`, shape),
      slots: Object.fromEntries(slots),
    };
  });
  const settings = Object.fromEntries(optimizer.settings.map((name) => [name, input(name, [])]));
  // Numbers that differ everywhere; state of squares must not be negative.
  let count = 0;
  const numbers = (shape: Shape) => Float64Array.from({ length: sizeOf(shape) }, () => 0.1 + (++count % 17) / 7);
  const feeds = new Map<Value, ArrayLike<number>>(
    [...parameters.flatMap(({ parameter, gradient, slots }) => [parameter, gradient, ...Object.values(slots)])].map(
      (value) => [value, numbers(value.shape)],
    ),
  );
  for (const [name, number] of Object.entries(optimizer.settingsAt(3, 0.01))) feeds.set(settings[name]!, [number]);
  return { optimizer, parameters, settings, feeds };
}

test.each(OPTIMIZERS)("vectors updated together get the same values as separately: %o", (options) => {
  const { optimizer, parameters, settings, feeds } = setting(options, SHAPES);
  const together = updateParameters(optimizer, parameters, settings);
  const alone = parameters.map((parameter) => optimizer.update({ ...parameter, settings }));
  const valuesOf = (results: typeof alone) =>
    results.flatMap(({ parameter, slots }, i) => [
      parameter,
      ...Object.keys(parameters[i]!.slots).map((slot) => slots[slot]!),
    ]);
  expect(valuesOf(together).map(({ shape }) => shape)).toEqual(valuesOf(alone).map(({ shape }) => shape));
  expect(evaluateReference(valuesOf(together), feeds)).toEqual(evaluateReference(valuesOf(alone), feeds));
});

test("three vectors share the operations of one update, and a single one is not concatenated", () => {
  const countOf = (shapes: readonly Shape[], kind: string) => {
    const { optimizer, parameters, settings } = setting({ kind: "adam" }, shapes);
    const results = updateParameters(optimizer, parameters, settings);
    const values = results.flatMap(({ parameter, slots }) => [parameter, ...Object.values(slots)]);
    return topologicalOrder(values).filter(({ op }) => op.name === kind).length;
  };
  expect(countOf([[3], [5], [2]], "squareRoot")).toBe(1);
  expect(countOf([[3], [5], [2]], "concat")).toBe(4);
  expect(countOf([[3]], "squareRoot")).toBe(1);
  expect(countOf([[3]], "concat")).toBe(0);
});
