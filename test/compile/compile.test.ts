import { describe, expect, test } from "vitest";
import { compile, nextName } from "../../src/compile/compile.ts";
import { gradients } from "../../src/compile/gradients.ts";
import type { Program } from "../../src/compile/program.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { apply, type Op, type Value } from "../../src/graph/value.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { conv2dWeightGradient } from "../../src/ops/convolution/weight-gradient.ts";
import { add, multiply, relu, subtract } from "../../src/ops/elementwise.ts";
import { constant, input } from "../../src/ops/leaves.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { CASE_BLOCK, lowerings, nodesOf, runValues } from "../support/run-program.ts";
import { feedsOf, tensor } from "../support/tensors.ts";
import { weightedSum } from "../support/weighted-sum.ts";

const standard = { kind: "standard" } as const;
const [a, b] = [input("a", [2, 2]), input("b", [2, 2])];

function program(parts: Partial<Program>): Program {
  return { name: "test", feeds: [], state: [], outputs: {}, ...parts };
}

describe("a compiled program", () => {
  test("declares the program's inputs and outputs in order, used or not", () => {
    const state = [{ name: "b", input: b, next: multiply(b, constant(2)) }];
    const parameters = [input("unused too", [3])];
    const feeds = [input("unused", [1], "uint8"), a];
    const compiled = compile(program({ feeds, parameters, state, outputs: { sum: add(a, b), again: a } }), standard);
    expect(compiled.feeds.map(({ name, dtype }) => [name, dtype])).toEqual([
      ["unused", "uint8"],
      ["a", "float32"],
    ]);
    expect(compiled.parameters.map(({ name }) => name)).toEqual(["unused too"]);
    expect(compiled.state.map(({ name }) => name)).toEqual(["b"]);
    expect(compiled.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["sum", [2, 2]],
      ["again", [2, 2]],
    ]);
    const written = nodesOf(compiled).flatMap(({ outputs }) => outputs);
    expect(written).toEqual(expect.arrayContaining(["sum", "again", nextName("b")]));
  });

  test.each(lowerings())("can have inputs, constants and equal values as outputs: $kind", async (lowering) => {
    const [x, y] = [tensor("x", [3], "uniform"), tensor("y", [3], "uniform")];
    const outputs = [x.value, add(x.value, y.value), add(x.value, y.value), constant(0.5)];
    const results = await runValues(outputs, feedsOf([x, y]), { lowering });
    const sum = x.data.map((element, i) => Math.fround(element + y.data[i]!));
    expect(results.map((result) => [...result])).toEqual([[...x.data], [...sum], [...sum], [0.5]]);
  });

  test("refuses an input that is neither fed nor state, naming it", () => {
    const incomplete = program({ feeds: [a], outputs: { sum: add(a, b) } });
    expect(() => compile(incomplete, standard)).toThrow(/test: input "b" is used, but neither fed nor state/);
  });

  test("refuses an operation without lowering that no rule has expanded, naming it", () => {
    const bare: Op<Record<string, never>> = {
      name: "bare",
      infer: ([x]) => ({ shape: x!.shape }),
      reference: ([x]) => x!.data,
    };
    const parts = program({ feeds: [a], outputs: { y: apply(bare, [a], {}) } });
    expect(() => compile(parts, standard, [])).toThrow(/bare has no lowering/);
    const expanded = { ...bare, expand: (value: Value) => relu(value.inputs[0]!) };
    expect(() => compile(program({ feeds: [a], outputs: { y: apply(expanded, [a], {}) } }), standard)).not.toThrow();
  });
});

/** Two state tensors that a step updates by integers, each from the other; one of them is packed. */
function steppingProgram() {
  const x = tensor("x", [2, 3, 4, 4], "integers");
  const weight = tensor("weight", [CASE_BLOCK, 3, 3, 3], "integers");
  const velocity = tensor("velocity", weight.value.shape, "zeros");
  const untouched = tensor("untouched", [2], "integers");
  const upstream = tensor("upstream", [2, CASE_BLOCK, 4, 4], "integers");
  const y = relu(conv2d(x.value, weight.value, { padding: [1, 1] }));
  const loss = weightedSum(y, upstream.value);
  const [gradient] = gradients(loss, [weight.value]);
  const nextVelocity = add(multiply(velocity.value, constant(0.5)), gradient!);
  const nextWeight = subtract(weight.value, multiply(nextVelocity, constant(0.25)));
  return {
    feeds: [x, upstream],
    state: [
      { tensor: weight, next: nextWeight },
      { tensor: velocity, next: nextVelocity, like: "weight" },
      { tensor: untouched, next: untouched.value },
    ],
    outputs: { loss, y },
  };
}

describe.each(lowerings())("state in the $kind lowering", (lowering) => {
  test("is updated at each run as in the reference, bit for bit", async () => {
    const { feeds, state, outputs } = steppingProgram();
    const nameOf = (value: Value) => String(value.attributes.name);
    const compiled = compile(
      program({
        feeds: feeds.map(({ value }) => value),
        state: state.map(({ tensor: { value }, ...rest }) => ({ ...rest, name: nameOf(value), input: value })),
        outputs,
      }),
      lowering,
    );
    const isPacked = lowering.kind === "blocked";
    const layouts = compiled.state.map(({ layout }) => layout.name !== "canonical");
    expect(layouts).toEqual([isPacked, isPacked, false]);

    const session = await nodeRuntime.open(compiled, { threads: 2 });
    try {
      session.load(new Map(state.map(({ tensor: { value, data } }) => [nameOf(value), Float32Array.from(data)])));
      const fed = Object.fromEntries(feeds.map(({ value, data }) => [nameOf(value), Float32Array.from(data)]));
      const current = feedsOf([...feeds, ...state.map((entry) => entry.tensor)]);
      for (let step = 0; step < 3; step++) {
        const expected = evaluateReference([outputs.loss, outputs.y, ...state.map(({ next }) => next)], current);
        const { loss, y } = await session.run(fed);
        expect(loss).toBeClose(expected[0]!, { tolerance: 0 });
        expect(y).toBeClose(expected[1]!, { tolerance: 0 });
        const saved = await session.save();
        for (const [i, { tensor: moved }] of state.entries()) {
          expect(saved.get(nameOf(moved.value))).toBeClose(expected[2 + i]!, { tolerance: 0 });
          current.set(moved.value, expected[2 + i]!);
        }
      }
    } finally {
      await session.release();
    }
  });

  test("may be replaced by a value in another layout", async () => {
    const weight = tensor("weight", [CASE_BLOCK, CASE_BLOCK, 1, 1], "integers");
    const x = tensor("x", [2, CASE_BLOCK, 1, 1], "integers");
    const dy = tensor("dy", [2, CASE_BLOCK, 1, 1], "integers");
    const attributes = { stride: 1, padding: [0, 0] as const, shape: weight.value.shape };
    const next = conv2dWeightGradient(x.value, dy.value, attributes);
    // No blocked operation reads the weight, so it stays canonical while its new value is packed.
    const state = [{ name: "weight", input: weight.value, next }];
    const compiled = compile(program({ feeds: [x.value, dy.value], state, outputs: { relu: weight.value } }), lowering);
    const session = await nodeRuntime.open(compiled, { threads: 1 });
    try {
      session.load(new Map([["weight", Float32Array.from(weight.data)]]));
      await session.run({ x: Float32Array.from(x.data), dy: Float32Array.from(dy.data) });
      const [expected] = evaluateReference([next], feedsOf([x, dy]));
      expect((await session.save()).get("weight")).toBeClose(expected!, { tolerance: 0 });
    } finally {
      await session.release();
    }
  });
});
