import { IMAGE_AXES, imageSizes, requireAxes } from "../graph/shape.ts";
import { biasAdd } from "../ops/channels.ts";
import { conv2d as conv2dOp } from "../ops/convolution/conv2d.ts";
import { depthwiseConv2d as depthwiseConv2dOp } from "../ops/convolution/depthwise.ts";
import { COUNT, FLAG, oneOf, perAxis, requireOptions, requireSetting } from "../settings.ts";
import { uniformByFanIn } from "./init.ts";
import type { Layer } from "./layer.ts";
import { pythonCall } from "./pytorch-form.ts";

/** Rules of the options that both kinds of convolution have. */
const WINDOW = {
  kernelSize: perAxis({ least: 1 }),
  padding: perAxis({ least: 0 }),
  bias: FLAG,
} as const;
const CONV2D = { kernelSize: WINDOW.kernelSize, stride: oneOf(1, 2), padding: WINDOW.padding, bias: FLAG } as const;

/** Options of `conv2d`, in pixels; a single number applies to both axes. */
export interface Conv2dOptions {
  /** Height and width of the kernel, or one number for both. */
  readonly kernelSize: number | readonly [number, number];
  /** 1 (default) or 2. */
  readonly stride?: number;
  /** Zeros around the image: rows above and below, columns left and right, or one number for both. Default 0. */
  readonly padding?: number | readonly [number, number];
  /** Default true. Use false where batch norm follows, which would cancel the bias. */
  readonly bias?: boolean;
}

/**
 * Convolution: [N, C, H, W] -> [N, channels, P, Q], P = floor((H + 2 padding - kernel) / stride) + 1, Q alike.
 * Parameters `weight` [channels, C, kh, kw] and `bias` [channels], both uniform within ±1 / sqrt(C kh kw) as in
 * PyTorch.
 *
 * @throws UserError when `channels` or the kernel size is not a positive integer, or an option is unknown; ShapeError,
 *   when the model is built, if x is not a batch of images
 */
export function conv2d(channels: number, options: Conv2dOptions): Layer {
  requireSetting("conv2d", "channels", channels, COUNT);
  requireOptions("conv2d", options, CONV2D, ["kernelSize"]);
  const { kernelSize, stride = 1, padding = 0, bias = true } = options;
  const kernel = pair(kernelSize);
  const name = `conv2d ${kernel.join("x")}, ${channels}`;
  const details = [
    stride === 1 ? "" : `, stride ${stride}`,
    padding === 0 ? "" : `, padding ${padding}`,
    bias ? "" : ", no bias",
  ];
  return {
    kind: "conv",
    description: `${name}${details.join("")}`,
    forward(x, context) {
      requireAxes("conv2d", "x", x.shape, IMAGE_AXES);
      const inputs = imageSizes(x.shape).channels;
      const initialize = uniformByFanIn(inputs * kernel[0] * kernel[1]);
      const weight = context.parameter("weight", [channels, inputs, ...kernel], initialize);
      const y = conv2dOp(x, weight, { stride, padding: pair(padding) });
      return bias ? biasAdd(y, context.parameter("bias", [channels], initialize)) : y;
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall("nn.Conv2d", [imageSizes(x).channels, channels], {
        kernel_size: [kernel],
        stride: [stride, 1],
        padding: [pair(padding), 0],
        bias: [bias, true],
      }),
    }),
  };
}

/** Expands a single size to both axes. */
export function pair(size: number | readonly [number, number]): readonly [number, number] {
  return typeof size === "number" ? [size, size] : size;
}

/** Options of `depthwiseConv2d`: as `conv2d`'s, but the stride is 1 and the padding smaller than the kernel. */
export type DepthwiseConv2dOptions = Omit<Conv2dOptions, "stride">;

/**
 * Depthwise convolution, each channel with its own kernel: [N, C, H, W] -> [N, C, P, Q]. Parameters `weight`
 * [C, 1, kh, kw] and `bias` [C]. It is PyTorch's Conv2d with as many groups as channels.
 */
export function depthwiseConv2d(options: DepthwiseConv2dOptions): Layer {
  requireOptions("depthwiseConv2d", options, WINDOW, ["kernelSize"]);
  const { kernelSize, padding = 0, bias = true } = options;
  const kernel = pair(kernelSize);
  const details = [padding === 0 ? "" : `, padding ${padding}`, bias ? "" : ", no bias"];
  return {
    kind: "dwconv",
    description: `depthwise conv2d ${kernel.join("x")}${details.join("")}`,
    forward(x, context) {
      requireAxes("depthwiseConv2d", "x", x.shape, IMAGE_AXES);
      const { channels } = imageSizes(x.shape);
      const initialize = uniformByFanIn(kernel[0] * kernel[1]);
      const weight = context.parameter("weight", [channels, 1, ...kernel], initialize);
      const y = depthwiseConv2dOp(x, weight, { padding: pair(padding) });
      return bias ? biasAdd(y, context.parameter("bias", [channels], initialize)) : y;
    },
    toPytorch(x) {
      const { channels } = imageSizes(x);
      const construct = pythonCall("nn.Conv2d", [channels, channels], {
        kernel_size: [kernel],
        padding: [pair(padding), 0],
        groups: [channels],
        bias: [bias, true],
      });
      return { kind: "module", construct };
    },
  };
}
