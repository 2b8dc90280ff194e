import { describe, expect, test } from "vitest";
import { gradients } from "../../src/compile/gradients.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { channelSum } from "../../src/ops/channels.ts";
import { add, multiply, relu, subtract } from "../../src/ops/elementwise.ts";
import { countCorrect, softmaxCrossEntropy } from "../../src/ops/loss.ts";
import { countComputed } from "../support/count-operations.ts";
import { feedsOf, literal } from "../support/tensors.ts";
import { weightedSum } from "../support/weighted-sum.ts";

const x = literal("x", [3], [1, -2, 3]);
const y = literal("y", [3], [4, 5, -6]);
const ones = literal("ones", [3], [1, 1, 1]);
const feeds = feedsOf([x, y, ones]);
const total = (value: typeof x.value) => weightedSum(value, ones.value);

describe("gradients", () => {
  test("are returned in the order of the values, each in its value's shape", () => {
    const values = gradients(total(multiply(x.value, y.value)), [y.value, x.value]);
    expect(values.map(({ shape }) => shape)).toEqual([[3], [3]]);
    expect(evaluateReference(values, feeds)).toEqual([x.data, y.data]);
  });

  test("add up over all users of a value", () => {
    const square = multiply(x.value, x.value);
    const [dx] = gradients(total(subtract(add(square, square), x.value)), [x.value]);
    // d(2 x^2 - x) = 4 x - 1
    expect(evaluateReference([dx!], feeds)[0]).toEqual(Float64Array.of(3, -9, 11));
  });

  test("are taken with respect to values within the graph too", () => {
    const inner = add(x.value, y.value);
    const [dinner] = gradients(total(multiply(inner, inner)), [inner]);
    expect(evaluateReference([dinner!], feeds)[0]).toEqual(Float64Array.of(10, 6, -6));
  });

  test("are taken with respect to a value whose own operation has no derivative", () => {
    const sums = channelSum(literal("images", [1, 3], [0, 0, 0]).value);
    const [dsums] = gradients(weightedSum(sums, y.value), [sums]);
    expect(evaluateReference([dsums!], feeds)[0]).toEqual(y.data);
  });

  test("with respect to the loss are 1", () => {
    const loss = total(x.value);
    expect(evaluateReference(gradients(loss, [loss]), feeds)).toEqual([Float64Array.of(1)]);
  });

  test("do not compute what the requested values do not need", () => {
    const [dx] = gradients(total(add(multiply(x.value, y.value), relu(relu(y.value)))), [x.value]);
    // The path through relu leads to y only.
    expect(countComputed([dx!]).reluGradient).toBeUndefined();
  });
});

describe("gradients refuse", () => {
  test("a loss that is not a scalar, naming its shape", () => {
    expect(() => gradients(multiply(x.value, y.value), [x.value])).toThrow(/loss must be \[\], got \[3\]/);
  });

  test("a loss that does not depend on a value, naming the value", () => {
    expect(() => gradients(total(x.value), [x.value, y.value])).toThrow(/does not depend on y/);
  });

  test("a loss that depends on a value only through inputs without derivative", () => {
    const logits = literal("logits", [1, 3], [1, 2, 3]);
    const labels = literal("labels", [1], [2], "int32");
    const loss = softmaxCrossEntropy(logits.value, labels.value, { labelSmoothing: 0 });
    expect(() => gradients(loss, [labels.value])).toThrow(/does not depend on labels/);
  });

  test("a path through an operation without derivative, naming the operation", () => {
    const logits = literal("logits", [1, 3], [1, 2, 3]);
    const labels = literal("labels", [1], [2], "int32");
    expect(() => gradients(countCorrect(logits.value, labels.value), [logits.value])).toThrow(
      /countCorrect has no derivative/,
    );
  });
});
