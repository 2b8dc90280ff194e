import { formatShape, ShapeError } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import {
  channelAffine,
  channelAt,
  channelCombine,
  channelDot,
  channelSum,
  channelVariance,
  requireChannelVectors,
  valuesPerChannel,
} from "./channels.ts";
import { add, divide, multiply, sqrt, subtract } from "./elementwise.ts";
import { constant } from "./leaves.ts";

type BatchNormAttributes = { readonly epsilon: number };

/**
 * Batch normalisation by the batch's own statistics (Ioffe and Szegedy 2015; PyTorch's BatchNorm in training mode):
 *
 *   y = (x - mean) / sqrt(variance + epsilon) * weight + bias       per channel, variance biased
 *
 * x [N, C, H, W] or [N, C]; weight, bias, mean, variance [C]. `mean` and `variance` must be those of x: the derivative
 * of x below already includes the gradient through them, so they have none themselves. With M values per channel,
 * s = 1 / sqrt(variance + epsilon):
 *
 *   dbias = sum(dy)        dweight = s * (sum(dy * x) - mean * sum(dy))
 *   dx    = weight * s * (dy - dbias / M - (x - mean) * s * dweight / M)  =  a * dy + b * x + c
 *   with a = weight * s,   b = -a * s * dweight / M,   c = -a * dbias / M - b * mean
 */
export const batchNormOp: Op<BatchNormAttributes> = {
  name: "batchNorm",
  infer([x, weight, bias, mean, variance]) {
    requireChannelVectors("batchNorm", x!.shape, { weight: weight!, bias: bias!, mean: mean!, variance: variance! });
    return { shape: x!.shape };
  },
  gradient(value, dy) {
    const [x, , , mean] = value.inputs;
    const { scale, inverseDeviation } = scaleAndShift(value);
    const share = constant(-1 / valuesPerChannel(value.shape));
    const dbias = channelSum(dy);
    const dweight = multiply(inverseDeviation, subtract(channelDot(dy, x!), multiply(mean!, dbias)));
    const b = multiply(multiply(multiply(scale, inverseDeviation), dweight), share);
    const c = subtract(multiply(multiply(scale, dbias), share), multiply(b, mean!));
    return [channelCombine(dy, x!, scale, b, c), dweight, dbias, undefined, undefined];
  },
  expand(value) {
    const { scale, shift } = scaleAndShift(value);
    return channelAffine(value.inputs[0]!, scale, shift);
  },
  reference: ([x, weight, bias, mean, variance], { shape, attributes: { epsilon } }) =>
    x!.data.map((element, i) => {
      const c = channelAt(shape, i);
      const deviation = Math.sqrt(variance!.data[c]! + epsilon);
      return ((element - mean!.data[c]!) / deviation) * weight!.data[c]! + bias!.data[c]!;
    }),
};

function scaleAndShift({ inputs, attributes }: Value<BatchNormAttributes>) {
  const [, weight, bias, mean, variance] = inputs;
  return normalizationScale(weight!, bias!, mean!, variance!, attributes.epsilon);
}

/** Batch norm's y = x * scale + shift: the same for the batch's statistics and for running ones. All [C]. */
export function normalizationScale(weight: Value, bias: Value, mean: Value, variance: Value, epsilon: number) {
  const inverseDeviation = divide(constant(1), sqrt(add(variance, constant(epsilon))));
  const scale = multiply(weight, inverseDeviation);
  return { inverseDeviation, scale, shift: subtract(bias, multiply(mean, scale)) };
}

/**
 * Normalises a batch by its own statistics, per channel.
 *
 * @param x [N, C, H, W] or [N, C] @param weight [C] @param bias [C]
 * @returns y like x, and the batch's mean and biased variance [C]
 * @throws ShapeError when a channel has a single value: its variance is meaningless (PyTorch refuses it too)
 */
export function batchNorm(x: Value, weight: Value, bias: Value, attributes: BatchNormAttributes) {
  const count = valuesPerChannel(x.shape);
  if (count === 1) {
    throw new ShapeError(
      "batchNorm",
      `training needs more than one value a channel, x is ${formatShape(x.shape)}; use a larger batch`,
    );
  }
  const mean = multiply(channelSum(x), constant(1 / count));
  const variance = channelVariance(x, mean);
  return { y: apply(batchNormOp, [x, weight, bias, mean, variance], attributes), mean, variance };
}
