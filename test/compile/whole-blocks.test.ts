import { describe, expect, test } from "vitest";
import { FUSION_RULES } from "../../src/compile/fusion-rules.ts";
import { gradients } from "../../src/compile/gradients.ts";
import { rewrite } from "../../src/compile/rewrite.ts";
import { wholeBlockRules } from "../../src/compile/whole-blocks.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { isOp, topologicalOrder, type Value } from "../../src/graph/value.ts";
import { sigmoid } from "../../src/ops/activations.ts";
import { batchNorm } from "../../src/ops/batch-norm.ts";
import { biasAdd } from "../../src/ops/channels.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { conv2dInputGradientOp } from "../../src/ops/convolution/input-gradient.ts";
import { add, relu, silu } from "../../src/ops/elementwise.ts";
import { maxPool2d } from "../../src/ops/pooling.ts";
import { countComputed } from "../support/count-operations.ts";
import { feedsOf, tensor } from "../support/tensors.ts";
import { weightedSum } from "../support/weighted-sum.ts";

const BLOCK = 8;
const RULES = [...FUSION_RULES, ...wholeBlockRules(BLOCK)];

/** Convolutions of 3x3 with `between` behind each, and their gradients. */
function network(channels: number, between: (x: Value, i: number) => Value) {
  const x = tensor("x", [2, 1, 8, 8], "distinct");
  const weights = [1, channels, channels].map((inputs, i) => tensor(`w${i}`, [channels, inputs, 3, 3], "uniform"));
  const vectors = [0, 1, 2].map((i) => tensor(`v${i}`, [channels], "uniform"));
  const layer = (value: Value, i: number) =>
    between(biasAdd(conv2d(value, weights[i]!.value, { padding: 1 }), vectors[i]!.value), i);
  const y = weights.reduce((value, _, i) => layer(value, i), x.value);
  const upstream = tensor("upstream", y.shape, "uniform");
  const loss = weightedSum(y, upstream.value);
  const outputs = [
    y,
    ...gradients(
      loss,
      [...weights, ...vectors].map(({ value }) => value),
    ),
  ];
  return { outputs, feeds: feedsOf([x, ...weights, ...vectors, upstream]) };
}

function normalized(x: Value): Value {
  const vector = (name: string) => tensor(`${name}${x.shape[1]}`, [x.shape[1]!], "positive");
  const [weight, bias] = [vector("weight"), vector("bias")];
  return batchNorm(x, weight.value, bias.value, { epsilon: 1e-5 }).y;
}

describe.each([
  ["ReLU", relu],
  ["SiLU", silu],
  ["pooling", (x: Value, i: number) => (i === 1 ? maxPool2d(x, { size: 2 }) : x)],
  ["a shortcut", (x: Value, i: number) => (i === 1 ? add(relu(x), x) : x)],
])("12 channels with %s between convolutions", (_, between) => {
  const { outputs, feeds } = network(12, between);
  const rewritten = rewrite(outputs, RULES);

  test("are filled up once, and nothing is copied between the convolutions", () => {
    const [y] = rewritten;
    expect(countComputed([y!])).toMatchObject({ narrowChannels: 1 });
    expect(countComputed([y!])).not.toHaveProperty("widenChannels");
    const convolutions = topologicalOrder(rewritten).filter(({ op }) => op.name.endsWith("onv2d"));
    expect(convolutions.map(({ shape }) => shape[1])).toEqual([16, 16, 16]);
  });

  test("have the same results and gradients", () => {
    const expected = evaluateReference(outputs, feeds);
    for (const [i, data] of evaluateReference(rewritten, feeds).entries()) {
      expect(data).toBeClose(expected[i]!, { tolerance: 1e-10 });
    }
  });
});

test("batch norm's statistics are those of the channels that are there", () => {
  const { outputs } = network(12, normalized);
  const counts = countComputed(rewrite(outputs.slice(0, 1), RULES));
  expect(counts).toMatchObject({ narrowChannels: 1, channelVariance: 3 });
  expect(counts).not.toHaveProperty("widenChannels");
});

test("an operation that makes no zeros of zeros gets the channels that are there", () => {
  const { outputs, feeds } = network(12, sigmoid);
  const rewritten = rewrite(outputs, RULES);
  const sigmoids = topologicalOrder(rewritten).filter(({ op }) => op.name === "sigmoid");
  expect(sigmoids.map(({ shape }) => shape[1])).toEqual([12, 12, 12]);
  const expected = evaluateReference(outputs, feeds);
  for (const [i, data] of evaluateReference(rewritten, feeds).entries()) {
    expect(data).toBeClose(expected[i]!, { tolerance: 1e-10 });
  }
});

test.each([
  ["whole blocks", 16],
  ["so few that most of a block would be zeros", 3],
])("%s stay as they are", (_, channels) => {
  const { outputs } = network(channels, relu);
  expect(countComputed(rewrite(outputs, RULES))).toEqual(countComputed(rewrite(outputs, FUSION_RULES)));
});

// Blocks of 16 are worth more zeros: with 7 channels 5.2 times as many multiply-adds, with 6 channels 7.1 times.
test.each([
  [8, 9, false],
  [8, 10, true],
  [16, 6, false],
  [16, 7, true],
])("blocks of %i: convolutions of %i channels have all whole blocks: %s", (block, channels, isWhole) => {
  const { outputs } = network(channels, relu);
  const values = topologicalOrder(rewrite(outputs, [...FUSION_RULES, ...wholeBlockRules(block)]));
  const inputGradients = values.filter((value) => isOp(value, conv2dInputGradientOp));
  expect(inputGradients).toHaveLength(2);
  expect(inputGradients.map(({ shape }) => shape[1]! % block === 0)).toEqual([isWhole, isWhole]);
});

test("shortcuts around any number of layers need no more rounds", () => {
  const x = tensor("x", [2, 12, 4, 4], "uniform").value;
  const weight = tensor("weight", [12, 12, 3, 3], "uniform").value;
  let y = conv2d(x, weight, { padding: 1 });
  // More than there are rounds.
  for (let i = 0; i < 60; i++) y = add(relu(conv2d(y, weight, { padding: 1 })), y);
  expect(countComputed(rewrite([y], RULES))).toMatchObject({ narrowChannels: 1, widenChannels: 1 });
});
