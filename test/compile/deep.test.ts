import { expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { Value } from "../../src/graph/value.ts";
import { batchNorm, conv2d, flatten, globalAveragePool, linear, relu } from "../../src/nn/index.ts";
import { buildModel, type Model } from "../../src/nn/model.ts";
import { stepProgram } from "../support/training-step.ts";

const TASK = { channels: 1, height: 4, width: 4, classes: 10 };

/** A network of 3 * depth + 3 layers. */
function deepNetwork(depth: number): Model {
  const stage = () => [conv2d(8, { kernelSize: 3, padding: 1, bias: false }), batchNorm(), relu()];
  return {
    name: "deep",
    layers: () => [...Array.from({ length: depth }, stage).flat(), globalAveragePool(), flatten(), linear(10)],
  };
}

/** How often the inputs of the network's values are read while it is built: once per visit of a value. */
function inputsAskedFor(depth: number): number {
  let asked = 0;
  const watched = (y: Value) => {
    const { inputs } = y;
    Object.defineProperty(y, "inputs", {
      enumerable: true,
      get: () => {
        asked++;
        return inputs;
      },
    });
    return y;
  };
  const model: Model = {
    name: "watched",
    layers: (task) =>
      deepNetwork(depth)
        .layers(task)
        .map((layer) => ({ ...layer, forward: (x, context) => watched(layer.forward(x, context)) })),
  };
  const normalization = { mean: [0], standardDeviation: [1] };
  buildModel(model, { task: TASK, batchSize: 2, mode: "training", normalization });
  return asked;
}

test("the number of visits per layer does not grow with the depth of the network", () => {
  const [one, two, four] = [inputsAskedFor(10), inputsAskedFor(20), inputsAskedFor(40)];
  expect(two - one).toBeGreaterThan(0);
  expect(four - two).toBe(2 * (two - one));
});

test("a network of 1,000 layers is built, differentiated and compiled", () => {
  const program = stepProgram(deepNetwork(333), { task: TASK, optimizer: { kind: "sgd" } });
  const { operations, state } = compile(program, { kind: "blocked", block: 8 });
  expect(operations.filter(({ kind }) => kind === "conv2dWeightGradient")).toHaveLength(333);
  expect(state.length).toBe(program.state.length);
});
