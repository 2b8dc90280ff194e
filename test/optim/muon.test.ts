import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { Lowering } from "../../src/compile/program.ts";
import { UserError } from "../../src/errors.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { topologicalOrder, type Value } from "../../src/graph/value.ts";
import { input } from "../../src/ops/leaves.ts";
import { type MuonOptions, muon, orthogonalize } from "../../src/optim/muon.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { build, type TensorSpec } from "../golden/inputs.ts";

interface GoldenCase {
  readonly options: MuonOptions;
  readonly parameter: TensorSpec;
  readonly gradients: readonly TensorSpec[];
  /** The parameter after each step, by the formula on singular values in float64. */
  readonly after: readonly (readonly number[])[];
}

const golden = JSON.parse(readFileSync(new URL("../golden/muon.json", import.meta.url), "utf8")) as {
  readonly learningRates: readonly number[];
  readonly cases: readonly GoldenCase[];
};
const cases = golden.cases.map(
  (one) => [`[${one.parameter.shape.join(", ")}] ${JSON.stringify(one.options)}`, one] as const,
);

/**
 * The polynomial's slope is up to 3.44 a step, so that rounding grows by 3.44^5 = 484 while small singular values are
 * raised; numbers are around 1, and six such moves of up to 0.2 add up.
 */
const GROWTH = 3.4445 ** 5 * 10;
const FLOAT64_TOLERANCE = GROWTH * 2 ** -53;
const FLOAT32_TOLERANCE = GROWTH * 2 ** -24;

function updateOf(options: MuonOptions, shape: Shape) {
  const optimizer = muon(options);
  const [parameter, gradient] = [input("parameter", shape), input("gradient", shape)];
  const slots = Object.fromEntries(optimizer.slotsOf(shape).map((slot) => [slot, input(slot, shape)]));
  const settings = Object.fromEntries(optimizer.settings.map((setting) => [setting, input(setting, [])]));
  const next = optimizer.update({ parameter, gradient, slots, settings });
  return { optimizer, parameter, gradient, slots, settings, next };
}

describe("six steps move the parameter as the formula on singular values says", () => {
  test.each(cases)("%s, in the float64 reference", (_, one) => {
    const { shape } = one.parameter;
    const { optimizer, parameter, gradient, slots, settings, next } = updateOf(one.options, shape);
    let state = new Map<Value, Float64Array>([
      [parameter, build(one.parameter)],
      ...Object.values(slots).map((slot) => [slot, new Float64Array(sizeOf(shape))] as const),
    ]);
    one.after.forEach((expected, step) => {
      const numbers = optimizer.settingsAt(step + 1, golden.learningRates[step]!);
      expect(Object.keys(numbers).toSorted()).toEqual([...optimizer.settings].toSorted());
      const fed = Object.entries(settings).map(([name, value]) => [value, [numbers[name]!]] as const);
      const feeds = new Map<Value, ArrayLike<number>>([...state, [gradient, build(one.gradients[step]!)], ...fed]);
      const results = evaluateReference(
        [next.parameter, ...Object.keys(slots).map((slot) => next.slots[slot]!)],
        feeds,
      );
      state = new Map([...state.keys()].map((value, i) => [value, results[i]!]));
      expect(state.get(parameter)!).toBeClose(expected, { tolerance: FLOAT64_TOLERANCE });
    });
  });

  test.each(cases)("%s, compiled", async (_, one) => {
    const { shape } = one.parameter;
    const { optimizer, parameter, gradient, slots, settings, next } = updateOf(one.options, shape);
    const kept = Object.entries(slots).map(([slot, value]) => ({ slot, value }));
    const session = await nodeRuntime.open(
      compile(
        {
          name: "muon",
          feeds: [gradient, ...Object.values(settings)],
          state: [
            { name: "parameter", input: parameter, next: next.parameter },
            ...kept.map(({ slot, value }) => ({
              name: slot,
              input: value,
              next: next.slots[slot]!,
              like: "parameter",
            })),
          ],
          outputs: {},
        },
        { kind: "standard" } satisfies Lowering,
      ),
      { threads: 1 },
    );
    try {
      const zeros = kept.map(({ slot }) => [slot, new Float32Array(sizeOf(shape))] as const);
      session.load(new Map([["parameter", Float32Array.from(build(one.parameter))], ...zeros]));
      for (const [step, expected] of one.after.entries()) {
        const scalars = Object.entries(optimizer.settingsAt(step + 1, golden.learningRates[step]!));
        await session.run({
          gradient: Float32Array.from(build(one.gradients[step]!)),
          ...Object.fromEntries(scalars.map(([name, value]) => [name, Float32Array.of(value)])),
        });
        expect((await session.save()).get("parameter")!).toBeClose(expected, { tolerance: FLOAT32_TOLERANCE });
      }
    } finally {
      await session.release();
    }
  });
});

test.each([
  [12, 30],
  [30, 12],
  [16, 16],
])("five steps bring every singular value of a random [%d, %d] near one", (rows, columns) => {
  const x = input("x", [rows, columns]);
  const shape = [rows, columns];
  const noise = build({ shape, tag: 7000, scale: 1, offset: 0, rounding: "float32" });
  const [y] = evaluateReference([orthogonalize(x, 5)], new Map([[x, noise]]));
  // The squares of the singular values sum to the squares of the elements, and each is near one.
  const rank = Math.min(rows, columns);
  const meanSquare = y!.reduce((sum, element) => sum + element * element, 0) / rank;
  expect(meanSquare).toBeGreaterThan(0.6);
  expect(meanSquare).toBeLessThan(1.3);
});

describe("where iterations are computed together", () => {
  /** Rows that share no column, of the norms 1, 2, ...: their norms are the singular values. */
  const [SHORT, LONG] = [32, 1800];
  const place = (row: number, column: number) => (column % SHORT === row ? 1 : 0);
  const sums = Array.from({ length: SHORT }, (_, row) => Math.ceil((LONG - row) / SHORT));
  const norms = Array.from({ length: SHORT }, (_, row) => row + 1);
  /** As PyTorch divides: a zero matrix stays zero. */
  const divisor = Math.hypot(...norms) + 1e-7;
  /** The quintic of Jordan 2024, five times. */
  const raised = (value: number) => {
    for (let step = 0; step < 5; step++) value = 3.4445 * value - 4.775 * value ** 3 + 2.0315 * value ** 5;
    return value;
  };
  const matrix = (size: (row: number) => number, isTall: boolean) =>
    Float64Array.from({ length: SHORT * LONG }, (_, i) => {
      const [row, column] = isTall ? [i % SHORT, Math.floor(i / SHORT)] : [Math.floor(i / LONG), i % LONG];
      return (place(row, column) * size(row)) / Math.sqrt(sums[row]!);
    });

  test.each([
    ["long rows", false],
    ["long columns", true],
  ])("%s have the singular values that one after the other gives", async (_, isTall) => {
    const x = input("x", isTall ? [LONG, SHORT] : [SHORT, LONG]);
    const y = orthogonalize(x, 5);
    const given = matrix((row) => norms[row]!, isTall);
    const expected = matrix((row) => raised(norms[row]! / divisor), isTall);
    expect(evaluateReference([y], new Map([[x, given]]))[0]!).toBeClose(expected, { tolerance: FLOAT64_TOLERANCE });

    const program = { name: "orthogonalize", feeds: [x], state: [], outputs: { y } };
    const session = await nodeRuntime.open(compile(program, { kind: "standard" }), { threads: 1 });
    try {
      const results = await session.run({ x: Float32Array.from(given) });
      expect(results.y!).toBeClose(expected, { tolerance: FLOAT32_TOLERANCE });
    } finally {
      await session.release();
    }
  });

  test("they take fewer multiply-adds", () => {
    const x = input("x", [SHORT, LONG]);
    const work = topologicalOrder([orthogonalize(x, 5)]).reduce(
      (sum, value) => sum + (value.op.multiplyAdds?.(value) ?? 0),
      0,
    );
    expect(work).toBe(4 * SHORT ** 2 * LONG + 14 * SHORT ** 3);
  });
});

test("a zero gradient changes nothing, and nothing becomes NaN", () => {
  const shape = [3, 4];
  const { optimizer, parameter, gradient, slots, settings, next } = updateOf({}, shape);
  const start = Float64Array.from({ length: 12 }, (_, i) => i - 5);
  const feeds = new Map<Value, ArrayLike<number>>([
    [parameter, start],
    [gradient, new Float64Array(12)],
    [slots.momentum_buffer!, new Float64Array(12)],
  ]);
  for (const [name, number] of Object.entries(optimizer.settingsAt(1, 0.1))) feeds.set(settings[name]!, [number]);
  expect([...evaluateReference([next.parameter], feeds)[0]!]).toEqual([...start]);
});

test("the state of weights is a momentum, that of vectors is AdamW's", () => {
  expect(muon().slotsOf([4, 3])).toEqual(["momentum_buffer"]);
  expect(muon().slotsOf([4, 3, 3, 3])).toEqual(["momentum_buffer"]);
  expect(muon().slotsOf([4])).toEqual(["exp_avg", "exp_avg_sq"]);
});

test("options out of range are refused, naming option and value", () => {
  expect(() => muon({ momentum: 1 })).toThrow(UserError);
  expect(() => muon({ momentum: 1 })).toThrow(/^muon: momentum must be at least 0 and below 1, got 1$/);
  expect(() => muon({ weightDecay: -1 })).toThrow(/^muon: weightDecay must be a number from 0 up, got -1$/);
});
