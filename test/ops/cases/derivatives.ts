import { formatShape, type Shape } from "../../../src/graph/shape.ts";
import type { Op, Value } from "../../../src/graph/value.ts";
import { batchNorm, batchNormOp } from "../../../src/ops/batch-norm.ts";
import { biasAdd, biasAddOp, channelAffine, channelAffineOp } from "../../../src/ops/channels.ts";
import { conv2d, conv2dOp } from "../../../src/ops/convolution/conv2d.ts";
import { depthwiseConv2d, depthwiseConv2dOp } from "../../../src/ops/convolution/depthwise.ts";
import {
  add,
  addOp,
  divide,
  divideOp,
  dropout,
  dropoutOp,
  exp,
  expOp,
  log,
  logOp,
  multiply,
  multiplyOp,
  relu,
  reluOp,
  silu,
  siluOp,
  sqrt,
  sqrtOp,
  subtract,
  subtractOp,
} from "../../../src/ops/elementwise.ts";
import {
  logSoftmax,
  logSoftmaxOp,
  softmax,
  softmaxCrossEntropy,
  softmaxCrossEntropyOp,
  softmaxOp,
} from "../../../src/ops/loss.ts";
import { batchedMatmul, batchedMatmulOp, matmul, matmulOp } from "../../../src/ops/matmul.ts";
import { globalAveragePool, globalAveragePoolOp, maxPool2d, maxPool2dOp } from "../../../src/ops/pooling.ts";
import { mean, repeat, repeatOp, sum, sumAxesOp, sumOp } from "../../../src/ops/reduce.ts";
import { flatten, flattenOp, unflatten, unflattenOp } from "../../../src/ops/reshape.ts";
import { type TestTensor, tensor } from "../../support/tensors.ts";
import { activationDerivatives } from "./activations.ts";
import { arrangementDerivatives } from "./arrangements.ts";
import { convolutionSizes } from "./convolutions.ts";
import { depthwiseSizes } from "./depthwise.ts";
import { generalConvolutionDerivatives } from "./general-convolutions.ts";
import { windowPoolDerivatives } from "./window-pools.ts";

/** A value and the inputs with respect to which it is differentiated, all away from kinks and ties. */
export interface DerivativeCase {
  readonly op: Op;
  readonly name: string;
  readonly y: Value;
  readonly by: readonly TestTensor[];
  /** Further inputs: labels, masks, and scalars without derivative. */
  readonly given?: readonly TestTensor[];
}

export function derivativeCases(): DerivativeCase[] {
  return [
    ...elementwise(),
    ...reductions(),
    ...channels(),
    ...convolutions(),
    ...depthwise(),
    ...pools(),
    ...products(),
    ...losses(),
    ...activationDerivatives(),
    ...arrangementDerivatives(),
    ...generalConvolutionDerivatives(),
    ...windowPoolDerivatives(),
  ];
}

function elementwise(): DerivativeCase[] {
  const shape = [2, 3, 2];
  const [a, b] = [tensor("a", shape, "positive"), tensor("b", shape, "positive")];
  const [s, t] = [tensor("s", [], "positive"), tensor("t", [], "positive")];
  const [row, column] = [tensor("row", [1, 2], "positive"), tensor("column", [2, 3, 1], "positive")];
  const distinct = tensor("x", shape, "distinct");
  const pairs = [
    [addOp, add],
    [subtractOp, subtract],
    [multiplyOp, multiply],
    [divideOp, divide],
  ] as const;
  const binary = pairs.flatMap(([op, build]): DerivativeCase[] => [
    { op, name: "equal shapes", y: build(a.value, b.value), by: [a, b] },
    { op, name: "two scalars", y: build(s.value, t.value), by: [s, t] },
    { op, name: "a value with itself", y: build(a.value, a.value), by: [a] },
    { op, name: "used twice on the way", y: build(multiply(a.value, b.value), add(a.value, b.value)), by: [a, b] },
    { op, name: "scalar on the right", y: build(a.value, s.value), by: [a, s] },
    { op, name: "scalar on the left", y: build(s.value, a.value), by: [a, s] },
    { op, name: "broadcast on the right", y: build(a.value, row.value), by: [a, row] },
    { op, name: "broadcast on the left", y: build(column.value, a.value), by: [a, column] },
    { op, name: "both broadcast", y: build(column.value, row.value), by: [column, row] },
  ]);
  const rates = [0, 0.25, 0.5].map((rate): DerivativeCase => {
    const mask = tensor("mask", shape, "mask");
    const y = dropout(distinct.value, mask.value, { rate });
    return { op: dropoutOp, name: `rate ${rate}`, y, by: [distinct], given: [mask] };
  });
  return [
    ...binary,
    ...rates,
    { op: sqrtOp, name: "positive", y: sqrt(a.value), by: [a] },
    { op: expOp, name: "positive", y: exp(a.value), by: [a] },
    { op: logOp, name: "positive", y: log(a.value), by: [a] },
    { op: sumOp, name: "of all elements", y: sum(a.value), by: [a] },
    { op: sumOp, name: "the mean", y: mean(a.value), by: [a] },
    { op: sumOp, name: "of a scalar", y: sum(s.value), by: [s] },
    { op: repeatOp, name: "half of a scalar", y: repeat(s.value, [2, 3], 0.5), by: [s] },
    { op: reluOp, name: "away from 0", y: relu(distinct.value), by: [distinct] },
    { op: siluOp, name: "on both sides of 0", y: silu(distinct.value), by: [distinct] },
    { op: flattenOp, name: "of images", y: flatten(distinct.value), by: [distinct] },
    { op: unflattenOp, name: "to another shape", y: unflatten(distinct.value, [2, 2, 1, 3]), by: [distinct] },
  ];
}

function reductions(): DerivativeCase[] {
  const x = tensor("x", [2, 3, 4], "uniform");
  const sums = [[0], [1], [0, 2], [-1], [0, 1, 2]].flatMap((axes): DerivativeCase[] => [
    { op: sumAxesOp, name: `sum over ${axes}`, y: sum(x.value, axes), by: [x] },
    { op: sumAxesOp, name: `mean over ${axes}`, y: mean(x.value, axes), by: [x] },
  ]);
  const part = tensor("part", [3, 1], "uniform");
  return [
    ...sums,
    { op: repeatOp, name: "repeated", y: repeat(part.value, [2, 3, 4]), by: [part] },
    { op: repeatOp, name: "repeated, halved", y: repeat(part.value, [2, 3, 4], 0.5), by: [part] },
  ];
}

function channels(): DerivativeCase[] {
  const shapes: Shape[] = [
    [2, 3, 2, 3],
    [1, 1, 2, 1],
    [3, 2, 1, 1],
    [5, 3],
    [2, 1],
  ];
  return shapes.flatMap((shape): DerivativeCase[] => {
    const vector = (name: string) => tensor(name, [shape[1]!], "uniform");
    const x = tensor("x", shape, "uniform");
    const [scale, shift] = [vector("scale"), vector("shift")];
    const name = formatShape(shape);
    const normalized = [1e-5, 0.3].map((epsilon): DerivativeCase => {
      // With respect to x also through the mean and the variance, which are computed from it here.
      const { y } = batchNorm(x.value, scale.value, shift.value, { epsilon });
      return { op: batchNormOp, name: `${name}, epsilon ${epsilon}`, y, by: [x, scale, shift] };
    });
    const affine = channelAffine(x.value, scale.value, shift.value);
    return [
      { op: biasAddOp, name, y: biasAdd(x.value, shift.value), by: [x, shift] },
      { op: channelAffineOp, name, y: affine, by: [x, scale, shift] },
      ...normalized,
    ];
  });
}

function convolutions(): DerivativeCase[] {
  // The edges of the lowerings' cases with two channels; batches and channel counts change nothing in float64.
  const sizes = convolutionSizes(2).filter(({ edge, channels, batch, image }) => {
    return channels === 2 && batch === 2 && image[0] < 10 && !edge.includes("channels");
  });
  const few = convolutionSizes(2).filter(({ edge, channels, outputs }) => {
    return edge.includes("channels") && Math.max(channels, outputs) < 8;
  });
  return [...sizes.map((size) => ({ ...size, batch: 1 })), ...few].map((size): DerivativeCase => {
    const { edge, batch, channels, outputs, image, kernel, stride, padding } = size;
    const x = tensor("x", [batch, channels, ...image], "uniform");
    const weight = tensor("weight", [outputs, channels, ...kernel], "uniform");
    const name = `${edge}: ${formatShape(x.value.shape)} * ${formatShape(weight.value.shape)}, stride ${stride}, padding ${padding}`;
    return { op: conv2dOp, name, y: conv2d(x.value, weight.value, { stride, padding }), by: [x, weight] };
  });
}

function depthwise(): DerivativeCase[] {
  return depthwiseSizes(2)
    .filter(({ channels, batch, image }) => channels < 8 && batch < 4 && image[0] < 10)
    .map((size): DerivativeCase => {
      const { edge, batch, channels, image, kernel, padding } = size;
      const x = tensor("x", [batch, channels, ...image], "uniform");
      const weight = tensor("weight", [channels, 1, ...kernel], "uniform");
      const bias = tensor("bias", [channels], "uniform");
      const name = `${edge}: ${formatShape(x.value.shape)} * ${formatShape(weight.value.shape)}, padding ${padding}`;
      const y = depthwiseConv2d(x.value, weight.value, { padding, bias: bias.value });
      return { op: depthwiseConv2dOp, name, y, by: [x, weight, bias] };
    });
}

function pools(): DerivativeCase[] {
  const maxima = [1, 2, 3, 4].flatMap((size) =>
    [
      [size, size],
      [2 * size, 3 * size],
      [2 * size + 1, 3 * size - 1],
      [3 * size - 1, size],
    ].map(([height, width]): DerivativeCase => {
      const x = tensor("x", [2, 2, height!, width!], "distinct");
      const name = `window ${size} of ${height}x${width}`;
      return { op: maxPool2dOp, name, y: maxPool2d(x.value, { size }), by: [x] };
    }),
  );
  const means = [
    [1, 1],
    [3, 2],
    [1, 5],
  ].map(([height, width]): DerivativeCase => {
    const x = tensor("x", [2, 3, height!, width!], "uniform");
    return { op: globalAveragePoolOp, name: `${height}x${width}`, y: globalAveragePool(x.value), by: [x] };
  });
  return [...maxima, ...means];
}

function products(): DerivativeCase[] {
  const [a, b] = [tensor("a", [2, 3, 4, 5], "uniform"), tensor("b", [2, 3, 5, 2], "uniform")];
  const batched = { op: batchedMatmulOp, name: "of four axes", y: batchedMatmul(a.value, b.value), by: [a, b] };
  const matrices = [false, true].flatMap((transposeA) =>
    [false, true].map((transposeB): DerivativeCase => {
      const a = tensor("a", transposeA ? [4, 2] : [2, 4], "uniform");
      const b = tensor("b", transposeB ? [3, 4] : [4, 3], "uniform");
      const name = `${transposeA ? "aT" : "a"} ${transposeB ? "bT" : "b"}`;
      return { op: matmulOp, name, y: matmul(a.value, b.value, { transposeA, transposeB }), by: [a, b] };
    }),
  );
  return [batched, ...matrices];
}

function losses(): DerivativeCase[] {
  const weights = (classes: number) => Array.from({ length: classes }, (_, label) => 0.5 + label);
  const sizes = [
    [1, 1],
    [4, 5],
    [7, 2],
  ] as const;
  const probabilities = sizes.flatMap(([batch, classes]): DerivativeCase[] => {
    const logits = tensor("logits", [batch, classes], "uniform");
    const logitsOf3 = tensor("logits", [2, batch, classes], "uniform");
    const name = `${batch} rows of ${classes}`;
    return [
      { op: softmaxOp, name, y: softmax(logits.value), by: [logits] },
      { op: softmaxOp, name: `${name}, twice`, y: softmax(logitsOf3.value), by: [logitsOf3] },
      { op: logSoftmaxOp, name, y: logSoftmax(logits.value), by: [logits] },
    ];
  });
  const entropies = [0, 0.1, 0.5].flatMap((labelSmoothing) =>
    sizes.flatMap(([batch, classes]) =>
      [{}, { classWeights: weights(classes!) }].map((weighting): DerivativeCase => {
        const logits = tensor("logits", [batch!, classes!], "uniform");
        const labels = tensor("labels", [batch!], "labels", { limit: classes! });
        const y = softmaxCrossEntropy(logits.value, labels.value, { labelSmoothing, ...weighting });
        const name = `smoothing ${labelSmoothing}, ${batch} rows of ${classes}${weighting.classWeights ? ", class weights" : ""}`;
        return { op: softmaxCrossEntropyOp, name, y, by: [logits], given: [labels] };
      }),
    ),
  );
  return [...probabilities, ...entropies];
}
