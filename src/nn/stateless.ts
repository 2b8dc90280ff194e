import { UserError } from "../errors.ts";
import { dropout as dropoutOp, relu as reluOp, silu as siluOp } from "../ops/elementwise.ts";
import { globalAveragePool as globalAveragePoolOp, maxPool2d as maxPool2dOp } from "../ops/pooling.ts";
import { flatten as flattenOp } from "../ops/reshape.ts";
import { COUNT, FRACTION, requireOptions, requireSetting } from "../settings.ts";
import type { Layer } from "./layer.ts";
import { pythonCall } from "./pytorch-form.ts";

/** Layers without parameters. */

/** y = max(x, 0), any shape. */
export function relu(): Layer {
  return {
    kind: "relu",
    description: "ReLU",
    forward: (x) => reluOp(x),
    toPytorch: () => ({ kind: "function", call: (x) => `F.relu(${x})`, isAround: true }),
  };
}

/** y = x / (1 + exp(-x)) (SiLU, swish), any shape. */
export function silu(): Layer {
  return {
    kind: "silu",
    description: "SiLU",
    forward: (x) => siluOp(x),
    toPytorch: () => ({ kind: "function", call: (x) => `F.silu(${x})`, isAround: true }),
  };
}

/**
 * Max pooling: [N, C, H, W] -> [N, C, H / size, W / size], rounded down.
 *
 * @throws UserError when `stride` differs from `size`: windows that overlap or leave gaps are not supported
 */
export function maxPool2d(size: number, options: { readonly stride?: number } = {}): Layer {
  requireSetting("maxPool2d", "size", size, COUNT);
  requireOptions("maxPool2d", options, { stride: COUNT });
  const { stride = size } = options;
  if (stride !== size) {
    throw new UserError(`maxPool2d: stride must equal the window's size ${size}, got ${stride}`, { exitCode: 2 });
  }
  return {
    kind: "pool",
    description: `max-pool ${size}x${size}`,
    forward: (x) => maxPool2dOp(x, { size }),
    toPytorch: () => ({ kind: "function", call: (x) => `F.max_pool2d(${x}, ${size})` }),
  };
}

/** Global average pooling: [N, C, H, W] -> [N, C, 1, 1]. */
export function globalAveragePool(): Layer {
  return {
    kind: "gap",
    description: "global average pool",
    forward: (x) => globalAveragePoolOp(x),
    toPytorch: () => ({ kind: "function", call: (x) => `F.adaptive_avg_pool2d(${x}, 1)` }),
  };
}

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
