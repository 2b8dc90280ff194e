import { describe, expect, test } from "vitest";
import { drawCandidates, gridOf, parseVariation } from "../../src/experiments/variations.ts";
import { userErrorOf } from "../runs/support/helpers.ts";

describe("parsing of --over", () => {
  test.each([
    ["learningRate=0.002,4e-3", [0.002, 0.004]],
    ["augmentation.horizontalFlip=random,alternating,none", ["random", "alternating", null]],
    ["optimizer.nesterov=true,false", [true, false]],
    [
      "optimizer.betas=[0.9,0.99],[0.8,0.999]",
      [
        [0.9, 0.99],
        [0.8, 0.999],
      ],
    ],
    ["batchSize=64", [64]],
    ["x= 1, 2", [1, 2]],
  ])("%s lists values", (text, values) => {
    expect(parseVariation(text)).toEqual({ kind: "list", field: text.slice(0, text.indexOf("=")), values });
  });

  test.each([
    ["learningRate=1e-4..1e-2", 1e-4, 1e-2],
    ["batchSize=32..256", 32, 256],
    ["labelSmoothing=.01..0.2", 0.01, 0.2],
  ])("%s is a range", (text, low, high) => {
    expect(parseVariation(text)).toEqual({ kind: "range", field: text.slice(0, text.indexOf("=")), low, high });
  });

  test.each([
    ["learningRate", /must name a field and its values, got "learningRate"; write field=a,b,c or field=low\.\.high/],
    ["=1,2", /must name a field/],
    ["learningRate=", /must name a field/],
    ["learningRate=1,,2", /has an empty value/],
    ["optimizer.betas=[0.9,],[0.8,0.99]", /has an empty value/],
    ["optimizer.betas=[]", /has an empty value/],
    ["learningRate=1,1.0", /has a value twice/],
    ["learningRate=0..1", /a range of two numbers above 0, the smaller first/],
    ["learningRate=2..1", /a range of two numbers/],
    ["learningRate=0.01..0.02,0.03", /takes values or one range, not both/],
    ["learningRate=a..b", /a range of two numbers/],
  ])("%s is refused", (text, message) => {
    const error = userErrorOf(() => parseVariation(text));
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(message);
  });
});

test("a grid is every combination, the last field changing fastest", () => {
  expect(gridOf([parseVariation("a=1,2"), parseVariation("b=x,y,none")])).toEqual([
    { a: 1, b: "x" },
    { a: 1, b: "y" },
    { a: 1, b: null },
    { a: 2, b: "x" },
    { a: 2, b: "y" },
    { a: 2, b: null },
  ]);
  const numbers = Array.from({ length: 32 }, (_, i) => i + 1).join(",");
  const wide = [parseVariation(`a=${numbers}`), parseVariation(`b=${numbers}`)];
  expect(userErrorOf(() => gridOf(wide)).message).toMatch(/the grid has more than 1000 candidates/);
  expect(userErrorOf(() => gridOf([parseVariation("a=1..2")])).message).toMatch(/a has a range.*`random`/);
});

describe("drawn candidates", () => {
  const variations = [parseVariation("rate=1e-4..1e-2"), parseVariation("batch=32..256"), parseVariation("flip=x,y")];
  const drawn = drawCandidates(variations, 400);

  test("are log-uniform in their ranges; integer ends give integers", () => {
    const rates = drawn.map(({ rate }) => Number(rate));
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(1e-4);
    expect(Math.max(...rates)).toBeLessThanOrEqual(1e-2);
    // Half of them below the geometric middle, 1e-3, give or take four standard deviations; evenly drawn ones: a tenth.
    expect(Math.abs(rates.filter((rate) => rate < 1e-3).length / 400 - 0.5)).toBeLessThan(0.1);
    expect(rates.every((rate) => rate === Number(rate.toPrecision(3)))).toBe(true);
    const batches = drawn.map(({ batch }) => Number(batch));
    expect(batches.every((batch) => Number.isInteger(batch) && batch >= 32 && batch <= 256)).toBe(true);
    expect(new Set(drawn.map(({ flip }) => flip))).toEqual(new Set(["x", "y"]));
  });

  test("have independent fields", () => {
    const high = drawn.filter(({ flip }) => flip === "x").filter(({ rate }) => Number(rate) > 1e-3).length;
    expect(Math.abs(high / drawn.filter(({ flip }) => flip === "x").length - 0.5)).toBeLessThan(0.15);
  });

  test("are the same each time, and a larger count begins with the same", () => {
    expect(drawCandidates(variations, 7)).toEqual(drawn.slice(0, 7));
  });

  test("are different, and at most as many as there are", () => {
    const few = drawCandidates([parseVariation("a=1,2"), parseVariation("b=3,4")], 20);
    expect(few.toSorted((p, q) => Number(p.a) - Number(q.a) || Number(p.b) - Number(q.b))).toEqual([
      { a: 1, b: 3 },
      { a: 1, b: 4 },
      { a: 2, b: 3 },
      { a: 2, b: 4 },
    ]);
  });
});
