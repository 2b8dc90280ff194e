import { formatShape, type Shape } from "../../../src/graph/shape.ts";
import { apply, type Value } from "../../../src/graph/value.ts";
import { batchNormInputGradientOp, batchNormOp, perDeviationOp } from "../../../src/ops/batch-norm.ts";
import {
  biasAdd,
  biasAddOp,
  channelAffine,
  channelAffineOp,
  channelCombine,
  channelCombineOp,
  channelDot,
  channelDotOp,
  channelSum,
  channelSumOp,
  channelVariance,
  channelVarianceOp,
  valuesPerChannel,
} from "../../../src/ops/channels.ts";
import { multiply } from "../../../src/ops/elementwise.ts";
import { constant } from "../../../src/ops/leaves.ts";
import { blockedCopy, exact, type OpCase, ofMagnitude, ofResult } from "../../support/op-case.ts";
import { type Filling, tensor } from "../../support/tensors.ts";
import { imageSizesToTry } from "./pools.ts";

const EPSILON = 1e-5;

export function channelCases(block: number): OpCase[] {
  const images = imageSizesToTry(block).flatMap(({ edge, batch, channels, image }) =>
    casesAt(edge, [batch, channels, ...image], channels % block === 0),
  );
  const vectors = imageSizesToTry(block)
    .filter(({ edge }) => /^(batch|channels)/.test(edge))
    .flatMap(({ edge, batch, channels }) => casesAt(`vectors, ${edge}`, [batch, channels], false));
  return [...images, ...vectors];
}

function casesAt(edge: string, shape: Shape, isBlocked: boolean): OpCase[] {
  const name = `${edge}: ${formatShape(shape)}`;
  return [
    ...mapsOfChannels(name, shape, isBlocked, "integers"),
    ...(edge.startsWith("channels") ? mapsOfChannels(name, shape, isBlocked, "uniform") : []),
    ...sumsOfChannels(name, shape, isBlocked),
  ];
}

/** Converts images to the blocked layout, as these operations run blocked only if their input already is. */
function copyOf(x: Value): Value {
  return x.shape.length === 4 ? blockedCopy(x) : x;
}

function mapsOfChannels(where: string, shape: Shape, isBlocked: boolean, filling: Filling): OpCase[] {
  const vector = (name: string, as = filling) => tensor(name, [shape[1]!], as);
  const [x, other] = [tensor("x", shape, filling), tensor("other", shape, filling)];
  const [scale, shift, second] = [vector("scale"), vector("shift"), vector("second")];
  const bound = (roundings: number, magnitude: Value) =>
    filling === "integers" ? exact : ofMagnitude(roundings, magnitude);
  const name = `${filling}, ${where}`;
  const biased = biasAdd(copyOf(x.value), shift.value);
  const affine = (relu: boolean) => channelAffine(copyOf(x.value), scale.value, shift.value, { relu });
  const combined = channelCombine(x.value, other.value, scale.value, second.value, shift.value);
  const affineCase = { op: channelAffineOp, inputs: [x, scale, shift], isBlocked, bound: bound(2, affine(false)) };
  return [
    { op: biasAddOp, name, inputs: [x, shift], y: biased, isBlocked, bound: bound(1, biased) },
    { ...affineCase, name, y: affine(false) },
    { ...affineCase, name: `with ReLU, ${name}`, y: affine(true) },
    {
      op: channelCombineOp,
      name,
      inputs: [x, other, scale, second, shift],
      y: combined,
      isBlocked,
      bound: bound(4, combined),
    },
    ...(filling === "integers" ? [] : normalized(name, shape, isBlocked)),
  ];
}

/**
 * Batch norm with given statistics, and its derivative. On the processor they expand to channel-wise maps, on the GPU they
 * have lowerings of their own.
 */
function normalized(name: string, shape: Shape, isBlocked: boolean): OpCase[] {
  const vector = (label: string, filling: Filling) => tensor(label, [shape[1]!], filling);
  const x = tensor("x", shape, "uniform");
  const [weight, bias] = [vector("weight", "uniform"), vector("bias", "uniform")];
  const [mean, variance] = [vector("mean", "uniform"), vector("variance", "positive")];
  const normalize = (centre: Value) =>
    apply(batchNormOp, [copyOf(x.value), weight.value, bias.value, centre, variance.value], { epsilon: EPSILON });
  const inputs = [x, weight, bias, mean, variance];
  // Sum, root, quotient and product make the scale; two more each for x, and for the subtracted mean.
  const bound = ofMagnitude(8, normalize(multiply(mean.value, constant(-1))));
  const [dy, dweight, dbias] = [
    tensor("dy", shape, "uniform"),
    vector("dweight", "uniform"),
    vector("dbias", "uniform"),
  ];
  const gradient = (sign: number) =>
    apply(
      batchNormInputGradientOp,
      [dy, x, weight, mean, variance, dweight, dbias].map(({ value }, i) =>
        i === 3 || i === 5 || i === 6 ? multiply(value, constant(sign)) : value,
      ),
      { epsilon: EPSILON },
    );
  const quotient = apply(perDeviationOp, [weight.value, variance.value], { epsilon: EPSILON });
  return [
    { op: channelAffineOp, name: `batch norm, ${name}`, inputs, y: normalize(mean.value), isBlocked, bound },
    { op: batchNormOp, name, inputs, y: normalize(mean.value), isBlocked: false, bound },
    {
      op: batchNormInputGradientOp,
      name,
      inputs: [dy, x, weight, mean, variance, dweight, dbias],
      y: gradient(1),
      isBlocked: false,
      bound: ofMagnitude(20, gradient(-1)),
    },
    {
      op: perDeviationOp,
      name,
      inputs: [weight, variance],
      y: quotient,
      isBlocked: false,
      bound: ofMagnitude(5, quotient),
    },
  ];
}

function sumsOfChannels(name: string, shape: Shape, isBlocked: boolean): OpCase[] {
  const [x, other] = [tensor("x", shape, "uniform"), tensor("other", shape, "uniform")];
  const [whole, wholeOther] = [tensor("x", shape, "integers"), tensor("other", shape, "integers")];
  const moved = tensor("x", shape, "positive");
  const far = { value: moved.value, data: moved.data.map((element) => Math.fround(3000 + element)) };
  const farMean = tensor("mean", [shape[1]!], "zeros");
  farMean.data.fill(3001);
  const count = valuesPerChannel(shape);
  const sum = channelSum(x.value);
  const dot = channelDot(x.value, other.value);
  const mean = multiply(channelSum(moved.value), constant(1 / count));
  return [
    // Blocked, the sum is made of means: three roundings more.
    { op: channelSumOp, name, inputs: [x], y: sum, isBlocked, bound: ofMagnitude(count + 3, sum) },
    { op: channelDotOp, name, inputs: [x, other], y: dot, isBlocked, bound: ofMagnitude(count, dot) },
    {
      op: channelDotOp,
      name: `integers, ${name}`,
      inputs: [whole, wholeOther],
      y: channelDot(whole.value, wholeOther.value),
      isBlocked,
      bound: exact,
    },
    {
      op: channelVarianceOp,
      name: `mean beside the deviation, ${name}`,
      inputs: [moved],
      y: channelVariance(moved.value, mean),
      isBlocked,
      // (|x| + |mean|)^2 is more than all that is added up.
      bound: ofMagnitude(3 * count + 8, channelVariance(moved.value, multiply(mean, constant(-1)))),
    },
    {
      op: channelVarianceOp,
      name: `mean of thousands of deviations, ${name}`,
      inputs: [far, farMean],
      y: channelVariance(far.value, farMean.value),
      isBlocked,
      // Differences of numbers so close are exact.
      bound: ofResult(count + 4),
    },
  ];
}
