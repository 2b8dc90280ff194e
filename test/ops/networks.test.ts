import { describe, expect, test } from "vitest";
import { gradients } from "../../src/compile/gradients.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { topologicalOrder } from "../../src/graph/value.ts";
import { centralDifferences, differenceBound, STEP, spreadPositions } from "../support/finite-differences.ts";
import { networkOfLayers, networkOfOps, networkWithAveragePool, type TestNetwork } from "../support/networks.ts";
import { feedsOf } from "../support/tensors.ts";
import "../support/within.ts";

/** Number of elements of a parameter to check with finite differences. */
const ELEMENTS = 12;
/** No input of a ReLU moves by more than this when one parameter moves by 1. */
const STEEPEST = 100;

const networks: readonly TestNetwork[] = [networkOfOps(3), networkOfLayers(2), networkWithAveragePool(3)];

describe.each(networks)("a network $name", ({ loss, inputs, parameters }) => {
  const feeds = feedsOf(inputs);

  test("stays away from ReLU's kink, where finite differences are meaningless", () => {
    const kinks = topologicalOrder([loss]).filter(({ op }) => op.name === "relu");
    const nearest = evaluateReference(
      kinks.map(({ inputs: [x] }) => x!),
      feeds,
    ).map((numbers) =>
      numbers.reduce((least, element) => Math.min(least, Math.abs(element)), Number.POSITIVE_INFINITY),
    );
    expect(nearest.length).toBeGreaterThan(0);
    expect(Math.min(...nearest)).toBeGreaterThan(STEEPEST * STEP);
  });

  test("has gradients that equal finite differences, in every parameter", () => {
    const values = parameters.map(({ value }) => value);
    const derived = evaluateReference(gradients(loss, values), feeds);
    expect(parameters.length).toBeGreaterThan(4);
    for (const [i, parameter] of parameters.entries()) {
      const positions = spreadPositions(sizeOf(parameter.value.shape), ELEMENTS);
      const differences = centralDifferences(loss, inputs, parameter, positions);
      const received = positions.map((position) => derived[i]![position]!);
      const bound = differenceBound(Math.log(10));
      const name = String(parameter.value.attributes.name);
      expect(received, name).toBeWithin(
        differences,
        differences.map(() => bound),
      );
    }
  });
});
