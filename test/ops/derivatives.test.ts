import { describe, expect, test } from "vitest";
import { gradients } from "../../src/compile/gradients.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { centralDifferences, differenceBound } from "../support/finite-differences.ts";
import { feedsOf, tensor } from "../support/tensors.ts";
import { weightedSum } from "../support/weighted-sum.ts";
import "../support/within.ts";
import { type DerivativeCase, derivativeCases } from "./cases/derivatives.ts";

/** Compares the derivatives of sum(y * weights) with central differences, all in float64. */
function checkDerivatives({ y, by, given = [] }: DerivativeCase): void {
  const weights = tensor("upstream", y.shape, "uniform");
  const inputs = [...by, ...given, weights];
  const loss = weightedSum(y, weights.value);
  const values = by.map(({ value }) => value);
  const derivatives = gradients(loss, values);
  expect(derivatives.map(({ shape }) => shape)).toEqual(values.map(({ shape }) => shape));
  const derived = evaluateReference([y, ...derivatives], feedsOf(inputs));
  const magnitude = derived[0]!.reduce((sum, element, i) => sum + Math.abs(element * weights.data[i]!), 0);
  by.forEach((at, i) => {
    const differences = centralDifferences(loss, inputs, at);
    const bound = differenceBound(Math.max(magnitude, 1));
    expect(derived[i + 1]).toBeWithin(
      differences,
      differences.map(() => bound),
    );
  });
}

const cases = derivativeCases();

test("there are derivatives to check", () => expect(cases.length).toBeGreaterThan(100));

for (const name of new Set(cases.map(({ op }) => op.name))) {
  describe(`the derivative of ${name} equals finite differences`, () => {
    for (const derivative of cases.filter(({ op }) => op.name === name)) {
      test(derivative.name, () => checkDerivatives(derivative));
    }
  });
}
