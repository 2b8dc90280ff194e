import { describe, expect, test } from "vitest";
import { assignLayouts } from "../../src/compile/assign-layouts.ts";
import { compile, type TensorSpec } from "../../src/compile/compile.ts";
import type { Lowering, Program } from "../../src/compile/program.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { topologicalOrder, type Value } from "../../src/graph/value.ts";
import { base, enhanced } from "../../src/models/study.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { add, multiply, relu } from "../../src/ops/elementwise.ts";
import { input, inputName } from "../../src/ops/leaves.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { maxPool2d } from "../../src/ops/pooling.ts";
import { flatten } from "../../src/ops/reshape.ts";
import { adam } from "../../src/optim/adam.ts";
import { trainingProgram } from "../../src/training/training-program.ts";
import { blockedNodesOf, CASE_BLOCK, lowerings, programOf, runValues, seamsOf } from "../support/run-program.ts";
import { feedsOf, tensor } from "../support/tensors.ts";

const task = { channels: 1, height: 28, width: 28, classes: 10 };
const options = {
  task,
  batchSize: 16,
  normalization: { mean: [0.286], standardDeviation: [0.353] },
  optimizer: adam(),
  labelSmoothing: 0.1,
};

function layoutNames(specs: readonly TensorSpec[]): Record<string, string> {
  return Object.fromEntries(specs.map(({ name, layout }) => [name, layout.name]));
}

describe.each([8, 16])("with blocks of %i", (block) => {
  test("the base network's parameters have the layouts of their layers", () => {
    const { state } = compile(trainingProgram(base, options).program, { kind: "blocked", block });
    expect(layoutNames(state)).toMatchObject({
      "conv1.weight": `output-weights/${block}`,
      "conv1.bias": "canonical",
      "conv2.weight": `weights/${block}`,
      "conv2.bias": "canonical",
      "fc1.weight": `columns/${block}x49`,
      "fc1.bias": "canonical",
      "fc2.weight": "canonical",
      "fc2.bias": "canonical",
    });
  });

  test("the optimizer's state has its parameter's layout", () => {
    const { state } = compile(trainingProgram(base, options).program, { kind: "blocked", block });
    const layouts = layoutNames(state);
    const parameters = Object.keys(layouts).filter((name) => !/\.exp_avg(_sq)?$/.test(name));
    expect(parameters).toHaveLength(8);
    for (const name of parameters) {
      expect(layouts[`${name}.exp_avg`], name).toBe(layouts[name]);
      expect(layouts[`${name}.exp_avg_sq`], name).toBe(layouts[name]);
    }
  });

  test.each([base, enhanced])("a training step of $name converts no parameter, gradient or state", (model) => {
    const compiled = compile(trainingProgram(model, options).program, { kind: "blocked", block });
    const labels = seamsOf(compiled).map(({ label }) => label);
    expect(labels.filter((label) => /weights|columns/.test(label))).toEqual([]);
    expect(blockedNodesOf(compiled).length).toBeGreaterThan(10);
  });
});

test("the standard lowering leaves every tensor canonical and converts no layout", () => {
  const compiled = compile(trainingProgram(enhanced, options).program, { kind: "standard" });
  expect(new Set(Object.values(layoutNames(compiled.state)))).toEqual(new Set(["canonical"]));
  expect(seamsOf(compiled)).toEqual([]);
  expect(blockedNodesOf(compiled)).toEqual([]);
});

const block = 8;
const lowering: Lowering = { kind: "blocked", block };
const images = input("images", [2, block, 4, 4]);

/** A program whose input images are canonical, like pixels. */
function fedProgram(outputs: Readonly<Record<string, Value>>, parameters: readonly Value[] = []): Program {
  return { name: "test", feeds: [images], parameters, state: [], outputs };
}

describe("a layout conversion", () => {
  const [first, second] = [input("first", [block, block, 3, 3]), input("second", [block, block, 1, 1])];

  test("is written once, however many users need the value in that layout", () => {
    const outputs = { pool: maxPool2d(images, { size: 2 }), a: conv2d(images, first), b: conv2d(images, second) };
    const seams = seamsOf(compile(fedProgram(outputs, [first, second]), lowering));
    const into = seams.filter(({ label }) => label === `reorder canonical to images/${block}`);
    expect(into.map(({ opType }) => opType)).toEqual(["ReorderInput"]);
    expect(seams.filter(({ opType }) => opType === "ReorderOutput")).toHaveLength(3);
  });

  test("out of the blocked layout is written once too", () => {
    const y = conv2d(images, first);
    const weight = input("dense", [3, 4]);
    const rows = matmul(flatten(relu(y)), input("tall", [block * 4, 3]), { transposeA: false, transposeB: false });
    const tall = rows.inputs[1]!;
    const outputs = { y, again: y, product: matmul(rows, weight, { transposeA: false, transposeB: false }) };
    const seams = seamsOf(compile(fedProgram(outputs, [first, tall, weight]), lowering));
    expect(seams.filter(({ opType }) => opType === "ReorderOutput")).toHaveLength(1);
  });

  test("is not inserted between operations that both run blocked", () => {
    const y = maxPool2d(relu(conv2d(images, first)), { size: 2 });
    const seams = seamsOf(compile(fedProgram({ y: add(y, multiply(y, y)) }, [first]), lowering));
    expect(seams.map(({ opType }) => opType)).toEqual(["ReorderInput", "ReorderOutput"]);
  });
});

describe("a parameter", () => {
  test("gets the layout that its first user requires", () => {
    const weight = input("weight", [block, block, 3, 3]);
    const order = topologicalOrder([conv2d(images, weight), relu(weight)]);
    const { layouts, plans } = assignLayouts(order, { block, free: new Set(["weight"]), like: new Map() });
    expect(layouts.get(weight)!.name).toBe(`weights/${block}`);
    expect(plans.get(order.find(({ op }) => op.name === "relu")!)!.output.name).toBe(`weights/${block}`);
  });

  test("that no blocked operation reads stays canonical", () => {
    const weight = input("weight", [block + 1, block, 3, 3]);
    const order = topologicalOrder([conv2d(images, weight)]);
    const { layouts, plans } = assignLayouts(order, { block, free: new Set(["weight"]), like: new Map() });
    expect(layouts.get(weight)!.name).toBe("canonical");
    expect(plans.size).toBe(0);
  });

  test("is not given a blocked layout when it is a feed instead", () => {
    const weight = input("weight", [block, block, 3, 3]);
    const order = topologicalOrder([conv2d(images, weight)]);
    const { layouts } = assignLayouts(order, { block, free: new Set(), like: new Map() });
    expect(layouts.get(weight)!.name).toBe("canonical");
  });

  test("and its optimizer state share one layout, whichever is read first", () => {
    const [weight, slot] = [input("weight", [block, block, 3, 3]), input("slot", [block, block, 3, 3])];
    const like = new Map([["slot", "weight"]]);
    const order = topologicalOrder([conv2d(images, weight), multiply(slot, slot)]);
    const { layouts } = assignLayouts(order, { block, free: new Set(["weight", "slot"]), like });
    expect([weight, slot].map((value) => `${inputName(value)} ${layouts.get(value)!.name}`)).toEqual([
      `weight weights/${block}`,
      `slot weights/${block}`,
    ]);
  });

  test.each(lowerings())("read in two layouts has the right values in both: $kind", async (each) => {
    const x = tensor("x", [2, CASE_BLOCK, 3, 3], "integers");
    const weight = tensor("weight", [CASE_BLOCK, CASE_BLOCK, 3, 3], "integers");
    const outputs = [
      conv2d(x.value, weight.value, { padding: [1, 1] }),
      flatten(weight.value),
      maxPool2d(weight.value, { size: 2 }),
      multiply(weight.value, weight.value),
    ];
    const feeds = feedsOf([x, weight]);
    const expected = evaluateReference(outputs, feeds);
    const received = await runValues(outputs, feeds, { lowering: each });
    for (const [i, numbers] of expected.entries()) expect(received[i]).toBeClose(numbers, { tolerance: 0 });
    expect(programOf(outputs, feeds).parameters).toHaveLength(2);
  });
});
