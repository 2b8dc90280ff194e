import { requireAxes } from "../graph/shape.ts";
import { biasAdd } from "../ops/channels.ts";
import { matmul } from "../ops/matmul.ts";
import { reshape } from "../ops/reshape.ts";
import { COUNT, FLAG, requireOptions, requireSetting } from "../settings.ts";
import { uniformByFanIn } from "./init.ts";
import type { Layer } from "./layer.ts";
import { pythonCall } from "./pytorch-form.ts";

/** Options of `linear`. */
export interface LinearOptions {
  /** Default true. */
  readonly bias?: boolean;
}

/**
 * Dense layer: [N, inputs] -> [N, outputs], y = x weightᵀ + bias; of sequences [N, T, inputs] each token by itself. Parameters `weight` [outputs, inputs], `bias`
 * [outputs], both uniform within ±1 / sqrt(inputs) as in PyTorch.
 *
 * @throws UserError when `outputs` is not a positive integer; ShapeError, when the model is built, if x is not [N,
 *   inputs] (`flatten` first)
 */
export function linear(outputs: number, options: LinearOptions = {}): Layer {
  requireSetting("linear", "outputs", outputs, COUNT);
  requireOptions("linear", options, { bias: FLAG });
  const { bias = true } = options;
  return {
    kind: "fc",
    description: `linear ${outputs}${bias ? "" : ", no bias"}`,
    forward(x, context) {
      const isSequence = x.shape.length === 3;
      if (!isSequence) requireAxes("linear", "x", x.shape, ["batch", "inputs"]);
      const inputs = x.shape.at(-1)!;
      const initialize = uniformByFanIn(inputs);
      const weight = context.parameter("weight", [outputs, inputs], initialize);
      const rows = isSequence ? reshape(x, [x.shape[0]! * x.shape[1]!, inputs]) : x;
      const product = matmul(rows, weight, { transposeA: false, transposeB: true });
      const y = bias ? biasAdd(product, context.parameter("bias", [outputs], initialize)) : product;
      return isSequence ? reshape(y, [...x.shape.slice(0, 2), outputs]) : y;
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall("nn.Linear", [x.at(-1)!, outputs], { bias: [bias, true] }),
    }),
  };
}
