import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import type { Op } from "../../src/graph/value.ts";
import { CASE_BLOCK } from "../support/run-program.ts";
import { feedsOf } from "../support/tensors.ts";
import { activationCases } from "./cases/activations.ts";
import { arrangementCases } from "./cases/arrangements.ts";
import { channelCases } from "./cases/channels.ts";
import { convolutionCases } from "./cases/convolutions.ts";
import { depthwiseCases } from "./cases/depthwise.ts";
import { derivativeCases } from "./cases/derivatives.ts";
import { elementwiseCases } from "./cases/elementwise.ts";
import { generalConvolutionCases } from "./cases/general-convolutions.ts";
import { lossCases } from "./cases/losses.ts";
import { matrixCases } from "./cases/matrices.ts";
import { poolCases } from "./cases/pools.ts";
import { reductionCases } from "./cases/reductions.ts";
import { windowPoolCases } from "./cases/window-pools.ts";

const OPS = new URL("../../src/ops/", import.meta.url);
const families = [
  convolutionCases,
  depthwiseCases,
  poolCases,
  channelCases,
  matrixCases,
  elementwiseCases,
  lossCases,
  reductionCases,
  activationCases,
  arrangementCases,
  generalConvolutionCases,
  windowPoolCases,
];

/** Operations without cases of their own, each with the reason. */
const NO_LOWERING_CASE: Readonly<Record<string, string>> = {
  constant: "a number in the graph, which every case with a constant reads",
};
const NO_DERIVATIVE_CASE: Readonly<Record<string, string>> = {
  input: "has no inputs",
  constant: "has no inputs",
  normalizePixels: "pixels are data: it passes no derivative on",
  isPositive: "a step: it passes no derivative on",
};

async function registeredOps(): Promise<Op[]> {
  const ops: Op[] = [];
  for (const file of readdirSync(OPS, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"))) {
    const exports: Record<string, unknown> = await import(new URL(file, OPS).href);
    for (const [name, value] of Object.entries(exports)) if (name.endsWith("Op") && isOperation(value)) ops.push(value);
  }
  return ops;
}

function isOperation(value: unknown): value is Op {
  return typeof value === "object" && value !== null && "infer" in value && "reference" in value;
}

const ops = await registeredOps();

test("the folder of operations is not empty", () => {
  expect(ops.length).toBeGreaterThan(30);
  expect(new Set(ops.map(({ name }) => name)).size).toBe(ops.length);
});

describe("every operation with a lowering", () => {
  const cases = families.flatMap((family) => family(CASE_BLOCK));
  const lowered = ops.filter(({ name, lower }) => lower && !NO_LOWERING_CASE[name]);
  test.each(lowered.map((op) => [op.name, op] as const))("%s is run against its reference", (name, op) => {
    expect(cases.some((opCase) => opCase.op === op)).toBe(true);
    if (op.lower?.blocked) {
      expect(
        cases.some((opCase) => opCase.op === op && opCase.isBlocked),
        `${name} is run blocked`,
      ).toBe(true);
      expect(
        cases.some((opCase) => opCase.op === op && !opCase.isBlocked),
        `${name} is run where it cannot be`,
      ).toBe(true);
    } else {
      expect(cases.some((opCase) => opCase.op === op && opCase.isBlocked)).toBe(false);
    }
  });
});

describe("every operation that is defined by others", () => {
  const cases = families.flatMap((family) => family(CASE_BLOCK));
  const defined = ops.filter(({ expand }) => expand);
  test("there are some", () => expect(defined.length).toBeGreaterThan(2));

  // The lowerings that expand it compute the expansion, while finite differences and values are compared with the reference.
  test.each(defined.map((op) => [op.name, op] as const))("%s equals its expansion in float64", (_name, op) => {
    const own = cases.filter(({ y }) => y.op === op);
    expect(own.length).toBeGreaterThan(0);
    for (const { y, inputs } of own) {
      const [direct, expanded] = evaluateReference([y, op.expand!(y)], feedsOf(inputs));
      expect(expanded).toBeClose(direct!, { tolerance: 1e-12 });
    }
  });
});

describe("every operation with a derivative", () => {
  const cases = derivativeCases();
  const differentiable = ops.filter(({ name, gradient }) => gradient && !NO_DERIVATIVE_CASE[name]);
  test.each(differentiable.map((op) => [op.name, op] as const))("%s is checked by finite differences", (_name, op) => {
    expect(cases.some((derivative) => derivative.op === op)).toBe(true);
  });
});
