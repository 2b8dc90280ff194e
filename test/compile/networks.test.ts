import { describe, expect, test } from "vitest";
import { FUSION_RULES } from "../../src/compile/fusion-rules.ts";
import { gradients } from "../../src/compile/gradients.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { biasAdd } from "../../src/ops/channels.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { add, relu } from "../../src/ops/elementwise.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { maxPool2d } from "../../src/ops/pooling.ts";
import { flatten } from "../../src/ops/reshape.ts";
import { networkOfLayers, networkOfOps, networkWithAveragePool } from "../support/networks.ts";
import { FLOAT32_EPSILON } from "../support/op-case.ts";
import { evaluateRounded } from "../support/rounded.ts";
import { blockedOperations, CASE_BLOCK, lowerings, programOf, runValues } from "../support/run-program.ts";
import { feedsOf, literal, tensor } from "../support/tensors.ts";
import { weightedSum } from "../support/weighted-sum.ts";

/**
 * Convolutions, a residual sum, a pool with ties, dense layers: every number in it is whole, forwards and backwards.
 * Batch and image are powers of two, so that sums which are made of means are exact too.
 */
function wholeNetwork(channels: number) {
  const x = tensor("x", [4, 1, 8, 8], "integers");
  const first = tensor("first", [channels, 1, 3, 3], "integers");
  const firstBias = tensor("firstBias", [channels], "integers");
  const second = tensor("second", [channels, channels, 3, 3], "integers");
  const secondBias = tensor("secondBias", [channels], "integers");
  const dense = tensor("dense", [5, channels * 4 * 4], "integers");
  const denseBias = tensor("denseBias", [5], "integers");
  // Pools share by 1, 2, 3 or 4: twelfths stay whole.
  const upstream = tensor("upstream", [4, 5], "ties");
  const weights = literal(
    "weights",
    [4, 5],
    [...upstream.data].map((element) => 12 * (element - 1)),
  );

  const pooled = maxPool2d(relu(biasAdd(conv2d(x.value, first.value, { padding: [1, 1] }), firstBias.value)), {
    size: 2,
  });
  const deeper = relu(biasAdd(conv2d(pooled, second.value, { padding: [1, 1] }), secondBias.value));
  const product = matmul(flatten(add(deeper, pooled)), dense.value, { transposeA: false, transposeB: true });
  const logits = biasAdd(product, denseBias.value);
  const parameters = [first, firstBias, second, secondBias, dense, denseBias];
  const loss = weightedSum(logits, weights.value);
  const outputs = [loss, logits, ...gradients(loss, [...parameters.map(({ value }) => value), x.value])];
  return { outputs, feeds: feedsOf([x, ...parameters, weights]) };
}

describe.each(lowerings())("a whole network in the $kind lowering", (lowering) => {
  test.each([
    ["of blocked channels", CASE_BLOCK],
    ["of five channels", 5],
    ["of channels that are no whole blocks", 2 * CASE_BLOCK - 3],
  ])("%s has the reference's loss, logits and gradients exactly, fused or not", async (_name, channels) => {
    const { outputs, feeds } = wholeNetwork(channels);
    const expected = evaluateReference(outputs, feeds);
    expect(Math.max(...expected.map((numbers) => Math.max(...numbers.map(Math.abs))))).toBeLessThan(2 ** 24);
    const unfused = await runValues(outputs, feeds, { lowering, rules: [] });
    const fused = await runValues(outputs, feeds, { lowering });
    for (const [i, numbers] of expected.entries()) {
      expect(numbers.some((element) => element !== 0)).toBe(true);
      expect(unfused[i]).toBeClose(numbers, { tolerance: 0 });
      expect(fused[i]).toBeClose(numbers, { tolerance: 0 });
    }
    if (lowering.kind === "blocked" && channels === CASE_BLOCK) {
      const blocked = blockedOperations(programOf(outputs, feeds), lowering.block, FUSION_RULES);
      expect([...blocked].toSorted()).toEqual(
        [
          "add",
          "channelSum",
          "conv2dInputGradient",
          "conv2dWeightGradient",
          "flatten",
          "fusedConv2d",
          "fusedMatmul",
          "matmul",
          "maxPool2d",
          "maxPool2dGradient",
          "reluGradient",
          "unflatten",
        ].toSorted(),
      );
    }
  });
});

/**
 * A session rounds within operations too (each sum, each of batch norm's parts), where the rounded reference rounds once
 * an operation: so many times further it may be off.
 */
const ROUNDINGS_WITHIN = 16;

const networks = [networkOfOps(CASE_BLOCK), networkOfLayers(CASE_BLOCK), networkWithAveragePool(CASE_BLOCK)];

describe.each(networks)("a network $name with batch norm", ({ loss, inputs, parameters }) => {
  const feeds = feedsOf(inputs);
  const outputs = [
    loss,
    ...gradients(
      loss,
      parameters.map(({ value }) => value),
    ),
  ];
  const expected = evaluateReference(outputs, feeds);
  const rounded = evaluateRounded(outputs, feeds);

  test.each(lowerings())(
    "has loss and gradients as near the reference as rounding lets it: $kind",
    async (lowering) => {
      const received = await runValues(outputs, feeds, { lowering });
      expect(received).toHaveLength(parameters.length + 1);
      for (const [i, numbers] of expected.entries()) {
        const largest = numbers.reduce((most, element) => Math.max(most, Math.abs(element)), 0);
        const noise = numbers.reduce((most, element, at) => Math.max(most, Math.abs(element - rounded[i]![at]!)), 0);
        const tolerance = ROUNDINGS_WITHIN * (noise + FLOAT32_EPSILON * largest);
        expect(tolerance, "says something").toBeLessThan(0.01 * largest);
        expect(received[i], String(i)).toBeClose(numbers, { tolerance });
      }
    },
  );
});
