import { describe, expect, test } from "vitest";
import { type Rule, rewrite } from "../../src/compile/rewrite.ts";
import { topologicalOrder, type Value } from "../../src/graph/value.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { add, multiply, relu, subtract } from "../../src/ops/elementwise.ts";
import { constant, input } from "../../src/ops/leaves.ts";
import { maxPool2d } from "../../src/ops/pooling.ts";
import { countComputed, countOperations } from "../support/count-operations.ts";

const [a, b] = [input("a", [2, 3]), input("b", [2, 3])];
const images = input("images", [1, 2, 4, 4]);

function simplified(...outputs: Value[]): Value[] {
  return rewrite(outputs, []);
}

describe("common subexpressions", () => {
  test("equal values become one, at any depth", () => {
    const [result] = simplified(multiply(relu(add(a, b)), relu(add(a, b))));
    expect(countComputed([result!])).toEqual({ add: 1, relu: 1, multiply: 1 });
    expect(result!.inputs[0]).toBe(result!.inputs[1]);
  });

  test("equal outputs become one value, and stay two outputs", () => {
    const results = simplified(relu(a), relu(a));
    expect(results).toHaveLength(2);
    expect(results[0]).toBe(results[1]);
  });

  test("inputs of one name are one", () => {
    const [result] = simplified(add(input("same", [2]), input("same", [2])));
    expect(countOperations([result!])).toEqual({ input: 1, add: 1 });
  });

  test.each<[string, () => Value[]]>([
    ["another operation", () => [add(a, b), subtract(a, b)]],
    ["another order of the inputs", () => [subtract(a, b), subtract(b, a)]],
    ["other inputs", () => [relu(a), relu(b)]],
    ["an input of another name and the same shape", () => [input("p", [2]), input("q", [2])]],
    ["another number attribute", () => [maxPool2d(images, { size: 2 }), maxPool2d(images, { size: 4 })]],
    [
      "another list attribute",
      () => {
        const weight = input("weight", [1, 2, 3, 3]);
        return [conv2d(images, weight, { padding: [0, 1] }), conv2d(images, weight, { padding: [1, 0] })];
      },
    ],
    ["another constant", () => [constant(1), constant(1 + 2 ** -40)]],
    ["the other sign of infinity", () => [constant(Number.POSITIVE_INFINITY), constant(Number.NEGATIVE_INFINITY)]],
    ["the other zero", () => [constant(0), constant(-0)]],
  ])("%s keeps two values apart", (_name, make) => {
    const results = simplified(...make());
    expect(results[0]).not.toBe(results[1]);
  });
});

/** relu(relu(x)) -> relu(x) */
const onceRule: Rule = {
  name: "once",
  rewrite: (value) => (value.op.name === "relu" && value.inputs[0]!.op.name === "relu" ? value.inputs[0] : undefined),
};

describe("rules", () => {
  test("apply again to their own results, until none applies", () => {
    const [result] = rewrite([relu(relu(relu(relu(relu(a)))))], [onceRule]);
    expect(countComputed([result!])).toEqual({ relu: 1 });
  });

  test("leave no unreachable values", () => {
    const dropRule: Rule = {
      name: "drop",
      rewrite: (value) => (value.op.name === "multiply" ? value.inputs[0] : undefined),
    };
    const [result] = rewrite([multiply(a, relu(b))], [dropRule]);
    expect(result).toBe(a);
    expect(topologicalOrder([result!])).toEqual([a]);
  });

  test("see values below rebuilt by rules, not the old ones", () => {
    const [result] = rewrite([add(relu(relu(a)), b)], [onceRule]);
    expect(result!.inputs[0]!.inputs[0]).toBe(a);
    expect(result!.inputs[1]).toBe(b);
  });

  test("count the graph's outputs among a value's users", () => {
    const counts: number[] = [];
    const countRule: Rule = {
      name: "count",
      rewrite(value, { uses }) {
        if (value.op.name === "relu") counts.push(uses(value));
        return undefined;
      },
    };
    const y = relu(a);
    rewrite([add(y, y)], [countRule]);
    rewrite([add(y, b), y], [countRule]);
    rewrite([y], [countRule]);
    expect(counts).toEqual([2, 2, 1]);
  });

  test("that undo each other end with an error that names them", () => {
    const there: Rule = {
      name: "there",
      rewrite: (v) => (v.op.name === "add" ? multiply(v.inputs[0]!, v.inputs[1]!) : undefined),
    };
    const back: Rule = {
      name: "back",
      rewrite: (v) => (v.op.name === "multiply" ? add(v.inputs[0]!, v.inputs[1]!) : undefined),
    };
    expect(() => rewrite([add(a, b)], [there, back])).toThrow(/did not end .* there, back/);
  });

  test("that grow the graph forever end with an error", () => {
    const grow: Rule = {
      name: "grow",
      rewrite: (v) => (v.op.name === "relu" ? relu(add(v.inputs[0]!, b)) : undefined),
    };
    expect(() => rewrite([relu(a)], [grow])).toThrow(/did not end/);
  });

  test("reach the end of a chain of 20,000 values", () => {
    let y = a;
    for (let i = 0; i < 20_000; i++) y = add(y, b);
    expect(countComputed(rewrite([y], [onceRule]))).toEqual({ add: 20_000 });
  });
});

test("a graph to which no rule applies is returned unchanged", () => {
  const y = multiply(add(a, b), relu(a));
  expect(simplified(y)[0]).toBe(y);
});
