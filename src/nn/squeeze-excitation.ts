import { IMAGE_AXES, requireAxes } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { hardSigmoid, sigmoid } from "../ops/activations.ts";
import { multiply, relu, silu } from "../ops/elementwise.ts";
import { globalAveragePool } from "../ops/pooling.ts";
import { COUNT, oneOf, requireOptions, requireSetting } from "../settings.ts";
import { conv2d } from "./conv2d.ts";
import type { Layer } from "./layer.ts";

const ACTIVATIONS = { relu, silu } as const;
const GATES = { sigmoid, hardSigmoid } as const;
const PYTHON = { relu: "F.relu", silu: "F.silu", sigmoid: "torch.sigmoid", hardSigmoid: "F.hardsigmoid" } as const;

/** Options of `squeezeExcitation`. */
export interface SqueezeExcitationOptions {
  /** Between the two dense layers. Default `relu`. */
  readonly activation?: keyof typeof ACTIVATIONS;
  /** After them. Default `sigmoid`. */
  readonly gate?: keyof typeof GATES;
}

/**
 * Squeeze and excitation (Hu et al. 2018): [N, C, H, W], unchanged; each channel is multiplied by a factor from 0 to 1 that two
 * dense layers compute from the means of all channels. They are 1x1 convolutions `fc1` (to `squeezed` channels) and `fc2`, as in
 * torchvision.
 *
 * @throws UserError when `squeezed` is not a positive integer, or an option is unknown
 */
export function squeezeExcitation(squeezed: number, options: SqueezeExcitationOptions = {}): Layer {
  requireSetting("squeezeExcitation", "squeezed", squeezed, COUNT);
  const rules = { activation: oneOf(...Object.keys(ACTIVATIONS)), gate: oneOf(...Object.keys(GATES)) };
  requireOptions("squeezeExcitation", options, rules);
  const { activation = "relu", gate = "sigmoid" } = options;
  return {
    kind: "se",
    description: `squeeze and excitation, ${squeezed}`,
    forward(x: Value, context) {
      requireAxes("squeezeExcitation", "x", x.shape, IMAGE_AXES);
      const inner = context.child("fc1", conv2d(squeezed, { kernelSize: 1 }), globalAveragePool(x));
      const outer = context.child("fc2", conv2d(x.shape[1]!, { kernelSize: 1 }), ACTIVATIONS[activation](inner));
      return multiply(x, GATES[gate](outer));
    },
    toPytorch: () => ({
      kind: "block",
      forward: [
        `y = ${PYTHON[activation]}(self.fc1(F.adaptive_avg_pool2d(x, 1)))`,
        `return x * ${PYTHON[gate]}(self.fc2(y))`,
      ],
    }),
  };
}
