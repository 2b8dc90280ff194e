import { UserError } from "../errors.ts";
import type { Value } from "../graph/value.ts";
import { add, multiply, subtract } from "../ops/elementwise.ts";
import { constant } from "../ops/leaves.ts";
import { FLAG, FRACTION, NOT_NEGATIVE, requireOptions } from "../settings.ts";
import type { Optimizer } from "./optimizer.ts";

/** Options of stochastic gradient descent; the defaults are PyTorch's. */
export interface SgdOptions {
  readonly momentum?: number;
  /** Nesterov momentum (Nesterov 1983; PyTorch's form). Requires momentum. */
  readonly nesterov?: boolean;
  /** L2 penalty: added to the gradient as weightDecay * parameter. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent, PyTorch's formulas:
 *
 *   g = gradient + weightDecay * p;   v' = momentum * v + g;   p' = p - rate * (nesterov ? g + momentum * v' : v')
 *
 * @throws UserError when an option is out of range, or nesterov is set without momentum
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  requireOptions("sgd", options, { momentum: FRACTION, nesterov: FLAG, weightDecay: NOT_NEGATIVE });
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  if (nesterov && momentum === 0) {
    throw new UserError("sgd: nesterov needs a momentum above 0, got 0", { exitCode: 2 });
  }
  return {
    name: "sgd",
    slotsOf: () => (momentum === 0 ? [] : ["momentum_buffer"]),
    settings: ["rate"],
    settingsAt: (_step, learningRate) => ({ rate: learningRate }),
    update({ parameter, gradient, slots, settings }) {
      const descend = (direction: Value) => subtract(parameter, multiply(direction, settings.rate!));
      const g = weightDecay === 0 ? gradient : add(gradient, multiply(parameter, constant(weightDecay)));
      if (momentum === 0) return { parameter: descend(g), slots: {} };
      const v = add(multiply(slots.momentum_buffer!, constant(momentum)), g);
      const direction = nesterov ? add(g, multiply(v, constant(momentum))) : v;
      return { parameter: descend(direction), slots: { momentum_buffer: v } };
    },
  };
}
