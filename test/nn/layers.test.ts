import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { ShapeError } from "../../src/graph/shape.ts";
import type { Value } from "../../src/graph/value.ts";
import {
  adaptiveAveragePool2d,
  averagePool2d,
  batchNorm,
  block,
  classToken,
  conv2d,
  convTranspose2d,
  depthwiseConv2d,
  dropout,
  elu,
  exchangeTokens,
  firstToken,
  flatten,
  gelu,
  globalAveragePool,
  groupNorm,
  hardSigmoid,
  hardSwish,
  instanceNorm,
  type Layer,
  layerNorm,
  layerNorm2d,
  layerScale,
  leakyRelu,
  linear,
  maxPool2d,
  meanOfTokens,
  multiHeadAttention,
  named,
  positionEmbedding,
  relu,
  relu6,
  residual,
  sequential,
  sigmoid,
  silu,
  softplus,
  squeezeExcitation,
  stochasticDepth,
  tanh,
  tokens,
  zeroPad2d,
} from "../../src/nn/index.ts";
import { buildModel, type ImageTask } from "../../src/nn/model.ts";
import { userErrorOf } from "../runs/support/helpers.ts";

const TASK: ImageTask = { channels: 3, height: 9, width: 8, classes: 5 };
const NORMALIZATION = { mean: [0, 0, 0], standardDeviation: [1, 1, 1] };

/** A model of these layers, with a suitable head. */
function build(layers: readonly Layer[], { mode = "training" as const, batchSize = 4, head = true } = {}) {
  const model = { name: "net", layers: () => (head ? [...layers, flatten(), linear(TASK.classes)] : layers) };
  return buildModel(model, { task: TASK, batchSize, mode, normalization: NORMALIZATION });
}

/** Shape of the last of these layers. */
const shapeAfter = (...layers: Layer[]) => build(layers).layers[layers.length - 1]!.outputShape;

describe("options out of range are refused, naming layer, option, value and range", () => {
  test.each<[() => Layer, string]>([
    [() => conv2d(0, { kernelSize: 3 }), "conv2d: channels must be a whole number from 1 up, got 0"],
    [() => conv2d(2.5, { kernelSize: 3 }), "conv2d: channels must be a whole number from 1 up, got 2.5"],
    [
      () => conv2d(8, { kernelSize: 0 }),
      "conv2d: kernelSize must be a whole number from 1 up, or two of them in a list, got 0",
    ],
    [
      () => conv2d(8, { kernelSize: [3, -1] }),
      "conv2d: kernelSize must be a whole number from 1 up, or two of them in a list, got [3, -1]",
    ],
    [
      () => depthwiseConv2d({ kernelSize: [0, 3] }),
      "depthwiseConv2d: kernelSize must be a whole number from 1 up, or two of them in a list, got [0, 3]",
    ],
    [
      () => conv2d(3, { kernelSize: 3, stride: 0 }),
      "conv2d: stride must be a whole number from 1 up, or two of them in a list, got 0",
    ],
    [
      () => conv2d(3, { kernelSize: 3, dilation: 0 }),
      "conv2d: dilation must be a whole number from 1 up, or two of them in a list, got 0",
    ],
    [() => conv2d(3, { kernelSize: 3, groups: 0 }), "conv2d: groups must be a whole number from 1 up, got 0"],
    [
      () => conv2d(3, { kernelSize: 3, stride: 2, padding: "same" }),
      'conv2d: padding "same" needs stride 1, got 2; give the padding in pixels',
    ],
    [
      () => convTranspose2d(3, { kernelSize: 3, groups: 2 }),
      "convTranspose2d: channels must be a multiple of the 2 groups, got 3",
    ],
    [
      () => depthwiseConv2d({ kernelSize: 3, multiplier: 0 }),
      "depthwiseConv2d: multiplier must be a whole number from 1 up, got 0",
    ],
    [
      () => conv2d(3, { kernelSize: 3, padding: -1 }),
      'conv2d: padding must be a whole number from 0 up, or two of them in a list, or "same", got -1',
    ],
    [
      () => conv2d(3, { kernelSize: 3, padding: [1, 0.5] }),
      'conv2d: padding must be a whole number from 0 up, or two of them in a list, or "same", got [1, 0.5]',
    ],
    [() => linear(0), "linear: outputs must be a whole number from 1 up, got 0"],
    [() => linear(Number.NaN), "linear: outputs must be a whole number from 1 up, got NaN"],
    [() => maxPool2d(0), "maxPool2d: size must be a whole number from 1 up, or two of them in a list, got 0"],
    [
      () => maxPool2d(3, { padding: -1 }),
      "maxPool2d: padding must be a whole number from 0 up, or two of them in a list, got -1",
    ],
    [
      () => averagePool2d(3, { stride: 0 }),
      "averagePool2d: stride must be a whole number from 1 up, or two of them in a list, got 0",
    ],
    [
      () => adaptiveAveragePool2d([7, 0]),
      "adaptiveAveragePool2d: size must be a whole number from 1 up, or two of them in a list, got [7, 0]",
    ],
    [() => leakyRelu(Number.NaN), "leakyRelu: negativeSlope must be a number, got NaN"],
    [() => elu(Number.POSITIVE_INFINITY), "elu: alpha must be a number, got Infinity"],
    [() => stochasticDepth(1), "stochasticDepth: rate must be at least 0 and below 1, got 1"],
    [() => layerNorm({ epsilon: 0 }), "layerNorm: epsilon must be a number above 0, got 0"],
    [() => groupNorm(0), "groupNorm: groups must be a whole number from 1 up, got 0"],
    [() => multiHeadAttention(1.5), "multiHeadAttention: heads must be a whole number from 1 up, got 1.5"],
    [() => squeezeExcitation(0), "squeezeExcitation: squeezed must be a whole number from 1 up, got 0"],
    [() => layerScale(-1), "layerScale: initial must be a number from 0 up, got -1"],
    [() => named("a.b", relu()), 'named: the name must be letters, digits and underscores, got "a.b"'],
    [() => dropout(1), "dropout: rate must be at least 0 and below 1, got 1"],
    [() => dropout(-0.1), "dropout: rate must be at least 0 and below 1, got -0.1"],
    [() => dropout(Number.NaN), "dropout: rate must be at least 0 and below 1, got NaN"],
    [() => batchNorm({ momentum: 1.5 }), "batchNorm: momentum must be from 0 to 1, got 1.5"],
    [() => batchNorm({ momentum: Number.NaN }), "batchNorm: momentum must be from 0 to 1, got NaN"],
    [() => batchNorm({ epsilon: 0 }), "batchNorm: epsilon must be a number above 0, got 0"],
    [
      () => batchNorm({ epsilon: Number.POSITIVE_INFINITY }),
      "batchNorm: epsilon must be a number above 0, got Infinity",
    ],
  ])("%#", (make, message) => {
    const error = userErrorOf(make);
    expect({ message: error.message, exitCode: error.exitCode }).toEqual({ message, exitCode: 2 });
  });
});

describe("shapes", () => {
  test("of a convolution follow PyTorch's formula: floor((size + 2 padding - kernel) / stride) + 1", () => {
    expect(shapeAfter(conv2d(6, { kernelSize: 3 }))).toEqual([4, 6, 7, 6]);
    expect(shapeAfter(conv2d(6, { kernelSize: 3, padding: 1 }))).toEqual([4, 6, 9, 8]);
    expect(shapeAfter(conv2d(6, { kernelSize: 3, padding: 1, stride: 2 }))).toEqual([4, 6, 5, 4]);
    expect(shapeAfter(conv2d(6, { kernelSize: [1, 3], padding: [0, 2] }))).toEqual([4, 6, 9, 10]);
    expect(shapeAfter(depthwiseConv2d({ kernelSize: [5, 2], padding: [1, 1] }))).toEqual([4, 3, 7, 9]);
  });

  test("of convolutions with dilation, groups and padding that keeps the size", () => {
    expect(shapeAfter(conv2d(6, { kernelSize: 3, dilation: [2, 1], stride: [3, 1] }))).toEqual([4, 6, 2, 6]);
    expect(shapeAfter(conv2d(6, { kernelSize: [4, 2], padding: "same", dilation: 2, groups: 3 }))).toEqual([
      4, 6, 9, 8,
    ]);
    expect(shapeAfter(depthwiseConv2d({ kernelSize: 3, stride: 2, padding: 1, multiplier: 2 }))).toEqual([4, 6, 5, 4]);
    expect(
      shapeAfter(convTranspose2d(6, { kernelSize: 3, stride: 2, padding: 1, outputPadding: [0, 1], groups: 3 })),
    ).toEqual([4, 6, 17, 16]);
    expect(shapeAfter(zeroPad2d([1, 2, 3, 4]))).toEqual([4, 3, 13, 14]);
  });

  test("of pools with windows that overlap: a window at the end only where it starts in the image", () => {
    expect(shapeAfter(maxPool2d(3, { stride: 2, padding: 1 }))).toEqual([4, 3, 5, 4]);
    expect(shapeAfter(maxPool2d(2, { ceilMode: true }))).toEqual([4, 3, 5, 4]);
    expect(shapeAfter(maxPool2d([1, 2], { stride: 3, padding: [0, 1], ceilMode: true }))).toEqual([4, 3, 3, 3]);
    expect(shapeAfter(averagePool2d([2, 3], { stride: 1 }))).toEqual([4, 3, 8, 6]);
    expect(shapeAfter(adaptiveAveragePool2d([7, 2]))).toEqual([4, 3, 7, 2]);
  });

  test("of tokens: one for each pixel, and the class token", () => {
    expect(shapeAfter(tokens())).toEqual([4, 72, 3]);
    expect(shapeAfter(tokens(), exchangeTokens())).toEqual([4, 3, 72]);
    expect(shapeAfter(tokens(), classToken(), positionEmbedding())).toEqual([4, 73, 3]);
    expect(shapeAfter(tokens(), multiHeadAttention(3), linear(5))).toEqual([4, 72, 5]);
    expect(shapeAfter(tokens(), firstToken())).toEqual([4, 3]);
    expect(shapeAfter(tokens(), meanOfTokens())).toEqual([4, 3]);
  });

  test("of a pool are rounded down, of a global one 1x1; flatten multiplies the rest", () => {
    expect(shapeAfter(maxPool2d(2))).toEqual([4, 3, 4, 4]);
    expect(shapeAfter(maxPool2d(3))).toEqual([4, 3, 3, 2]);
    expect(shapeAfter(globalAveragePool())).toEqual([4, 3, 1, 1]);
    expect(shapeAfter(maxPool2d(2), flatten())).toEqual([4, 48]);
  });

  test("are preserved by activations, batch norm, dropout and residual blocks", () => {
    const activations = [relu(), silu(), relu6(), leakyRelu(), elu(), gelu(), sigmoid(), tanh(), softplus()];
    const norms = [batchNorm(), layerNorm(), layerNorm2d(), groupNorm(3), instanceNorm()];
    const others = [dropout(0.5), stochasticDepth(0.5), residual([relu()]), sequential([relu()]), named("own", relu())];
    const scales = [hardSigmoid(), hardSwish(), squeezeExcitation(2), layerScale(0.1)];
    for (const layer of [...activations, ...norms, ...others, ...scales]) {
      expect(shapeAfter(layer)).toEqual([4, 3, 9, 8]);
    }
  });
});

describe("incompatible layers are refused, naming the layer, its index and both shapes", () => {
  const refusal = (layers: readonly Layer[], options: { head?: boolean; batchSize?: number } = {}) => {
    const error = userErrorOf(() => build(layers, options));
    expect(error.exitCode).toBe(2);
    return error;
  };

  test("a dense layer on images: actual and expected shape", () => {
    const error = refusal([conv2d(4, { kernelSize: 3 }), relu(), linear(5)], { head: false });
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toBe(
      'model "net", layer 2 (fc1: linear 5) on x [4, 4, 7, 6]: linear: x must be [batch, inputs], got [4, 4, 7, 6]',
    );
  });

  test("a depthwise convolution with as much padding as kernel", () => {
    const { message } = refusal([depthwiseConv2d({ kernelSize: 3, padding: 3 })]);
    expect(message).toBe(
      'model "net", layer 0 (dwconv1: depthwise conv2d 3x3, padding 3) on x [4, 3, 9, 8]: depthwiseConv2d: padding must be whole, at least 0 and less than the kernel 3x3, got 3, 3',
    );
  });

  test("a kernel and a pool that are larger than the image", () => {
    expect(refusal([conv2d(4, { kernelSize: 3 }), conv2d(4, { kernelSize: 9 })]).message).toBe(
      'model "net", layer 1 (conv2: conv2d 9x9, 4) on x [4, 4, 7, 6]: conv2d: kernel 9x9 is larger than the padded image 7x6',
    );
    expect(refusal([maxPool2d(2), maxPool2d(5)]).message).toBe(
      'model "net", layer 1 (pool2: max-pool 5x5) on x [4, 3, 4, 4]: maxPool2d: window 5x5 is larger than the image 4x4',
    );
  });

  test("a residual block whose body and shortcut differ: both of their shapes", () => {
    const { message } = refusal([relu(), residual([conv2d(6, { kernelSize: 3, padding: 1 })])]);
    expect(message).toContain('model "net", layer 1 (block1: residual of 1 layers) on x [4, 3, 9, 8]: ');
    expect(message).toContain("[4, 6, 9, 8] and [4, 3, 9, 8]");
  });

  test("a layer inside a block: the block, and the layer's position in it", () => {
    const { message } = refusal([residual([relu(), linear(3)])]);
    expect(message).toContain("layer 0 (block1: residual of 2 layers) on x [4, 3, 9, 8]: ");
    expect(message).toContain(
      "residual body, layer 1 (fc1: linear 3) on x [4, 3, 9, 8]: linear: x must be [batch, inputs]",
    );
  });

  test("a residual block whose shapes would broadcast", () => {
    const { message } = refusal([residual([conv2d(1, { kernelSize: 1 })])]);
    expect(message).toContain("residual: body and shortcut must have equal shapes, got [4, 1, 9, 8] and [4, 3, 9, 8]");
  });

  test("groups that do not divide the channels", () => {
    expect(refusal([conv2d(4, { kernelSize: 3, groups: 2 })]).message).toContain(
      "conv2d: 2 groups must divide the 3 channels of x [4, 3, 9, 8]",
    );
    expect(refusal([groupNorm(2)]).message).toContain(
      "groupNorm: 2 groups must divide the 3 channels of x [4, 3, 9, 8]",
    );
  });

  test("instance norm of one pixel, which has no deviation", () => {
    expect(refusal([globalAveragePool(), instanceNorm()]).message).toContain(
      "instanceNorm: a channel needs more than one pixel to have a deviation, x is [4, 3, 1, 1]",
    );
  });

  test("tokens where images are needed, and images where tokens are", () => {
    expect(refusal([tokens(), tokens()]).message).toContain(
      "layer 1 (tokens2: pixels as tokens) on x [4, 72, 3]: tokens: x must be [batch, channels, height, width]",
    );
    expect(refusal([multiHeadAttention(3)]).message).toContain(
      "multiHeadAttention: x must be [batch, tokens, features], got [4, 3, 9, 8]",
    );
    expect(refusal([tokens(), multiHeadAttention(2)]).message).toContain(
      "selfAttention: 2 heads must divide the features",
    );
  });

  test("a layer inside a sequence or a block: both places", () => {
    expect(refusal([sequential([relu(), linear(3)])]).message).toContain(
      "layer 0 (seq1: sequence of 2 layers) on x [4, 3, 9, 8]: sequential, layer 1 (1: linear 3) on x [4, 3, 9, 8]: linear: ",
    );
    const own = block({
      kind: "own",
      description: "a block of mine",
      layers: { head: linear(3) },
      forward: (x, apply) => apply("head", x),
    });
    expect(refusal([own]).message).toContain(
      "layer 0 (own1: a block of mine) on x [4, 3, 9, 8]: a block of mine (head: linear 3) on x [4, 3, 9, 8]: linear: ",
    );
  });

  test("two layers of one name", () => {
    const { message } = refusal([named("a", conv2d(3, { kernelSize: 1 })), named("a", conv2d(3, { kernelSize: 1 }))]);
    expect(message).toBe(
      'model "net": two tensors are named a.weight; give each layer, and each tensor of a layer, a name of its own',
    );
  });

  test("batch norm over one value per channel, which has no variance", () => {
    const { message } = refusal([flatten(), linear(3), batchNorm()], { batchSize: 1 });
    expect(message).toMatch(/layer 2 \(bn1: batch norm\) on x \[1, 3\]: .*more than one value a channel.*larger batch/);
  });

  test("a last layer without one output per class", () => {
    expect(refusal([flatten(), linear(6)], { head: false }).message).toBe(
      'model "net" must end with one output for each of 5 classes, [4, 5]; its last layer gives [4, 6]',
    );
    expect(refusal([], { head: false }).message).toContain("its last layer gives [4, 3, 9, 8]");
  });
});

describe("invalid options of layers in plain JavaScript are refused", () => {
  // A compiler would refuse these, but recipes may be plain JavaScript.
  const call =
    (make: (...given: never[]) => unknown, ...given: unknown[]) =>
    () =>
      Reflect.apply(make, undefined, given);

  test.each<[string, () => unknown, string]>([
    [
      "misspelt",
      call(conv2d, 16, { kernelSize: 3, paddding: 1 }),
      'conv2d: there is no option "paddding"; its options are kernelSize, stride, padding, dilation, groups, bias',
    ],
    [
      "missing",
      call(conv2d, 16, { padding: 1 }),
      "conv2d: the option kernelSize is missing; its options are kernelSize, stride, padding, dilation, groups, bias",
    ],
    [
      "none where there must be some",
      call(conv2d, 16),
      "conv2d: expected options in braces, such as { kernelSize: ... }, there are none; its options are kernelSize, stride, padding, dilation, groups, bias",
    ],
    [
      "a number, as in PyTorch",
      call(batchNorm, 32),
      "batchNorm: expected options in braces, such as { momentum: ... }, got 32; its options are momentum, epsilon",
    ],
    [
      "a word for the padding, as in Keras",
      call(conv2d, 16, { kernelSize: 3, padding: "valid" }),
      'conv2d: padding must be a whole number from 0 up, or two of them in a list, or "same", got "valid"',
    ],
    [
      "one padding in a list",
      call(conv2d, 16, { kernelSize: 3, padding: [1] }),
      'conv2d: padding must be a whole number from 0 up, or two of them in a list, or "same", got [1]',
    ],
    [
      "four paddings",
      call(depthwiseConv2d, { kernelSize: 3, padding: [1, 1, 1, 1] }),
      'depthwiseConv2d: padding must be a whole number from 0 up, or two of them in a list, or "same", got [1, 1, 1, 1]',
    ],
    [
      "no kernel",
      call(conv2d, 16, { kernelSize: null }),
      "conv2d: kernelSize must be a whole number from 1 up, or two of them in a list, got null",
    ],
    ["a text as a number", call(batchNorm, { momentum: "0.1" }), 'batchNorm: momentum must be from 0 to 1, got "0.1"'],
    ["a text as a rate", call(dropout, "0.5"), 'dropout: rate must be at least 0 and below 1, got "0.5"'],
    ["a text as a flag", call(linear, 10, { bias: "no" }), 'linear: bias must be true or false, got "no"'],
    [
      "one layer as the body",
      call(residual, relu()),
      "residual: body must be a list of layers, such as [conv2d(32, { kernelSize: 3 }), relu()], got an object",
    ],
    [
      "a layer that was not called",
      call(residual, [relu]),
      "residual: body[0] must be a layer; call the function: relu(), not relu, got a function",
    ],
    ["of linear", call(linear, 10, { biass: false }), 'linear: there is no option "biass"; its options are bias'],
    [
      "of depthwiseConv2d",
      call(depthwiseConv2d, { kernelSize: 3, groups: 2 }),
      'depthwiseConv2d: there is no option "groups"; its options are kernelSize, stride, padding, dilation, bias, multiplier',
    ],
    ["of gelu", call(gelu, { approximate: "erf" }), 'gelu: approximate must be "none" or "tanh", got "erf"'],
    [
      "of squeezeExcitation",
      call(squeezeExcitation, 4, { gate: "tanh" }),
      'squeezeExcitation: gate must be "sigmoid" or "hardSigmoid", got "tanh"',
    ],
    [
      "three sides",
      call(zeroPad2d, [1, 1, 1]),
      "zeroPad2d: sides must be four whole numbers from 0 up in a list: rows above, columns left, rows below, columns right, got [1, 1, 1]",
    ],
    [
      "no layers",
      call(sequential, relu()),
      "sequential: layers must be a list of layers, such as [conv2d(32, { kernelSize: 3 }), relu()], got an object",
    ],
    [
      "a layer of a block that was not called",
      call(block, { kind: "own", description: "own", layers: { first: relu }, forward: (x: Value) => x }),
      "block: layers[0] must be a layer; call the function: relu(), not relu, got a function",
    ],
    [
      "of maxPool2d",
      call(maxPool2d, 2, { strides: 2 }),
      'maxPool2d: there is no option "strides"; its options are stride, padding, ceilMode',
    ],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(new UserError(message, { exitCode: 2 }));
  });
});
