import { add, divide, multiply, sqrt, subtract } from "../ops/elementwise.ts";
import { constant } from "../ops/leaves.ts";
import { FRACTION, NOT_NEGATIVE, requireOptions, requireSetting } from "../settings.ts";
import type { Optimizer } from "./optimizer.ts";

/** Options of Adam and AdamW; the defaults are PyTorch's. */
export interface AdamOptions {
  /** Decay rates of the running means of the gradient and of its square. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  readonly epsilon?: number;
  /**
   * Adam: an L2 penalty, added to the gradient. AdamW: decoupled decay of the parameter, rate * weightDecay per step.
   */
  readonly weightDecay?: number;
}

/**
 * Adam (Kingma and Ba 2015), PyTorch's formulas; t counts steps from 1:
 *
 *   g  = gradient + weightDecay * p
 *   m' = b1 * m + (1 - b1) * g;   v' = b2 * v + (1 - b2) * g * g
 *   p' = p - rate / (1 - b1^t) * m' / (sqrt(v' / (1 - b2^t)) + epsilon)
 *
 * The fraction of p' is computed as `stepSize * m' / (sqrt(v') + scaledEpsilon)`, numerator and denominator multiplied
 * by sqrt(1 - b2^t): the same value with one pass less.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamFamily("adam", options, "penalty");
}

/**
 * AdamW (Loshchilov and Hutter 2019), PyTorch's formulas: as Adam without the penalty, on parameters that are first
 * multiplied by (1 - rate * weightDecay).
 */
export function adamW(options: AdamOptions = {}): Optimizer {
  return adamFamily("adamw", options, "decoupled");
}

/** Rules of the options; each of the two betas has its own. */
const RULES = {
  betas: { allowed: "two numbers in a list", isGood: (value: unknown) => Array.isArray(value) && value.length === 2 },
  epsilon: NOT_NEGATIVE,
  weightDecay: NOT_NEGATIVE,
};

function adamFamily(name: string, options: AdamOptions, decay: "penalty" | "decoupled"): Optimizer {
  requireOptions(name, options, RULES);
  const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = decay === "decoupled" ? 0.01 : 0 } = options;
  for (const [i, beta] of betas.entries()) requireSetting(name, `betas[${i}]`, beta, FRACTION);
  const [beta1, beta2] = betas;
  const isDecoupled = decay === "decoupled" && weightDecay > 0;
  return {
    name,
    slotsOf: () => ["exp_avg", "exp_avg_sq"],
    settings: isDecoupled ? ["stepSize", "scaledEpsilon", "keep"] : ["stepSize", "scaledEpsilon"],
    settingsAt(step, learningRate) {
      const correction = Math.sqrt(1 - beta2 ** step);
      const settings = {
        stepSize: (learningRate / (1 - beta1 ** step)) * correction,
        scaledEpsilon: epsilon * correction,
      };
      return isDecoupled ? { ...settings, keep: 1 - learningRate * weightDecay } : settings;
    },
    update({ parameter, gradient, slots, settings }) {
      const isPenalised = decay === "penalty" && weightDecay > 0;
      const g = isPenalised ? add(gradient, multiply(parameter, constant(weightDecay))) : gradient;
      const mean = add(multiply(slots.exp_avg!, constant(beta1)), multiply(g, constant(1 - beta1)));
      const square = add(multiply(slots.exp_avg_sq!, constant(beta2)), multiply(multiply(g, g), constant(1 - beta2)));
      const direction = divide(mean, add(sqrt(square), settings.scaledEpsilon!));
      const kept = isDecoupled ? multiply(parameter, settings.keep!) : parameter;
      return {
        parameter: subtract(kept, multiply(direction, settings.stepSize!)),
        slots: { exp_avg: mean, exp_avg_sq: square },
      };
    },
  };
}
