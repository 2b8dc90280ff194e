import { describe, expect, test } from "vitest";
import { ShapeError } from "../../src/graph/shape.ts";
import { apply, type Value } from "../../src/graph/value.ts";
import { batchNorm } from "../../src/ops/batch-norm.ts";
import {
  biasAdd,
  channelAffine,
  channelCombine,
  channelDot,
  channelSum,
  channelVariance,
} from "../../src/ops/channels.ts";
import { conv2d, fusedConv2dOp } from "../../src/ops/convolution/conv2d.ts";
import {
  depthwiseConv2d,
  depthwiseConv2dInputGradient,
  depthwiseConv2dWeightGradient,
} from "../../src/ops/convolution/depthwise.ts";
import { transposedConvolution } from "../../src/ops/convolution/general.ts";
import { conv2dInputGradient } from "../../src/ops/convolution/input-gradient.ts";
import { conv2dWeightGradient } from "../../src/ops/convolution/weight-gradient.ts";
import { add, divide, dropout, multiply, reluGradient, siluGradient, subtract } from "../../src/ops/elementwise.ts";
import { input } from "../../src/ops/leaves.ts";
import { countCorrect, softmax, softmaxCrossEntropy, softmaxCrossEntropyGradient } from "../../src/ops/loss.ts";
import { batchedMatmul, fusedMatmul, matmul } from "../../src/ops/matmul.ts";
import { normalizePixels } from "../../src/ops/normalize-pixels.ts";
import { globalAveragePool, globalAveragePoolGradient, maxPool2d, maxPool2dGradient } from "../../src/ops/pooling.ts";
import { repeat, sum } from "../../src/ops/reduce.ts";
import { concat, flatten, pad, slice, transpose, unflatten } from "../../src/ops/reshape.ts";
import { adaptiveAveragePool2d, averagePool2d, maxPoolWindows } from "../../src/ops/window-pooling.ts";

const of = (...shape: number[]): Value => input("value", shape);
const labels = (...shape: number[]): Value => input("labels", shape, "int32");
const plain = { transposeA: false, transposeB: false };
const images = of(2, 3, 4, 5);
const smoothing = { labelSmoothing: 0 };
const TRANSPOSED = {
  strides: [1, 1],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  groups: 1,
  outputPadding: [0, 0],
} as const;

/** Inputs that an operation refuses, and the expected message: the operation, the rule, the shapes. */
const REFUSED: readonly (readonly [mistake: string, make: () => Value, message: RegExp])[] = [
  [
    "unequal operands",
    () => add(of(2, 3), of(3, 2)),
    /add: .*equal shapes, or sizes of 1 to broadcast.*\[2, 3\].*\[3, 2\]/,
  ],
  ["an operand that does not broadcast", () => subtract(of(2, 3), of(2)), /subtract: .*\[2, 3\] and \[2\]/],
  ["an axis of another size", () => multiply(of(3, 1, 2), of(2, 3)), /multiply: .*\[3, 1, 2\] and \[2, 3\]/],
  ["unequal operands", () => divide(of(2), of(3)), /divide: .*\[2\] and \[3\]/],
  ["unequal operands", () => reluGradient(of(2), of(3)), /reluGradient: y and dy.*\[2\] and \[3\]/],
  ["unequal operands", () => siluGradient(of(2), of(3), of(2)), /siluGradient: x and y.*\[2\] and \[3\]/],
  ["unequal operands", () => siluGradient(of(2), of(2), of(3)), /siluGradient: x and dy.*\[2\] and \[3\]/],
  [
    "kernels of more than one channel",
    () => depthwiseConv2d(images, of(3, 3, 3, 3)),
    /depthwiseConv2d: weight must be \[3, 1, .*\[2, 3, 4, 5\], got \[3, 3, 3, 3\]/,
  ],
  [
    "kernels for other channels",
    () => depthwiseConv2d(images, of(4, 1, 3, 3)),
    /depthwiseConv2d: weight must be \[3, 1, .*got \[4, 1, 3, 3\]/,
  ],
  [
    "a stride of 3",
    () => apply(fusedConv2dOp, [images, of(6, 3, 3, 3), of(6)], { stride: 3, padding: [0, 0], relu: false }),
    /fusedConv2d: stride must be 1 or 2, got 3/,
  ],
  [
    "as much padding as kernel",
    () => depthwiseConv2d(images, of(3, 1, 3, 2), { padding: [1, 2] }),
    /depthwiseConv2d: padding must be .* less than the kernel 3x2, got 1, 2/,
  ],
  [
    "a kernel too wide",
    () => depthwiseConv2d(images, of(3, 1, 3, 6)),
    /depthwiseConv2d: kernel 3x6 is larger than the padded image 4x5/,
  ],
  [
    "a bias of another length",
    () => depthwiseConv2d(images, of(3, 1, 3, 3), { bias: of(2) }),
    /depthwiseConv2d: bias .*\[2\] and \[3\]/,
  ],
  [
    "a gradient of another size",
    () => depthwiseConv2dInputGradient(of(2, 3, 3, 3), of(3, 1, 3, 3), { padding: [0, 0], shape: images.shape }),
    /depthwiseConv2dInputGradient: dy .*\[2, 3, 3, 3\] and \[2, 3, 2, 3\]/,
  ],
  [
    "a gradient of another size",
    () => depthwiseConv2dWeightGradient(images, of(2, 3, 2, 2), { padding: [0, 0], shape: [3, 1, 3, 3] }),
    /depthwiseConv2dWeightGradient: dy .*\[2, 3, 2, 2\] and \[2, 3, 2, 3\]/,
  ],
  ["a bias of another length", () => biasAdd(images, of(4)), /biasAdd: bias must be \[3\].*\[2, 3, 4, 5\], got \[4\]/],
  ["three axes", () => biasAdd(of(2, 3, 4), of(3)), /biasAdd: x must be .*got \[2, 3, 4\]/],
  ["a scale of another length", () => channelAffine(images, of(2), of(3)), /channelAffine: scale must be \[3\]/],
  [
    "a matrix as shift",
    () => channelAffine(images, of(3), of(3, 1)),
    /channelAffine: shift must be \[3\].*got \[3, 1\]/,
  ],
  ["unequal images", () => channelCombine(images, of(2, 3, 5, 4), of(3), of(3), of(3)), /channelCombine: x and y/],
  [
    "a vector of another length",
    () => channelCombine(images, images, of(3), of(3), of(2)),
    /channelCombine: c must be \[3\]/,
  ],
  ["unequal images", () => channelDot(images, of(2, 3, 4, 4)), /channelDot: x and y/],
  ["one axis", () => channelSum(of(3)), /channelSum: x must be .*got \[3\]/],
  ["a mean of another length", () => channelVariance(images, of(5)), /channelVariance: mean must be \[3\]/],
  ["one value a channel", () => batchNorm(of(1, 3), of(3), of(3), { epsilon: 1 }).y, /batchNorm: .*larger batch/],
  [
    "a weight of another length",
    () => batchNorm(of(2, 3), of(2), of(3), { epsilon: 1 }).y,
    /batchNorm: weight must be \[3\]/,
  ],
  [
    "other input channels",
    () => conv2d(images, of(6, 2, 3, 3)),
    /conv2d: weight \[6, 2, 3, 3\] takes 2.*\[2, 3, 4, 5\] has 3/,
  ],
  [
    "too many input channels",
    () => conv2d(images, of(6, 4, 3, 3)),
    /conv2d: weight \[6, 4, 3, 3\] takes 4.*\[2, 3, 4, 5\] has 3/,
  ],
  [
    "two axes",
    () => conv2d(of(2, 3), of(6, 3, 3, 3)),
    /conv2d: x must be \[batch, channels, height, width\], got \[2, 3\]/,
  ],
  ["a flat weight", () => conv2d(images, of(6, 27)), /conv2d: weight must be .*got \[6, 27\]/],
  [
    "half a stride",
    () => conv2d(images, of(6, 3, 3, 3), { stride: 1.5 }),
    /convolution: strides must be whole and at least 1, got 1.5, 1.5/,
  ],
  [
    "no dilation",
    () => conv2d(images, of(6, 3, 3, 3), { dilation: 0 }),
    /convolution: dilations must be whole and at least 1, got 0, 0/,
  ],
  [
    "padding below 0",
    () => conv2d(images, of(6, 3, 3, 3), { padding: [1, 1, -1, 1] }),
    /convolution: pads must be whole and at least 0, got 1, 1, -1, 1/,
  ],
  [
    "groups that do not divide the channels",
    () => conv2d(images, of(6, 1, 3, 3), { groups: 2 }),
    /convolution: 2 groups must divide the 3 channels .*\[2, 3, 4, 5\] and the 6/,
  ],
  [
    "input channels of another number of groups",
    () => conv2d(images, of(6, 3, 3, 3), { groups: 3 }),
    /convolution: weight \[6, 3, 3, 3\] takes 3 input channels a group.*has 1 in each of 3/,
  ],
  [
    "a dilated kernel that is too large",
    () => conv2d(images, of(6, 3, 3, 3), { dilation: 2 }),
    /convolution: kernel 5x5 is larger than the padded image 4x5/,
  ],
  [
    "a transposed convolution of other channels",
    () => transposedConvolution(images, of(4, 2, 3, 3), TRANSPOSED),
    /transposedConvolution: weight \[4, 2, 3, 3\] takes 4 input channels, x \[2, 3, 4, 5\] has 3/,
  ],
  [
    "as much output padding as stride",
    () => transposedConvolution(images, of(3, 2, 3, 3), { ...TRANSPOSED, outputPadding: [0, 1] }),
    /transposedConvolution: outputPadding must be .*less than the stride 1x1, got 0, 1/,
  ],
  [
    "padding that leaves nothing",
    () => transposedConvolution(images, of(3, 2, 3, 3), { ...TRANSPOSED, pads: [3, 0, 3, 0] }),
    /transposedConvolution: the padding 3, 0, 3, 0 leaves nothing of x \[2, 3, 4, 5\]/,
  ],
  [
    "as much padding as window",
    () => maxPoolWindows(images, { kernel: [2, 2], strides: [1, 1], pads: [2, 0, 0, 0] }),
    /maxPool2d: pads must be less than the window 2x2, got 2, 0, 0, 0/,
  ],
  [
    "a window of no pixels",
    () => averagePool2d(images, { kernel: [0, 2], strides: [1, 1], pads: [0, 0, 0, 0], countPadding: true }),
    /averagePool2d: the window must be whole and at least 1, got 0, 2/,
  ],
  [
    "a pool to no pixels",
    () => adaptiveAveragePool2d(images, [0, 1]),
    /adaptiveAveragePool2d: size must be two whole numbers from 1 up, got \[0, 1\]/,
  ],
  ["parts of other sizes", () => concat([of(2, 3), of(2, 4)]), /concat: .*but along axis 0.*\[2, 3\] and \[2, 4\]/],
  ["an axis that is not there", () => concat([of(2)], 1), /concat: axis must be an axis of \[2\], .*got 1/],
  ["a part beyond the end", () => slice(of(2, 3), 2, 2, 1), /slice: 2 places from 2 on are not in axis 1 of \[2, 3\]/],
  ["padding of one axis of two", () => pad(of(2, 3), [1], [1]), /pad: .*each axis of \[2, 3\], got \[1\] and \[1\]/],
  ["an axis twice", () => transpose(of(2, 3), [0, 0]), /transpose: permutation .*\[2, 3\] once, got 0, 0/],
  ["an axis that is not there", () => sum(of(2, 3), [2]), /sum: axes must be different axes of \[2, 3\], got 2/],
  ["a shape to repeat to", () => repeat(of(2, 3), [3]), /repeat: \[2, 3\] cannot be repeated to \[3\]/],
  [
    "products of other sizes",
    () => batchedMatmul(of(2, 3, 4), of(2, 3, 4)),
    /batchedMatmul: .*got \[2, 3, 4\] and \[2, 3, 4\]/,
  ],
  ["negative padding", () => conv2d(images, of(6, 3, 3, 3), { padding: [1, -1] }), /conv2d: padding must be .*1, -1/],
  ["a kernel too high", () => conv2d(images, of(6, 3, 5, 1)), /conv2d: kernel 5x1 is larger than the padded image 4x5/],
  [
    "a dy of another size",
    () => conv2dInputGradient(of(2, 6, 3, 3), of(6, 3, 3, 3), { stride: 1, padding: [0, 0], shape: images.shape }),
    /conv2dInputGradient: dy .*\[2, 6, 3, 3\] and \[2, 6, 2, 3\]/,
  ],
  [
    "a dy of another size",
    () => conv2dWeightGradient(images, of(2, 6, 2, 2), { stride: 1, padding: [0, 0], shape: [6, 3, 3, 3] }),
    /conv2dWeightGradient: dy .*\[2, 6, 2, 2\] and \[2, 6, 2, 3\]/,
  ],
  [
    "a bias of another length",
    () => apply(fusedConv2dOp, [images, of(6, 3, 3, 3), of(3)], { stride: 1, padding: [0, 0], relu: false }),
    /fusedConv2d: bias .*\[3\] and \[6\]/,
  ],
  [
    "two inner sizes",
    () => matmul(of(2, 3), of(2, 3), plain),
    /matmul: a b of a \[2, 3\] and b \[2, 3\] sums over 3 and 2/,
  ],
  [
    "two inner sizes, transposed",
    () => matmul(of(2, 3), of(3, 4), { transposeA: true, transposeB: true }),
    /matmul: aᵀ bᵀ of a \[2, 3\] and b \[3, 4\] sums over 2 and 4/,
  ],
  ["images", () => matmul(images, of(5, 2), plain), /matmul: a must be \[rows, columns\], got \[2, 3, 4, 5\]/],
  [
    "a bias of another length",
    () => fusedMatmul(of(2, 3), of(3, 4), of(3), plain),
    /fusedMatmul: bias .*\[3\] and \[4\]/,
  ],
  [
    "a window larger than the image",
    () => maxPool2d(images, { size: 5 }),
    /maxPool2d: window 5x5 is larger than the image 4x5/,
  ],
  [
    "a window of no pixel",
    () => maxPool2d(images, { size: 0 }),
    /maxPool2d: size must be a whole number from 1 up, got 0/,
  ],
  [
    "maxima of another size",
    () => maxPool2dGradient(images, of(2, 3, 2, 3), of(2, 3, 2, 3), { size: 2 }),
    /maxPool2dGradient: y and the pooled x.*\[2, 3, 2, 3\] and \[2, 3, 2, 2\]/,
  ],
  [
    "a dy of another size",
    () => maxPool2dGradient(images, of(2, 3, 2, 2), of(2, 3, 2, 1), { size: 2 }),
    /maxPool2dGradient: y and dy/,
  ],
  ["vectors", () => globalAveragePool(of(2, 3)), /globalAveragePool: x must be .*got \[2, 3\]/],
  [
    "a dy of two pixels",
    () => globalAveragePoolGradient(of(2, 3, 1, 2), { height: 2, width: 2 }),
    /one pixel a channel/,
  ],
  ["no axis beside the batch", () => flatten(of(2)), /flatten: x must have a batch axis and more, got \[2\]/],
  ["another number of elements", () => unflatten(of(2, 6), [2, 7]), /unflatten: \[2, 6\] cannot become \[2, 7\]/],
  ["another batch", () => unflatten(of(2, 6), [3, 4]), /unflatten: \[2, 6\] cannot become \[3, 4\]/],
  ["a mask of floats", () => dropout(of(2), of(2), { rate: 0.5 }), /dropout: mask must be uint8, got float32/],
  ["a mask of another shape", () => dropout(of(2), input("m", [3], "uint8"), { rate: 0.5 }), /dropout: x and mask/],
  ["rate 1", () => dropout(of(2), input("m", [2], "uint8"), { rate: 1 }), /dropout: rate must be .*below 1, got 1/],
  ["one mean for three channels", () => normalizePixels(images, { mean: [0], standardDeviation: [1] }), /3 channels/],
  ["a deviation of 0", () => normalizePixels(of(1, 1, 2, 2), { mean: [0], standardDeviation: [0] }), /above 0, got 0/],
  ["vectors", () => softmax(of(3)), /softmax: logits must be \[batch, classes\], got \[3\]/],
  ["labels of floats", () => softmaxCrossEntropy(of(2, 3), of(2), smoothing), /int32 \[2\].*got float32 \[2\]/],
  ["too few labels", () => softmaxCrossEntropy(of(2, 3), labels(1), smoothing), /got int32 \[1\]/],
  [
    "a class weight too few",
    () => softmaxCrossEntropy(of(2, 3), labels(2), { labelSmoothing: 0, classWeights: [1, 2] }),
    /classWeights must be 3 numbers above 0, .*got \[1, 2\]/,
  ],
  [
    "a class weight of 0",
    () => softmaxCrossEntropy(of(2, 2), labels(2), { labelSmoothing: 0, classWeights: [1, 0] }),
    /classWeights must be 2 numbers above 0/,
  ],
  ["smoothing 1", () => softmaxCrossEntropy(of(2, 3), labels(2), { labelSmoothing: 1 }), /labelSmoothing .*got 1/],
  [
    "an upstream of rows",
    () => softmaxCrossEntropyGradient(of(2, 3), labels(2), of(2), smoothing),
    /dloss must be \[\], got \[2\]/,
  ],
  [
    "too many labels",
    () => countCorrect(of(2, 3), labels(3)),
    /countCorrect: labels must be int32 \[2\].*got int32 \[3\]/,
  ],
];

describe("an operation refuses, naming itself and the shapes,", () => {
  test.each(REFUSED.map((refused) => [refused[0], refused[2], refused[1]] as const))(
    "%s: %s",
    (_mistake, message, make) => {
      expect(make).toThrow(message);
      expect(make).toThrow(ShapeError);
    },
  );
});
