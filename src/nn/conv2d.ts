import { UserError } from "../errors.ts";
import { IMAGE_AXES, imageSizes, requireAxes } from "../graph/shape.ts";
import { biasAdd, channelsPerGroup } from "../ops/channels.ts";
import { type Conv2dSettings, conv2d as conv2dOp } from "../ops/convolution/conv2d.ts";
import { depthwiseConv2d as depthwiseConv2dOp } from "../ops/convolution/depthwise.ts";
import { transposedConvolution } from "../ops/convolution/general.ts";
import { fourSides, type Pads, pair } from "../ops/convolution/window.ts";
import { COUNT, FLAG, perAxis, requireOptions, requireSetting } from "../settings.ts";
import { uniformByFanIn } from "./init.ts";
import type { Layer, Size } from "./layer.ts";
import { pythonCall } from "./pytorch-form.ts";

/** Rules of the options that all kinds of convolution have. */
const SIZE = perAxis({ least: 1 });
const CONV2D = {
  kernelSize: SIZE,
  stride: SIZE,
  padding: perAxis({ least: 0, words: ["same"] }),
  dilation: SIZE,
  groups: COUNT,
  bias: FLAG,
} as const;

/** Options of `conv2d`, in pixels; a single number applies to both axes. The names and defaults are PyTorch's. */
export interface Conv2dOptions {
  /** Height and width of the kernel, or one number for both. */
  readonly kernelSize: Size;
  /** Step of the kernel. Default 1. */
  readonly stride?: Size;
  /**
   * Zeros around the image: rows above and below, columns left and right, or one number for both. Default 0. `same` (stride 1
   * only) keeps the image's size; an odd row or column is added at the end. For other padding: `zeroPad2d` in front.
   */
  readonly padding?: Size | "same";
  /** Distance of the kernel's places. Default 1. */
  readonly dilation?: Size;
  /** Groups of channels that are convolved each by itself; it divides the channels of input and output. Default 1. */
  readonly groups?: number;
  /** Default true. Use false where batch norm follows, which would cancel the bias. */
  readonly bias?: boolean;
}

/** The options with their defaults, sizes for both axes, and padding of the four sides. */
function settingsOf(owner: string, options: Conv2dOptions) {
  const { kernelSize, stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
  const [kernel, strides, dilations] = [pair(kernelSize), pair(stride), pair(dilation)];
  if (padding === "same" && String(strides) !== "1,1") {
    throw new UserError(`${owner}: padding "same" needs stride 1, got ${stride}; give the padding in pixels`, {
      exitCode: 2,
    });
  }
  const isSame = padding === "same";
  const pads = isSame ? samePadding(kernel, dilations) : fourSides(padding);
  return { kernel, strides, padding, pads, dilations, groups, bias };
}

/** PyTorch's rule: what the kernel covers beyond one pixel, half before, the rest after the image. */
function samePadding(kernel: readonly [number, number], dilations: readonly [number, number]): Pads {
  const [rows, columns] = [0, 1].map((axis) => dilations[axis]! * (kernel[axis]! - 1)) as [number, number];
  const [top, left] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  return [top, left, rows - top, columns - left];
}

/** What differs from the defaults, for a layer's description. */
function detailsOf({ strides, padding, dilations, groups, bias }: ReturnType<typeof settingsOf>): string {
  const both = (size: readonly number[]) => (size[0] === size[1] ? String(size[0]) : size.join("x"));
  return [
    both(strides) === "1" ? "" : `, stride ${both(strides)}`,
    padding === 0 ? "" : `, padding ${padding}`,
    both(dilations) === "1" ? "" : `, dilation ${both(dilations)}`,
    groups === 1 ? "" : `, ${groups} groups`,
    bias ? "" : ", no bias",
  ].join("");
}

/** Options of PyTorch's constructors. */
function pythonSettings({ kernel, strides, padding, dilations, groups, bias }: ReturnType<typeof settingsOf>) {
  return {
    kernel_size: [kernel],
    stride: [strides, 1],
    padding: [padding === "same" ? "same" : pair(padding), 0],
    dilation: [dilations, 1],
    groups: [groups, 1],
    bias: [bias, true],
  } as const;
}

/**
 * Convolution: [N, C, H, W] -> [N, channels, P, Q], P = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, Q
 * alike. Parameters `weight` [channels, C / groups, kh, kw] and `bias` [channels], both uniform within
 * ±1 / sqrt(C / groups kh kw) as in PyTorch.
 *
 * @throws UserError when `channels` or the kernel size is not a positive integer, or an option is unknown; ShapeError,
 *   when the model is built, if x is not a batch of images, or the groups do not divide its channels
 */
export function conv2d(channels: number, options: Conv2dOptions): Layer {
  requireSetting("conv2d", "channels", channels, COUNT);
  requireOptions("conv2d", options, CONV2D, ["kernelSize"]);
  const settings = settingsOf("conv2d", options);
  const { kernel, groups, bias } = settings;
  return {
    kind: "conv",
    description: `conv2d ${kernel.join("x")}, ${channels}${detailsOf(settings)}`,
    forward(x, context) {
      requireAxes("conv2d", "x", x.shape, IMAGE_AXES);
      const perGroup = channelsPerGroup("conv2d", x.shape, groups);
      const initialize = uniformByFanIn(perGroup * kernel[0] * kernel[1]);
      const weight = context.parameter("weight", [channels, perGroup, ...kernel], initialize);
      const y = conv2dOp(x, weight, operationSettings(settings));
      return bias ? biasAdd(y, context.parameter("bias", [channels], initialize)) : y;
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall("nn.Conv2d", [imageSizes(x).channels, channels], pythonSettings(settings)),
    }),
  };
}

function operationSettings({ strides, pads, dilations, groups }: ReturnType<typeof settingsOf>): Conv2dSettings {
  return { stride: strides, padding: pads, dilation: dilations, groups };
}

/** Options of `depthwiseConv2d`. */
export type DepthwiseConv2dOptions = Omit<Conv2dOptions, "groups"> & {
  /** Kernels, and so channels of the result, per channel. Default 1. */
  readonly multiplier?: number;
};

const { groups: _, ...DEPTHWISE } = { ...CONV2D, multiplier: COUNT };

/**
 * Depthwise convolution, each channel with its own kernels: [N, C, H, W] -> [N, C * multiplier, P, Q]. Parameters `weight`
 * [C * multiplier, 1, kh, kw] and `bias` [C * multiplier]. It is PyTorch's Conv2d with as many groups as channels.
 */
export function depthwiseConv2d(options: DepthwiseConv2dOptions): Layer {
  requireOptions("depthwiseConv2d", options, DEPTHWISE, ["kernelSize"]);
  const { multiplier = 1, ...rest } = options;
  const settings = settingsOf("depthwiseConv2d", rest);
  const { kernel, strides, dilations, pads, bias } = settings;
  const isPlain =
    multiplier === 1 && [...strides, ...dilations].every((size) => size === 1) && settings.padding !== "same";
  return {
    kind: "dwconv",
    description: `depthwise conv2d ${kernel.join("x")}${multiplier === 1 ? "" : `, times ${multiplier}`}${detailsOf(settings)}`,
    forward(x, context) {
      requireAxes("depthwiseConv2d", "x", x.shape, IMAGE_AXES);
      const { channels } = imageSizes(x.shape);
      const outputs = channels * multiplier;
      const initialize = uniformByFanIn(kernel[0] * kernel[1]);
      const weight = context.parameter("weight", [outputs, 1, ...kernel], initialize);
      const y = isPlain
        ? depthwiseConv2dOp(x, weight, { padding: [pads[0], pads[1]] })
        : conv2dOp(x, weight, { ...operationSettings(settings), groups: channels });
      return bias ? biasAdd(y, context.parameter("bias", [outputs], initialize)) : y;
    },
    toPytorch(x) {
      const { channels } = imageSizes(x);
      const construct = pythonCall("nn.Conv2d", [channels, channels * multiplier], {
        ...pythonSettings(settings),
        groups: [channels],
      });
      return { kind: "module", construct };
    },
  };
}

/** Options of `convTranspose2d`; the names and defaults are PyTorch's. */
export type ConvTranspose2dOptions = Omit<Conv2dOptions, "padding"> & {
  /** Rows and columns to leave out on both sides of the result. Default 0. */
  readonly padding?: Size;
  /** Rows and columns to add at the end of the result; less than the stride. Default 0. */
  readonly outputPadding?: Size;
};

const CONV_TRANSPOSE2D = { ...CONV2D, padding: perAxis({ least: 0 }), outputPadding: perAxis({ least: 0 }) };

/**
 * Transposed convolution, which enlarges images: [N, C, H, W] -> [N, channels, P, Q], P = (H - 1) stride - 2 padding +
 * dilation (kernel - 1) + 1 + outputPadding, Q alike. Parameters `weight` [C, channels / groups, kh, kw] and `bias` [channels].
 * PyTorch's ConvTranspose2d.
 */
export function convTranspose2d(channels: number, options: ConvTranspose2dOptions): Layer {
  requireSetting("convTranspose2d", "channels", channels, COUNT);
  requireOptions("convTranspose2d", options, CONV_TRANSPOSE2D, ["kernelSize"]);
  const { outputPadding = 0, ...rest } = options;
  const settings = settingsOf("convTranspose2d", rest);
  const { kernel, strides, pads, dilations, groups, bias } = settings;
  requireSetting("convTranspose2d", "channels", channels, {
    allowed: `a multiple of the ${groups} groups`,
    isGood: () => channels % groups === 0,
  });
  return {
    kind: "deconv",
    description: `transposed conv2d ${kernel.join("x")}, ${channels}${detailsOf(settings)}`,
    forward(x, context) {
      requireAxes("convTranspose2d", "x", x.shape, IMAGE_AXES);
      channelsPerGroup("convTranspose2d", x.shape, groups);
      const initialize = uniformByFanIn((channels / groups) * kernel[0] * kernel[1]);
      const weight = context.parameter("weight", [x.shape[1]!, channels / groups, ...kernel], initialize);
      const y = transposedConvolution(x, weight, {
        strides,
        pads,
        dilations,
        groups,
        outputPadding: pair(outputPadding),
      });
      return bias ? biasAdd(y, context.parameter("bias", [channels], initialize)) : y;
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall("nn.ConvTranspose2d", [imageSizes(x).channels, channels], {
        ...pythonSettings(settings),
        output_padding: [pair(outputPadding), 0],
      }),
    }),
  };
}
