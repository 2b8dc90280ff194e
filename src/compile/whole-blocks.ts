import { type Shape, sameShape } from "../graph/shape.ts";
import { apply, isOp, type Value } from "../graph/value.ts";
import { tanhOp } from "../ops/activations.ts";
import { narrowChannels, narrowChannelsOp, widenChannels, widenChannelsOp } from "../ops/channel-blocks.ts";
import {
  biasAddOp,
  channelAffineOp,
  channelCombineOp,
  channelDotOp,
  channelSumOp,
  channelVarianceOp,
} from "../ops/channels.ts";
import { conv2dOp, fusedConv2dOp } from "../ops/convolution/conv2d.ts";
import {
  depthwiseConv2dInputGradientOp,
  depthwiseConv2dOp,
  depthwiseConv2dWeightGradientOp,
} from "../ops/convolution/depthwise.ts";
import { conv2dInputGradientOp } from "../ops/convolution/input-gradient.ts";
import { blockedWeightKind } from "../ops/convolution/shared.ts";
import { conv2dWeightGradientOp } from "../ops/convolution/weight-gradient.ts";
import { addOp, multiplyOp, reluGradientOp, reluOp, siluGradientOp, siluOp, subtractOp } from "../ops/elementwise.ts";
import { globalAveragePoolGradientOp, globalAveragePoolOp, maxPool2dGradientOp, maxPool2dOp } from "../ops/pooling.ts";
import { cut, pad } from "../ops/reshape.ts";
import type { Rule } from "./rewrite.ts";

/**
 * Rules for the blocked lowering that let convolutions run blocked whose channels are not whole blocks: their images
 * and weights get channels of zeros. That computes more, and is faster all the same, as the blocked kernels are about
 * twice as fast as the others.
 *
 * A convolution is replaced by one of whole blocks, between `widenChannels` and `narrowChannels`. As the added channels
 * are zeros, and stay zeros through batch norm, ReLU, pooling and the like, narrowing can be moved behind these, where it
 * meets the next convolution's widening: the two cancel, and nothing is copied in between.
 */

/**
 * The largest number of multiply-adds, relative to those needed, at which whole blocks are still faster, by the size of a
 * block. Of 8 (AVX2): a network of 10 channels is faster, with 2.56 times as many, and one of 9, with 3.16 times, is not. Of 16
 * (AVX-512): one of 7 channels is, with 5.2 times as many, one of 6 is about as fast (docs/log.md, 2026-11-30 and 2026-12-01).
 */
const mostExtra = (block: number) => (block >= 16 ? 5.3 : 2.6);

/** The rules, for blocks of this size. */
export function wholeBlockRules(block: number): readonly Rule[] {
  const whole = (channels: number) => Math.ceil(channels / block) * block;

  /** The weights' shape that fits, or undefined where theirs does already or too much would be added. */
  const fitting = (weight: Shape, mayKeepInputs: boolean): Shape | undefined => {
    const kind = blockedWeightKind(weight, block);
    if (kind === "full" || (mayKeepInputs && kind === "output")) return undefined;
    const [outputs, inputs] = [weight[0]!, weight[1]!];
    // With fewer input channels than a block they stay as they are.
    const keepsInputs = mayKeepInputs && inputs < block;
    const fit = weight.with(0, whole(outputs)).with(1, keepsInputs ? inputs : whole(inputs));
    return fit[0]! * fit[1]! <= mostExtra(block) * outputs * inputs ? fit : undefined;
  };

  const convolution: Rule = {
    name: "wholeBlocksConvolution",
    rewrite(value) {
      if (!isOp(value, conv2dOp) && !isOp(value, fusedConv2dOp)) return undefined;
      const [x, weight, ...bias] = value.inputs;
      const fit = fitting(weight!.shape, true);
      if (!fit) return undefined;
      const vectors = bias.map((vector) => padded(vector, [fit[0]!]));
      const wide = apply(value.op, [widened(x!, fit[1]!), padded(weight!, fit), ...vectors], value.attributes);
      return narrowed(wide, value.shape[1]!);
    },
  };

  const inputGradient: Rule = {
    name: "wholeBlocksInputGradient",
    rewrite(value) {
      if (!isOp(value, conv2dInputGradientOp)) return undefined;
      const [dy, weight] = value.inputs;
      const fit = fitting(weight!.shape, false);
      if (!fit) return undefined;
      const shape = value.attributes.shape.with(1, fit[1]!);
      const inputs = [widened(dy!, fit[0]!), padded(weight!, fit)];
      return narrowed(apply(conv2dInputGradientOp, inputs, { ...value.attributes, shape }), value.shape[1]!);
    },
  };

  const weightGradient: Rule = {
    name: "wholeBlocksWeightGradient",
    rewrite(value) {
      if (!isOp(value, conv2dWeightGradientOp)) return undefined;
      const [x, dy] = value.inputs;
      const fit = fitting(value.shape, true);
      if (!fit) return undefined;
      const inputs = [widened(x!, fit[1]!), widened(dy!, fit[0]!)];
      return trimmed(apply(conv2dWeightGradientOp, inputs, { ...value.attributes, shape: fit }), value.shape);
    },
  };

  return [convolution, inputGradient, weightGradient, ...NARROW_LATER, cancel].map((rule) => ({
    ...rule,
    chains: true as const,
  }));
}

/** widenChannels(narrowChannels(x)) -> x, as what was left out are zeros. */
const cancel: Rule = {
  name: "wholeBlocksCancel",
  rewrite(value) {
    if (!isOp(value, widenChannelsOp)) return undefined;
    const [narrow] = value.inputs;
    if (!isOp(narrow!, narrowChannelsOp)) return undefined;
    const [x] = narrow.inputs;
    return x!.shape[1] === value.attributes.channels ? x : undefined;
  },
};

/** Operations that make images of images of the same channels, and vectors, and zeros of zeros. */
const IMAGE_OPS = namesOf([
  addOp,
  subtractOp,
  multiplyOp,
  reluOp,
  reluGradientOp,
  siluOp,
  siluGradientOp,
  tanhOp,
  biasAddOp,
  channelAffineOp,
  channelCombineOp,
  maxPool2dOp,
  maxPool2dGradientOp,
  globalAveragePoolOp,
  globalAveragePoolGradientOp,
]);

/** Operations that make a vector of images of the same channels, and vectors. */
const VECTOR_OPS = namesOf([channelSumOp, channelDotOp, channelVarianceOp]);

/** Each applies its operation to wide images where all of its images are narrowed ones: op(narrow(x)) -> narrow(op(x)). */
const NARROW_LATER: readonly Rule[] = [
  {
    name: "wholeBlocksImages",
    rewrite(value) {
      if (!IMAGE_OPS.has(value.op.name)) return undefined;
      const inputs = wideInputs(value);
      return inputs && narrowed(apply(value.op, inputs, value.attributes), value.shape[1]!);
    },
  },
  {
    name: "wholeBlocksVectors",
    rewrite(value) {
      if (!VECTOR_OPS.has(value.op.name)) return undefined;
      const inputs = wideInputs(value);
      return inputs && trimmed(apply(value.op, inputs, value.attributes), value.shape);
    },
  },
  {
    name: "wholeBlocksDepthwise",
    rewrite(value) {
      if (!isOp(value, depthwiseConv2dOp) && !isOp(value, depthwiseConv2dInputGradientOp)) return undefined;
      const x = wideOf(value.inputs[0]!);
      if (!x) return undefined;
      const channels = x.shape[1]!;
      const inputs = [x, ...value.inputs.slice(1).map((weight) => padded(weight, weight.shape.with(0, channels)))];
      const attributes = isOp(value, depthwiseConv2dInputGradientOp)
        ? { ...value.attributes, shape: value.attributes.shape.with(1, channels) }
        : value.attributes;
      return narrowed(apply(value.op, inputs, attributes), value.shape[1]!);
    },
  },
  {
    name: "wholeBlocksDepthwiseWeightGradient",
    rewrite(value) {
      if (!isOp(value, depthwiseConv2dWeightGradientOp)) return undefined;
      const [x, dy] = value.inputs.map(wideOf);
      if (!x || !dy || x.shape[1] !== dy.shape[1]) return undefined;
      const shape = value.shape.with(0, x.shape[1]!);
      return trimmed(apply(depthwiseConv2dWeightGradientOp, [x, dy], { ...value.attributes, shape }), value.shape);
    },
  },
];

function namesOf(ops: readonly { readonly name: string }[]): ReadonlySet<string> {
  return new Set(ops.map(({ name }) => name));
}

/** The inputs of an operation with wide images; undefined where one of its images is no narrowed one. */
function wideInputs({ inputs }: Value): Value[] | undefined {
  const images = inputs.filter(({ shape }) => shape.length === 4);
  const channels = images[0] && wideOf(images[0])?.shape[1];
  if (channels === undefined || !images.every((image) => wideOf(image)?.shape[1] === channels)) return undefined;
  if (!inputs.every(({ shape }) => shape.length === 4 || sameShape(shape, [images[0]!.shape[1]!]))) return undefined;
  return inputs.map((input) => wideOf(input) ?? padded(input, [channels]));
}

/** What a narrowed image was narrowed from. */
function wideOf(value: Value): Value | undefined {
  return isOp(value, narrowChannelsOp) ? value.inputs[0] : undefined;
}

function widened(x: Value, channels: number): Value {
  return x.shape[1] === channels ? x : widenChannels(x, channels);
}

function narrowed(x: Value, channels: number): Value {
  return x.shape[1] === channels ? x : narrowChannels(x, channels);
}

/** x with zeros behind, in a larger shape. */
function padded(x: Value, shape: Shape): Value {
  const missing = x.shape.map((size, axis) => shape[axis]! - size);
  return missing.every((size) => size === 0)
    ? x
    : pad(
        x,
        x.shape.map(() => 0),
        missing,
      );
}

/** The first elements of each axis. */
function trimmed(x: Value, shape: Shape): Value {
  return shape.reduce((rest, size, axis) => cut(rest, 0, size, axis), x);
}
