import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { ShapeError } from "../../src/graph/shape.ts";
import {
  batchNorm,
  conv2d,
  depthwiseConv2d,
  dropout,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  maxPool2d,
  relu,
  residual,
  silu,
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
    [() => conv2d(3, { kernelSize: 3, stride: 3 }), "conv2d: stride must be 1 or 2, got 3"],
    [() => conv2d(3, { kernelSize: 3, stride: 0 }), "conv2d: stride must be 1 or 2, got 0"],
    [
      () => conv2d(3, { kernelSize: 3, padding: -1 }),
      "conv2d: padding must be a whole number from 0 up, or two of them in a list, got -1",
    ],
    [
      () => conv2d(3, { kernelSize: 3, padding: [1, 0.5] }),
      "conv2d: padding must be a whole number from 0 up, or two of them in a list, got [1, 0.5]",
    ],
    [() => linear(0), "linear: outputs must be a whole number from 1 up, got 0"],
    [() => linear(Number.NaN), "linear: outputs must be a whole number from 1 up, got NaN"],
    [() => maxPool2d(0), "maxPool2d: size must be a whole number from 1 up, got 0"],
    [() => maxPool2d(3, { stride: 2 }), "maxPool2d: stride must equal the window's size 3, got 2"],
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

  test("of a pool are rounded down, of a global one 1x1; flatten multiplies the rest", () => {
    expect(shapeAfter(maxPool2d(2))).toEqual([4, 3, 4, 4]);
    expect(shapeAfter(maxPool2d(3))).toEqual([4, 3, 3, 2]);
    expect(shapeAfter(globalAveragePool())).toEqual([4, 3, 1, 1]);
    expect(shapeAfter(maxPool2d(2), flatten())).toEqual([4, 48]);
  });

  test("are preserved by activations, batch norm, dropout and residual blocks", () => {
    for (const layer of [relu(), silu(), batchNorm(), dropout(0.5), residual([relu()])]) {
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
      'conv2d: there is no option "paddding"; its options are kernelSize, stride, padding, bias',
    ],
    [
      "missing",
      call(conv2d, 16, { padding: 1 }),
      "conv2d: the option kernelSize is missing; its options are kernelSize, stride, padding, bias",
    ],
    [
      "none where there must be some",
      call(conv2d, 16),
      "conv2d: expected options in braces, such as { kernelSize: ... }, there are none; its options are kernelSize, stride, padding, bias",
    ],
    [
      "a number, as in PyTorch",
      call(batchNorm, 32),
      "batchNorm: expected options in braces, such as { momentum: ... }, got 32; its options are momentum, epsilon",
    ],
    [
      "a word for the padding, as in Keras",
      call(conv2d, 16, { kernelSize: 3, padding: "same" }),
      'conv2d: padding must be a whole number from 0 up, or two of them in a list, got "same"',
    ],
    [
      "one padding in a list",
      call(conv2d, 16, { kernelSize: 3, padding: [1] }),
      "conv2d: padding must be a whole number from 0 up, or two of them in a list, got [1]",
    ],
    [
      "four paddings",
      call(depthwiseConv2d, { kernelSize: 3, padding: [1, 1, 1, 1] }),
      "depthwiseConv2d: padding must be a whole number from 0 up, or two of them in a list, got [1, 1, 1, 1]",
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
      call(depthwiseConv2d, { kernelSize: 3, stride: 2 }),
      'depthwiseConv2d: there is no option "stride"; its options are kernelSize, padding, bias',
    ],
    [
      "of maxPool2d",
      call(maxPool2d, 2, { strides: 2 }),
      'maxPool2d: there is no option "strides"; its options are stride',
    ],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(new UserError(message, { exitCode: 2 }));
  });
});
