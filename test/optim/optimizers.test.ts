import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { Program } from "../../src/compile/program.ts";
import { UserError } from "../../src/errors.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import type { Value } from "../../src/graph/value.ts";
import { input } from "../../src/ops/leaves.ts";
import { type AdamOptions, adam, adamW } from "../../src/optim/adam.ts";
import { createOptimizer } from "../../src/optim/index.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { type SgdOptions, sgd } from "../../src/optim/sgd.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { build, type TensorSpec } from "../golden/inputs.ts";

interface GoldenCase {
  readonly name: string;
  readonly optimizer: "sgd" | "adam" | "adamw";
  readonly options: SgdOptions & AdamOptions & { readonly eps?: number };
  /** [6][7]: the parameter after each step, by torch.optim in float64. */
  readonly after: readonly (readonly number[])[];
}

const golden = JSON.parse(readFileSync(new URL("../golden/optimizers.json", import.meta.url), "utf8")) as {
  readonly learningRates: readonly number[];
  readonly parameter: TensorSpec;
  readonly gradients: readonly TensorSpec[];
  readonly cases: readonly GoldenCase[];
};
const SHAPE = golden.parameter.shape;
const COUNT = 7;

/** About ten float64 operations per step, on numbers around 1. */
const FLOAT64_TOLERANCE = 6 * 10 * 2 ** -53;
/** The same in float32. Omitting the smallest term here, a weight decay of 5e-4, would cause an error of 4e-5. */
const FLOAT32_TOLERANCE = 6 * 10 * 2 ** -24;

function optimizerOf({ optimizer, options: { eps, ...options } }: GoldenCase): Optimizer {
  return createOptimizer({ kind: optimizer, ...options, ...(eps === undefined ? {} : { epsilon: eps }) });
}

/** One update as a graph: its inputs, and the new values of the parameter and of each slot. */
function updateOf(optimizer: Optimizer) {
  const [parameter, gradient] = [input("parameter", SHAPE), input("gradient", SHAPE)];
  const slots = Object.fromEntries(optimizer.slotsOf(SHAPE).map((slot) => [slot, input(slot, SHAPE)]));
  const settings = Object.fromEntries(optimizer.settings.map((setting) => [setting, input(setting, [])]));
  const next = optimizer.update({ parameter, gradient, slots, settings });
  return { parameter, gradient, slots, settings, next };
}

const cases = golden.cases.map((one) => [one.name, one] as const);

describe("each of six steps moves the parameter as torch.optim does", () => {
  test.each(cases)("%s, in the float64 reference", (_, one) => {
    const optimizer = optimizerOf(one);
    const { parameter, gradient, slots, settings, next } = updateOf(optimizer);
    let state = new Map<Value, Float64Array>([
      [parameter, build(golden.parameter)],
      ...Object.values(slots).map((slot) => [slot, new Float64Array(COUNT)] as const),
    ]);
    one.after.forEach((expected, step) => {
      const numbers = optimizer.settingsAt(step + 1, golden.learningRates[step]!);
      expect(Object.keys(numbers).toSorted()).toEqual([...optimizer.settings].toSorted());
      const fed = Object.entries(settings).map(([name, value]) => [value, [numbers[name]!]] as const);
      const feeds = new Map<Value, ArrayLike<number>>([...state, [gradient, build(golden.gradients[step]!)], ...fed]);
      const results = evaluateReference(
        [next.parameter, ...optimizer.slotsOf(SHAPE).map((slot) => next.slots[slot]!)],
        feeds,
      );
      state = new Map([...state.keys()].map((value, i) => [value, results[i]!]));
      expect(state.get(parameter)!).toBeClose(expected, { tolerance: FLOAT64_TOLERANCE });
    });
  });

  test.each(cases)("%s, compiled", async (_, one) => {
    const optimizer = optimizerOf(one);
    const { parameter, gradient, slots, settings, next } = updateOf(optimizer);
    const program: Program = {
      name: one.name,
      feeds: [gradient, ...Object.values(settings)],
      state: [
        { name: "parameter", input: parameter, next: next.parameter },
        ...optimizer.slotsOf(SHAPE).map((slot) => ({
          name: slot,
          input: slots[slot]!,
          next: next.slots[slot]!,
          like: "parameter",
        })),
      ],
      outputs: {},
    };
    const session = await nodeRuntime.open(compile(program, { kind: "standard" }), { threads: 1 });
    try {
      const zeros = optimizer.slotsOf(SHAPE).map((slot) => [slot, new Float32Array(COUNT)] as const);
      session.load(new Map([["parameter", Float32Array.from(build(golden.parameter))], ...zeros]));
      for (const [step, expected] of one.after.entries()) {
        const scalars = Object.entries(optimizer.settingsAt(step + 1, golden.learningRates[step]!));
        await session.run({
          gradient: Float32Array.from(build(golden.gradients[step]!)),
          ...Object.fromEntries(scalars.map(([name, value]) => [name, Float32Array.of(value)])),
        });
        expect((await session.save()).get("parameter")!).toBeClose(expected, { tolerance: FLOAT32_TOLERANCE });
      }
    } finally {
      await session.release();
    }
  });
});

test("state has PyTorch's names, and plain SGD has none", () => {
  expect(sgd().slotsOf([7])).toEqual([]);
  expect(sgd({ momentum: 0.9 }).slotsOf([7])).toEqual(["momentum_buffer"]);
  expect(adam().slotsOf([7])).toEqual(["exp_avg", "exp_avg_sq"]);
  expect(adamW().slotsOf([7])).toEqual(["exp_avg", "exp_avg_sq"]);
});

test("the default weight decay is 0.01 for AdamW and 0 for Adam, as in PyTorch", () => {
  expect(adamW().settingsAt(1, 0.5)).toMatchObject({ keep: 1 - 0.5 * 0.01 });
  expect(adamW({ weightDecay: 0.2 }).settingsAt(1, 0.5)).toMatchObject({ keep: 1 - 0.5 * 0.2 });
  expect(adam().settings).toEqual(["stepSize", "scaledEpsilon"]);
  expect(adamW({ weightDecay: 0 }).settings).toEqual(adam().settings);
});

test("bias correction is precise at the first step and vanishes after many", () => {
  // 1 - 0.999^1 is 0.001; in float32 it would be 0.0010000467.
  const first = adam().settingsAt(1, 1e-3);
  expect(first.stepSize).toBeCloseTo((1e-3 / 0.1) * Math.sqrt(0.001), 15);
  expect(first.scaledEpsilon).toBeCloseTo(1e-8 * Math.sqrt(0.001), 20);
  const late = adam().settingsAt(1_000_000, 1e-3);
  expect(late.stepSize).toBe(1e-3);
  expect(late.scaledEpsilon).toBe(1e-8);
});

test("a parameter whose gradient has always been zero does not change", () => {
  for (const optimizer of [sgd(), sgd({ momentum: 0.9, nesterov: true }), adam(), adamW({ weightDecay: 0 })]) {
    const { parameter, gradient, slots, settings, next } = updateOf(optimizer);
    const numbers = optimizer.settingsAt(1, 0.1);
    const start = build(golden.parameter);
    const zeros = [gradient, ...Object.values(slots)].map((value) => [value, new Float64Array(COUNT)] as const);
    const fed = Object.entries(settings).map(([name, value]) => [value, [numbers[name]!]] as const);
    const [after] = evaluateReference(
      [next.parameter],
      new Map<Value, ArrayLike<number>>([[parameter, start], ...zeros, ...fed]),
    );
    expect([...after!]).toEqual([...start]);
  }
});

describe("an option out of range is refused, naming it, the range and the value", () => {
  const refused: [string, () => Optimizer, RegExp][] = [
    [
      "an unknown kind",
      () => createOptimizer({ kind: "rmsprop" } as never),
      /^optimizer: kind must be "sgd", "adam", "adamw" or "muon", got "rmsprop"$/,
    ],
    [
      "an unknown option",
      () => createOptimizer({ kind: "adam", momentum: 0.9 } as never),
      /^adam: there is no option "momentum"; its options are betas, epsilon, weightDecay$/,
    ],
    ["a text", () => sgd({ momentum: "0.9" } as never), /^sgd: momentum must be .*, got "0\.9"$/],
    ["one beta", () => adam({ betas: [0.9] } as never), /^adam: betas must be two numbers in a list, got \[0\.9\]$/],
    ["momentum of 1", () => sgd({ momentum: 1 }), /^sgd: momentum must be at least 0 and below 1, got 1$/],
    ["negative momentum", () => sgd({ momentum: -0.1 }), /^sgd: momentum must be at least 0 and below 1, got -0.1$/],
    ["momentum that is no number", () => sgd({ momentum: Number.NaN }), /^sgd: momentum .* got NaN$/],
    ["negative weight decay", () => sgd({ weightDecay: -1 }), /^sgd: weightDecay must be a number from 0 up, got -1$/],
    ["Nesterov without momentum", () => sgd({ nesterov: true }), /^sgd: nesterov needs a momentum above 0, got 0$/],
    ["first beta of 1", () => adam({ betas: [1, 0.9] }), /^adam: betas\[0\] must be at least 0 and below 1, got 1$/],
    ["second beta above 1", () => adam({ betas: [0.9, 1.5] }), /^adam: betas\[1\] .* got 1.5$/],
    ["negative epsilon", () => adam({ epsilon: -1e-8 }), /^adam: epsilon must be a number from 0 up, got -1e-8$/],
    ["infinite epsilon", () => adam({ epsilon: Infinity }), /^adam: epsilon must be a number from 0 up, got Infinity$/],
    ["AdamW's weight decay", () => adamW({ weightDecay: Number.NaN }), /^adamw: weightDecay .* got NaN$/],
    ["AdamW's betas", () => adamW({ betas: [-1, 0.9] }), /^adamw: betas\[0\] .* got -1$/],
  ];
  test.each(refused)("%s", (_, make, message) => {
    expect(make).toThrow(UserError);
    expect(make).toThrow(message);
  });

  test("and the limits themselves are allowed", () => {
    expect(sgd({ momentum: 0, weightDecay: 0 }).name).toBe("sgd");
    expect(adam({ betas: [0, 0], epsilon: 0 }).name).toBe("adam");
    expect(adamW({ weightDecay: 0 }).name).toBe("adamw");
  });
});
