import { IMAGE_AXES, requireAxes } from "../graph/shape.ts";
import { dropout as dropoutOp, multiply } from "../ops/elementwise.ts";
import { constant } from "../ops/leaves.ts";
import { repeat } from "../ops/reduce.ts";
import { flatten as flattenOp, pad } from "../ops/reshape.ts";
import { FRACTION, type Rule, requireSetting } from "../settings.ts";
import type { Layer } from "./layer.ts";
import { pythonCall } from "./pytorch-form.ts";

/** Layers without parameters. */

/** Merges all axes after the batch: [N, ...] -> [N, product of the rest]. */
export function flatten(): Layer {
  return {
    kind: "flatten",
    description: "flatten",
    forward: (x) => flattenOp(x),
    toPytorch: () => ({ kind: "function", call: (x) => `torch.flatten(${x}, 1)` }),
  };
}

/**
 * Dropout: in training, zeroes each element with probability `rate` and scales the rest by 1 / (1 - rate). Any shape.
 */
export function dropout(rate: number): Layer {
  requireSetting("dropout", "rate", rate, FRACTION);
  return {
    kind: "dropout",
    description: `dropout ${rate}`,
    forward: (x, context) =>
      context.mode === "training" && rate > 0 ? dropoutOp(x, context.dropoutMask(x.shape, rate), { rate }) : x,
    toPytorch: () => ({ kind: "module", construct: pythonCall("nn.Dropout", [rate]), isAround: true }),
  };
}

/**
 * Stochastic depth (Huang et al. 2016): in training, zeroes whole images with probability `rate` and scales the rest by
 * 1 / (1 - rate). At the end of a residual block's body it skips the body. torchvision's `StochasticDepth(rate, "row")`.
 */
export function stochasticDepth(rate: number): Layer {
  requireSetting("stochasticDepth", "rate", rate, FRACTION);
  return {
    kind: "depth",
    description: `stochastic depth ${rate}`,
    forward(x, context) {
      if (context.mode !== "training" || rate === 0) return x;
      const shape = x.shape.map((size, axis) => (axis === 0 ? size : 1));
      const kept = dropoutOp(repeat(constant(1), shape), context.dropoutMask(shape, rate), { rate });
      return multiply(x, kept);
    },
    toPytorch: ({ length }) => ({
      kind: "function",
      call: (x) => `${x} * F.dropout(${x}.new_ones((${x}.shape[0],) + (1,) * ${length - 1}), ${rate}, self.training)`,
    }),
  };
}

const SIDES: Rule = {
  allowed: "four whole numbers from 0 up in a list: rows above, columns left, rows below, columns right",
  isGood: (value) =>
    Array.isArray(value) && value.length === 4 && value.every((size) => Number.isInteger(size) && size >= 0),
};

/**
 * Zeros around images: [N, C, H, W] -> [N, C, top + H + bottom, left + W + right]. Before a convolution: padding that
 * differs between the sides.
 *
 * @param sides top, left, bottom, right
 */
export function zeroPad2d(sides: readonly [number, number, number, number]): Layer {
  requireSetting("zeroPad2d", "sides", sides, SIDES);
  const [top, left, bottom, right] = sides;
  return {
    kind: "pad",
    description: `zeros ${sides.join(", ")}`,
    forward(x) {
      requireAxes("zeroPad2d", "x", x.shape, IMAGE_AXES);
      return pad(x, [0, 0, top, left], [0, 0, bottom, right]);
    },
    toPytorch: () => ({ kind: "function", call: (x) => `F.pad(${x}, (${left}, ${right}, ${top}, ${bottom}))` }),
  };
}
