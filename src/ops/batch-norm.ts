import { formatShape, requireSameShape, type Shape, ShapeError } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
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

/** Attributes of batch norm: `epsilon` is added to the variance. */
export type BatchNormAttributes = { readonly epsilon: number };

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
    const [x, weight, , mean, variance] = value.inputs;
    const dbias = channelSum(dy);
    const centredDot = subtract(channelDot(dy, x!), multiply(mean!, dbias));
    const dweight = apply(perDeviationOp, [centredDot, variance!], value.attributes);
    const dx = apply(batchNormInputGradientOp, [dy, x!, weight!, mean!, variance!, dweight, dbias], value.attributes);
    return [dx, dweight, dbias, undefined, undefined];
  },
  expand(value) {
    const { scale, shift } = scaleAndShift(value);
    return channelAffine(value.inputs[0]!, scale, shift);
  },
  lower: {
    standard: (writer, inputs, { shape, attributes: { epsilon } }) => writeBatchNorm(writer, inputs, shape, epsilon),
  },
  reference: ([x, weight, bias, mean, variance], { shape, attributes: { epsilon } }) =>
    x!.data.map((element, i) => {
      const c = channelAt(shape, i);
      const deviation = Math.sqrt(variance!.data[c]! + epsilon);
      return ((element - mean!.data[c]!) / deviation) * weight!.data[c]! + bias!.data[c]!;
    }),
};

/**
 * The derivative of batchNorm's x, as derived there: dx = a * dy + b * x + c. Inputs: dy, x, weight, mean, variance,
 * dweight, dbias.
 *
 * On a GPU it is two batch norms: dx = weight * s * (dy + z), where z is that of x with the same mean and variance, weight
 * -dweight / M and bias -dbias / M, and the rest one with mean 0 and bias 0. That is five launches instead of fifteen.
 */
export const batchNormInputGradientOp: Op<BatchNormAttributes> = {
  name: "batchNormInputGradient",
  infer([dy, x, weight, mean, variance, dweight, dbias]) {
    requireSameShape("batchNormInputGradient", "dy and x", dy!.shape, x!.shape);
    const vectors = { weight: weight!, mean: mean!, variance: variance!, dweight: dweight!, dbias: dbias! };
    requireChannelVectors("batchNormInputGradient", x!.shape, vectors);
    return { shape: x!.shape };
  },
  expand({ inputs, shape, attributes: { epsilon } }) {
    const [dy, x, weight, mean, variance, dweight, dbias] = inputs;
    const { inverseDeviation, scale } = normalizationScale(weight!, dbias!, mean!, variance!, epsilon);
    const share = constant(-1 / valuesPerChannel(shape));
    const b = multiply(multiply(multiply(scale, inverseDeviation), dweight!), share);
    const c = subtract(multiply(multiply(scale, dbias!), share), multiply(b, mean!));
    return channelCombine(dy!, x!, scale, b, c);
  },
  lower: {
    standard(writer, [dy, x, weight, mean, variance, dweight, dbias], { shape, attributes: { epsilon } }) {
      const share = writer.scalar(-1 / valuesPerChannel(shape));
      const [b, c] = [dweight, dbias].map((gradient) => writer.node("Mul", [gradient, share]));
      const z = writeBatchNorm(writer, [x!, b!, c!, mean!, variance!], shape, epsilon);
      const none = writer.floats(new Float32Array(shape[1]!), [shape[1]!]);
      return writeBatchNorm(writer, [writer.node("Add", [dy, z]), weight!, none, none, variance!], shape, epsilon);
    },
  },
  reference: ([dy, x, weight, mean, variance, dweight, dbias], { shape, attributes: { epsilon } }) =>
    dy!.data.map((element, i) => {
      const c = channelAt(shape, i);
      const s = 1 / Math.sqrt(variance!.data[c]! + epsilon);
      const normalized = (x!.data[i]! - mean!.data[c]!) * s;
      const shared = (dbias!.data[c]! + normalized * dweight!.data[c]!) / valuesPerChannel(shape);
      return weight!.data[c]! * s * (element - shared);
    }),
};

/** y = x / sqrt(variance + epsilon), all [C]. */
export const perDeviationOp: Op<BatchNormAttributes> = {
  name: "perDeviation",
  infer([x, variance]) {
    requireSameShape("perDeviation", "x and variance", x!.shape, variance!.shape);
    return { shape: x!.shape };
  },
  expand: ({ inputs: [x, variance], attributes: { epsilon } }) => multiply(inverseDeviationOf(variance!, epsilon), x!),
  lower: {
    standard: (writer, [x, variance], { attributes: { epsilon } }) => writePerDeviation(writer, x!, variance!, epsilon),
  },
  reference: ([x, variance], { attributes: { epsilon } }) =>
    x!.data.map((element, i) => element / Math.sqrt(variance!.data[i]! + epsilon)),
};

function writePerDeviation(writer: GraphWriter, x: string, variance: string, epsilon: number): string {
  return writer.node("Div", [x, writer.node("Sqrt", [writer.node("Add", [variance, writer.scalar(epsilon)])])]);
}

function inverseDeviationOf(variance: Value, epsilon: number): Value {
  return divide(constant(1), sqrt(add(variance, constant(epsilon))));
}

/** ONNX's batch norm of x [N, C, ...] with given statistics. Inputs: x, weight, bias, mean, variance. */
function writeBatchNorm(writer: GraphWriter, inputs: readonly string[], shape: Shape, epsilon: number): string {
  const [x, ...vectors] = inputs;
  const attributes = { epsilon: { float: epsilon } };
  // The WebGPU provider takes images only.
  if (shape.length === 4) return writer.node("BatchNormalization", inputs, attributes);
  const images = writer.reshape(x!, [...shape, 1, 1]);
  return writer.reshape(writer.node("BatchNormalization", [images, ...vectors], attributes), shape);
}

function scaleAndShift({ inputs, attributes }: Value<BatchNormAttributes>) {
  const [, weight, bias, mean, variance] = inputs;
  return normalizationScale(weight!, bias!, mean!, variance!, attributes.epsilon);
}

/** Batch norm's y = x * scale + shift: the same for the batch's statistics and for running ones. All [C]. */
export function normalizationScale(weight: Value, bias: Value, mean: Value, variance: Value, epsilon: number) {
  const inverseDeviation = inverseDeviationOf(variance, epsilon);
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
