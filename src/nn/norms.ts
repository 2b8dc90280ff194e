import { formatShape, IMAGE_AXES, requireAxes, ShapeError, sizeOf } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { channelAffine, channelsPerGroup } from "../ops/channels.ts";
import { add, multiply } from "../ops/elementwise.ts";
import { normalize } from "../ops/normalize.ts";
import { reshape } from "../ops/reshape.ts";
import { COUNT, FLAG, POSITIVE, requireOptions, requireSetting } from "../settings.ts";
import { filledWith } from "./init.ts";
import type { Layer, LayerContext } from "./layer.ts";
import { pythonCall } from "./pytorch-form.ts";

/** Normalization of each image by its own mean and deviation: nothing differs between training and inference. */

/** Options of `layerNorm`, `layerNorm2d` and `groupNorm`; the defaults are PyTorch's. */
export interface NormOptions {
  /** Added to the variance before the square root. Default 1e-5. */
  readonly epsilon?: number;
  /** Whether there are parameters `weight` and `bias`. Default true. */
  readonly affine?: boolean;
}

const RULES = { epsilon: POSITIVE, affine: FLAG };
const DEFAULT_EPSILON = 1e-5;

/**
 * Layer norm over the last axis (Ba et al. 2016): [..., D], unchanged. Parameters `weight` and `bias` [D]. PyTorch's LayerNorm.
 */
export function layerNorm(options: NormOptions = {}): Layer {
  requireOptions("layerNorm", options, RULES);
  const { epsilon = DEFAULT_EPSILON, affine = true } = options;
  return {
    kind: "norm",
    description: "layer norm",
    forward(x, context) {
      if (x.shape.length < 2)
        throw new ShapeError("layerNorm", `x must be [batch, ..., features], got ${formatShape(x.shape)}`);
      const normalized = normalize(x, [-1], epsilon);
      if (!affine) return normalized;
      const { weight, bias } = scaleAndShift(x.shape.at(-1)!, context);
      return add(multiply(normalized, weight), bias);
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall("nn.LayerNorm", [x.at(-1)!], {
        eps: [epsilon, DEFAULT_EPSILON],
        elementwise_affine: [affine, true],
      }),
      isAround: true,
    }),
  };
}

function scaleAndShift(size: number, context: LayerContext) {
  return {
    weight: context.parameter("weight", [size], filledWith(1)),
    bias: context.parameter("bias", [size], filledWith(0)),
  };
}

/** Each channel of images times its `weight`, plus its `bias`, where there are such. */
function affineImages(images: Value, affine: boolean, context: LayerContext): Value {
  if (!affine) return images;
  const { weight, bias } = scaleAndShift(images.shape[1]!, context);
  return channelAffine(images, weight, bias);
}

/** Layer norm over the channels of each pixel: [N, C, H, W], unchanged. Parameters `weight` and `bias` [C]. timm's LayerNorm2d. */
export function layerNorm2d(options: NormOptions = {}): Layer {
  requireOptions("layerNorm2d", options, RULES);
  const { epsilon = DEFAULT_EPSILON, affine = true } = options;
  return {
    kind: "norm",
    description: "layer norm over channels",
    forward(x, context) {
      requireAxes("layerNorm2d", "x", x.shape, IMAGE_AXES);
      return affineImages(normalize(x, [1], epsilon), affine, context);
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall("nn.LayerNorm", [x[1]!], {
        eps: [epsilon, DEFAULT_EPSILON],
        elementwise_affine: [affine, true],
      }),
      call: (module, y) => `${module}(${y}.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)`,
    }),
  };
}

/** Groups of channels, each normalized over its pixels. */
function normalizeGroups(x: Value, groups: number, epsilon: number): Value {
  const split = reshape(x, [x.shape[0]!, groups, sizeOf(x.shape.slice(1)) / groups]);
  return reshape(normalize(split, [2], epsilon), x.shape);
}

/**
 * Group norm (Wu and He 2018): [N, C, H, W], unchanged; each image's channels are normalized in `groups`, which divide them.
 * Parameters `weight` and `bias` [C]. PyTorch's GroupNorm.
 */
export function groupNorm(groups: number, options: NormOptions = {}): Layer {
  requireSetting("groupNorm", "groups", groups, COUNT);
  requireOptions("groupNorm", options, RULES);
  const { epsilon = DEFAULT_EPSILON, affine = true } = options;
  return {
    kind: "norm",
    description: `group norm, ${groups} groups`,
    forward(x, context) {
      requireAxes("groupNorm", "x", x.shape, IMAGE_AXES);
      channelsPerGroup("groupNorm", x.shape, groups);
      return affineImages(normalizeGroups(x, groups, epsilon), affine, context);
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall("nn.GroupNorm", [groups, x[1]!], {
        eps: [epsilon, DEFAULT_EPSILON],
        affine: [affine, true],
      }),
      isAround: true,
    }),
  };
}

/**
 * Instance norm (Ulyanov et al. 2016): [N, C, H, W], unchanged; each image's channels are normalized one by one. PyTorch's
 * InstanceNorm2d, so `affine` is false by default.
 */
export function instanceNorm(options: NormOptions = {}): Layer {
  requireOptions("instanceNorm", options, RULES);
  const { epsilon = DEFAULT_EPSILON, affine = false } = options;
  return {
    kind: "norm",
    description: "instance norm",
    forward(x, context) {
      requireAxes("instanceNorm", "x", x.shape, IMAGE_AXES);
      if (x.shape[2]! * x.shape[3]! === 1) {
        throw new ShapeError(
          "instanceNorm",
          `a channel needs more than one pixel to have a deviation, x is ${formatShape(x.shape)}; normalize larger images`,
        );
      }
      return affineImages(normalizeGroups(x, x.shape[1]!, epsilon), affine, context);
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall("nn.InstanceNorm2d", [x[1]!], { eps: [epsilon, DEFAULT_EPSILON], affine: [affine, false] }),
      isAround: true,
    }),
  };
}
