import { sameShape } from "../graph/shape.ts";
import { isOp, type Value } from "../graph/value.ts";
import { biasAddOp, channelAffine, channelAffineOp, channelSum, channelSumOp } from "../ops/channels.ts";
import { conv2dOp, fusedConv2d, fusedConv2dOp } from "../ops/convolution/conv2d.ts";
import { depthwiseConv2d, depthwiseConv2dOp } from "../ops/convolution/depthwise.ts";
import { addOp, multiplyOp, reluGradient, reluGradientOp, reluOp } from "../ops/elementwise.ts";
import { constantOp } from "../ops/leaves.ts";
import { fusedMatmul, matmulAdd, matmulOp } from "../ops/matmul.ts";
import { maxPool2dGradient, maxPool2dGradientOp } from "../ops/pooling.ts";
import type { Lowering } from "./program.ts";
import type { Rule } from "./rewrite.ts";
import { wholeBlockRules } from "./whole-blocks.ts";

/**
 * Replaces an operation with `expand` by its expansion: rules run after differentiation, so its gradient is not needed.
 */
export const expandRule: Rule = {
  name: "expand",
  rewrite: (value) => value.op.expand?.(value),
};

/**
 * relu(channelAffine(x, scale, shift)) -> channelAffine(x, scale, shift, relu), where nothing else reads the inner one.
 *
 * Same result by definition; batch norm and ReLU then cost one pass.
 */
export const affineReluRule: Rule = {
  name: "affineRelu",
  rewrite(value, { uses }) {
    if (!isOp(value, reluOp)) return undefined;
    const affine = value.inputs[0]!;
    if (!isOp(affine, channelAffineOp) || affine.attributes.relu || uses(affine) > 1) return undefined;
    const [x, scale, shift] = affine.inputs;
    return channelAffine(x!, scale!, shift!, { relu: true });
  },
};

/**
 * biasAdd(conv2d(x, w), b) -> fusedConv2d(x, w, b), where nothing else reads the bare convolution.
 *
 * Same result: the fused operation is defined as that sum. It saves a pass over the result.
 */
export const convBiasRule: Rule = {
  name: "convBias",
  rewrite(value, { uses }) {
    if (!isOp(value, biasAddOp)) return undefined;
    const [convolution, bias] = value.inputs;
    if (!isOp(convolution!, conv2dOp) || uses(convolution) > 1) return undefined;
    const [x, weight] = convolution.inputs;
    return fusedConv2d(x!, weight!, bias!, { ...convolution.attributes, relu: false });
  },
};

/**
 * relu(fusedConv2d(x, w, b)) -> fusedConv2d(x, w, b, relu), where nothing else reads the result before ReLU.
 *
 * Same result: the fused operation ends with that ReLU. ReLU's derivative reads its result only, so nothing is lost.
 */
export const convReluRule: Rule = {
  name: "convRelu",
  rewrite(value, { uses }) {
    if (!isOp(value, reluOp)) return undefined;
    const convolution = value.inputs[0]!;
    if (!isOp(convolution, fusedConv2dOp) || convolution.attributes.relu || uses(convolution) > 1) return undefined;
    const [x, weight, bias] = convolution.inputs;
    return fusedConv2d(x!, weight!, bias!, { ...convolution.attributes, relu: true });
  },
};

/**
 * biasAdd(depthwiseConv2d(x, w), b) -> depthwiseConv2d(x, w, b), where nothing else reads the bare convolution.
 *
 * Same result: the operation with a bias is that sum. It saves a pass over the result.
 */
export const depthwiseBiasRule: Rule = {
  name: "depthwiseBias",
  rewrite(value, { uses }) {
    if (!isOp(value, biasAddOp)) return undefined;
    const [convolution, bias] = value.inputs;
    if (!isOp(convolution!, depthwiseConv2dOp) || convolution.inputs.length > 2 || uses(convolution) > 1)
      return undefined;
    const [x, weight] = convolution.inputs;
    return depthwiseConv2d(x!, weight!, { ...convolution.attributes, bias: bias! });
  },
};

/**
 * biasAdd(matmul(a, b), bias) -> fusedMatmul(a, b, bias), where nothing else reads the product. Same result by
 * definition.
 */
export const matmulBiasRule: Rule = {
  name: "matmulBias",
  rewrite(value, { uses }) {
    if (!isOp(value, biasAddOp)) return undefined;
    const [product, bias] = value.inputs;
    if (!isOp(product!, matmulOp) || uses(product) > 1) return undefined;
    const [a, b] = product.inputs;
    return fusedMatmul(a!, b!, bias!, product.attributes);
  },
};

/**
 * reluGradient(y, maxPool2dGradient(y, p, dp)) -> maxPool2dGradient(y, p, reluGradient(p, dp))
 *
 * Same result: the pool passes dp only to pixels where y equals the window's maximum p, and there y > 0 exactly when
 * p > 0. So the mask can be applied to the pooled gradient, which is a quarter of the size for a 2x2 window.
 */
export const reluBeforePoolRule: Rule = {
  name: "reluBeforePool",
  rewrite(value) {
    if (!isOp(value, reluGradientOp)) return undefined;
    const [y, spread] = value.inputs;
    if (!isOp(spread!, maxPool2dGradientOp) || spread.inputs[0] !== y) return undefined;
    const [, pooled, dpooled] = spread.inputs;
    return maxPool2dGradient(y!, pooled!, reluGradient(pooled!, dpooled!), spread.attributes);
  },
};

/**
 * channelSum(maxPool2dGradient(x, y, dy)) -> channelSum(dy)
 *
 * Same result: a window's pixels share dy, so they sum to it. The gradient of a bias before a pool is summed at pooled
 * size.
 */
export const sumOfPoolGradientRule: Rule = {
  name: "sumOfPoolGradient",
  rewrite(value) {
    if (!isOp(value, channelSumOp)) return undefined;
    const spread = value.inputs[0]!;
    return isOp(spread, maxPool2dGradientOp) ? channelSum(spread.inputs[2]!) : undefined;
  },
};

/** Every fusion rule: each preserves the results and saves passes over memory. */
export const FUSION_RULES: readonly Rule[] = [
  expandRule,
  convBiasRule,
  convReluRule,
  depthwiseBiasRule,
  affineReluRule,
  matmulBiasRule,
  reluBeforePoolRule,
  sumOfPoolGradientRule,
];

/**
 * c * beta + matmul(a, b) * alpha -> matmulAdd(a, b, c), where nothing else reads the product. The factors may be missing.
 *
 * Same result up to rounding: the fused operation is defined as that sum. It saves three launches of Muon's eight per
 * iteration. For GPUs only: elsewhere a weight's bits would change.
 */
export const matmulAddRule: Rule = {
  name: "matmulAdd",
  rewrite(value, { uses }) {
    if (!isOp(value, addOp)) return undefined;
    const [first, second] = value.inputs.map((term) => ({ ...scaled(term), isAlone: uses(term) === 1 }));
    for (const [product, other] of [
      [first!, second!],
      [second!, first!],
    ] as const) {
      const { term, factor, isAlone } = product;
      if (!isOp(term, matmulOp) || !isAlone || uses(term) > 1 || !sameShape(other.term.shape, term.shape)) continue;
      const [a, b] = term.inputs;
      return matmulAdd(a!, b!, other.term, { ...term.attributes, alpha: factor, beta: other.factor });
    }
    return undefined;
  },
};

/** A value as a value times a constant. */
function scaled(value: Value): { term: Value; factor: number } {
  const [x, factor] = value.inputs;
  if (isOp(value, multiplyOp) && isOp(factor!, constantOp)) return { term: x!, factor: factor.attributes.value };
  return { term: value, factor: 1 };
}

/** The fusion rules of a lowering. */
export function fusionRules(lowering: Lowering): readonly Rule[] {
  if (lowering.kind === "standard") return FUSION_RULES;
  if (lowering.kind === "blocked") return [...FUSION_RULES, ...wholeBlockRules(lowering.block)];
  // What the provider has as one operation is not expanded.
  return [...FUSION_RULES.filter((rule) => rule !== expandRule), matmulAddRule];
}
