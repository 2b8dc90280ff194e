import {
  affineReluRule,
  convBiasRule,
  convReluRule,
  depthwiseBiasRule,
  expandRule,
  matmulAddRule,
  matmulBiasRule,
  reluBeforePoolRule,
  sumOfPoolGradientRule,
} from "../../src/compile/fusion-rules.ts";
import type { Rule } from "../../src/compile/rewrite.ts";
import { apply, type Value } from "../../src/graph/value.ts";
import { batchNormOp } from "../../src/ops/batch-norm.ts";
import { biasAdd, channelAffine, channelSum } from "../../src/ops/channels.ts";
import { conv2d, fusedConv2d } from "../../src/ops/convolution/conv2d.ts";
import { depthwiseConv2d } from "../../src/ops/convolution/depthwise.ts";
import { add, multiply, relu, reluGradient } from "../../src/ops/elementwise.ts";
import { constant } from "../../src/ops/leaves.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { maxPool2d, maxPool2dGradient } from "../../src/ops/pooling.ts";
import { type Filling, type TestTensor, tensor } from "../support/tensors.ts";

type Counts = Readonly<Record<string, number>>;

/** A graph to apply a rule to. */
export interface FusionGraph {
  readonly outputs: readonly Value[];
  readonly inputs: readonly TestTensor[];
}

/** A rule with a graph that it must match, and similar graphs that it must not change. */
export interface FusionCase {
  readonly rule: Rule;
  readonly before: Counts;
  readonly after: Counts;
  /** @param filling of unconstrained inputs; integers include zeros, ties and negative numbers */
  found(filling: Filling, channels: number): FusionGraph;
  readonly refused: Readonly<Record<string, () => FusionGraph>>;
}

const geometry = { stride: 2, padding: [1, 0] } as const;
const product = { transposeA: false, transposeB: true } as const;

function convolution(filling: Filling, channels: number) {
  const x = tensor("x", [3, channels, 5, 4], filling);
  const weight = tensor("weight", [channels, channels, 3, 3], filling);
  const bias = tensor("bias", [channels], filling);
  return { inputs: [x, weight, bias], x: x.value, weight: weight.value, bias: bias.value };
}

function depthwise(filling: Filling, channels: number) {
  const x = tensor("x", [3, channels, 5, 4], filling);
  const weight = tensor("weight", [channels, 1, 3, 3], filling);
  const [bias, other] = [tensor("bias", [channels], filling), tensor("other", [channels], filling)];
  const inputs = [x, weight, bias, other];
  const convolve = (added?: Value) =>
    depthwiseConv2d(x.value, weight.value, { padding: [1, 0], ...(added ? { bias: added } : {}) });
  return { inputs, convolve, bias: bias.value, other: other.value };
}

function square(filling: Filling) {
  const [a, b, c] = [tensor("a", [5, 4], filling), tensor("b", [6, 4], filling), tensor("c", [5, 6], filling)];
  return { inputs: [a, b, c], y: matmul(a.value, b.value, product), c: c.value };
}

function affine(filling: Filling, channels: number) {
  const x = tensor("x", [3, channels, 3, 3], filling);
  const [scale, shift] = [tensor("scale", [channels], filling), tensor("shift", [channels], filling)];
  const y = channelAffine(maxPool2d(x.value, { size: 1 }), scale.value, shift.value);
  return { inputs: [x, scale, shift], y };
}

function pooled(filling: Filling, channels: number) {
  const x = tensor("x", [3, channels, 5, 6], filling);
  const y = maxPool2d(x.value, { size: 2 });
  const dy = tensor("dy", y.shape, filling === "integers" ? "divisible" : filling);
  return { inputs: [x, dy], x: x.value, y, dy: dy.value, spread: maxPool2dGradient(x.value, y, dy.value, { size: 2 }) };
}

function dense(filling: Filling) {
  const [a, b, bias] = [tensor("a", [5, 7], filling), tensor("b", [11, 7], filling), tensor("bias", [11], filling)];
  return { inputs: [a, b, bias], y: matmul(a.value, b.value, product), bias: bias.value };
}

export const fusionCases: readonly FusionCase[] = [
  {
    rule: convBiasRule,
    before: { conv2d: 1, biasAdd: 1 },
    after: { fusedConv2d: 1 },
    found(filling, channels) {
      const { inputs, x, weight, bias } = convolution(filling, channels);
      return { inputs, outputs: [biasAdd(conv2d(x, weight, geometry), bias)] };
    },
    refused: {
      "the bare convolution has a second user"() {
        const { inputs, x, weight, bias } = convolution("integers", 2);
        const y = conv2d(x, weight, geometry);
        return { inputs, outputs: [biasAdd(y, bias), relu(y)] };
      },
      "the bare convolution is an output"() {
        const { inputs, x, weight, bias } = convolution("integers", 2);
        const y = conv2d(x, weight, geometry);
        return { inputs, outputs: [biasAdd(y, bias), y] };
      },
      "the bias is not on a convolution"() {
        const { inputs, x, bias } = convolution("integers", 2);
        return { inputs, outputs: [biasAdd(relu(x), bias)] };
      },
    },
  },
  {
    rule: convReluRule,
    before: { fusedConv2d: 1, relu: 1 },
    after: { fusedConv2d: 1 },
    found(filling, channels) {
      const { inputs, x, weight, bias } = convolution(filling, channels);
      return { inputs, outputs: [relu(fusedConv2d(x, weight, bias, { ...geometry, relu: false }))] };
    },
    refused: {
      "the result before ReLU has a second user"() {
        const { inputs, x, weight, bias } = convolution("integers", 2);
        const y = fusedConv2d(x, weight, bias, { ...geometry, relu: false });
        return { inputs, outputs: [relu(y), channelSum(y)] };
      },
      "it ends with ReLU already"() {
        const { inputs, x, weight, bias } = convolution("integers", 2);
        return { inputs, outputs: [relu(fusedConv2d(x, weight, bias, { ...geometry, relu: true }))] };
      },
    },
  },
  {
    rule: depthwiseBiasRule,
    before: { depthwiseConv2d: 1, biasAdd: 1 },
    after: { depthwiseConv2d: 1 },
    found(filling, channels) {
      const { inputs, convolve, bias } = depthwise(filling, channels);
      return { inputs: inputs.slice(0, 3), outputs: [biasAdd(convolve(), bias)] };
    },
    refused: {
      "the bare convolution has a second user"() {
        const { inputs, convolve, bias } = depthwise("integers", 2);
        const y = convolve();
        return { inputs: inputs.slice(0, 3), outputs: [biasAdd(y, bias), relu(y)] };
      },
      "it has a bias already"() {
        const { inputs, convolve, bias, other } = depthwise("integers", 2);
        return { inputs, outputs: [biasAdd(convolve(other), bias)] };
      },
    },
  },
  {
    rule: affineReluRule,
    before: { channelAffine: 1, relu: 1, maxPool2d: 1 },
    after: { channelAffine: 1, maxPool2d: 1 },
    found(filling, channels) {
      const { inputs, y } = affine(filling, channels);
      return { inputs, outputs: [relu(y)] };
    },
    refused: {
      "the affine map has a second user"() {
        const { inputs, y } = affine("integers", 2);
        return { inputs, outputs: [relu(y), channelSum(y)] };
      },
      "it ends with ReLU already"() {
        const { inputs, y } = affine("integers", 2);
        const [x, scale, shift] = y.inputs;
        return { inputs, outputs: [relu(channelAffine(x!, scale!, shift!, { relu: true }))] };
      },
    },
  },
  {
    rule: matmulBiasRule,
    before: { matmul: 1, biasAdd: 1 },
    after: { fusedMatmul: 1 },
    found(filling) {
      const { inputs, y, bias } = dense(filling);
      return { inputs, outputs: [biasAdd(y, bias)] };
    },
    refused: {
      "the bare product has a second user"() {
        const { inputs, y, bias } = dense("integers");
        return { inputs, outputs: [biasAdd(y, bias), relu(y)] };
      },
      "the bias is not on a product"() {
        const { inputs, y, bias } = dense("integers");
        return { inputs, outputs: [biasAdd(relu(y), bias)] };
      },
    },
  },
  {
    rule: matmulAddRule,
    before: { matmul: 1, multiply: 2, add: 1 },
    after: { matmulAdd: 1 },
    found(filling) {
      const { inputs, y, c } = square(filling);
      return { inputs, outputs: [add(multiply(c, constant(-0.5)), multiply(y, constant(2)))] };
    },
    refused: {
      "the product has a second user"() {
        const { inputs, y, c } = square("integers");
        return { inputs, outputs: [add(c, y), relu(y)] };
      },
      "the scaled product has a second user"() {
        const { inputs, y, c } = square("integers");
        const scaled = multiply(y, constant(2));
        return { inputs, outputs: [add(c, scaled), relu(scaled)] };
      },
      "a number is added"() {
        const { inputs, y } = square("integers");
        return { inputs, outputs: [add(y, constant(2))] };
      },
    },
  },
  {
    rule: reluBeforePoolRule,
    before: { maxPool2d: 1, maxPool2dGradient: 1, reluGradient: 1 },
    after: { maxPool2d: 1, maxPool2dGradient: 1, reluGradient: 1 },
    found(filling, channels) {
      const { inputs, x, spread } = pooled(filling, channels);
      return { inputs, outputs: [reluGradient(x, spread)] };
    },
    refused: {
      "the pool was of another value than the ReLU"() {
        const { inputs, x, spread } = pooled("integers", 2);
        return { inputs, outputs: [reluGradient(relu(x), spread)] };
      },
      "the gradient does not come from a pool"() {
        const { inputs, x } = pooled("integers", 2);
        return { inputs, outputs: [reluGradient(x, relu(x))] };
      },
    },
  },
  {
    rule: sumOfPoolGradientRule,
    before: { maxPool2d: 1, maxPool2dGradient: 1, channelSum: 1 },
    after: { channelSum: 1 },
    found(filling, channels) {
      const { inputs, spread } = pooled(filling, channels);
      return { inputs, outputs: [channelSum(spread)] };
    },
    refused: {
      "the sum is of the pool itself"() {
        const { inputs, y } = pooled("integers", 2);
        return { inputs, outputs: [channelSum(y)] };
      },
    },
  },
  {
    rule: expandRule,
    before: { batchNorm: 1, maxPool2d: 1 },
    after: { add: 1, squareRoot: 1, divide: 1, multiply: 2, subtract: 1, channelAffine: 1, maxPool2d: 1 },
    found(filling, channels) {
      const x = tensor("x", [3, channels, 3, 3], filling);
      const vector = (name: string, as = filling) => tensor(name, [channels], as);
      const parts = [vector("weight"), vector("bias"), vector("mean"), vector("variance", "positive")];
      const values = [maxPool2d(x.value, { size: 1 }), ...parts.map(({ value }) => value)];
      return { inputs: [x, ...parts], outputs: [apply(batchNormOp, values, { epsilon: 1e-5 })] };
    },
    refused: {
      "the operation is defined by no others"() {
        const { inputs, y } = affine("integers", 2);
        return { inputs, outputs: [relu(y)] };
      },
    },
  },
];
