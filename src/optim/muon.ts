import { type Shape, sizeOf } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { add } from "../ops/add.ts";
import { constant } from "../ops/constant.ts";
import { flatten } from "../ops/flatten.ts";
import { multiply } from "../ops/multiply.ts";
import { subtract } from "../ops/subtract.ts";
import { unflatten } from "../ops/unflatten.ts";
import { adamW } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";
import { orthogonalize } from "./orthogonalize.ts";
import { requireFraction, requireNonNegative } from "./settings.ts";

/** Of Muon. */
export interface MuonOptions {
  /** Of the weights' gradients. Default 0.95. */
  readonly momentum?: number;
  /** Decoupled, as AdamW's: parameters shrink by rate * weightDecay a step. Default 0. */
  readonly weightDecay?: number;
}

/** Newton-Schulz steps. Five is what PyTorch takes. */
const STEPS = 5;

/**
 * Root mean square of an element's move, in learning rates. As large as AdamW's moves are found to be, so that one rate
 * serves both (Liu and others 2025, "Muon is scalable for LLM training"; PyTorch: adjust_lr_fn="match_rms_adamw").
 */
const MOVE = 0.2;

/**
 * Muon (Jordan 2024) for weights, that is parameters of two axes or more, and AdamW for all others (biases, batch norm),
 * at the same rate. PyTorch's formulas (torch.optim.Muon with Nesterov momentum and match_rms_adamw); a filter
 * [out, in, kh, kw] is the matrix [out, in * kh * kw]:
 *
 *   m' = momentum * m + g;   d = g + momentum * m'
 *   p' = (1 - rate * weightDecay) * p - rate * 0.2 * sqrt(max(rows, columns)) * orthogonalize(d)
 *
 * @throws UserError when an option is out of range
 */
export function muon({ momentum = 0.95, weightDecay = 0 }: MuonOptions = {}): Optimizer {
  requireFraction("muon", "momentum", momentum);
  requireNonNegative("muon", "weightDecay", weightDecay);
  const others = adamW({ weightDecay });
  const isWeight = (shape: Shape) => shape.length >= 2;
  return {
    name: "muon",
    slotsOf: (shape) => (isWeight(shape) ? ["momentum_buffer"] : others.slotsOf(shape)),
    settings: ["rate", ...others.settings],
    settingsAt: (step, learningRate) => ({ rate: learningRate, ...others.settingsAt(step, learningRate) }),
    update(inputs) {
      const { parameter, gradient, slots, settings } = inputs;
      const { shape } = parameter;
      if (!isWeight(shape)) return others.update(inputs);
      const m = add(multiply(slots.momentum_buffer!, constant(momentum)), gradient);
      const direction = orthogonalOf(add(gradient, multiply(m, constant(momentum))));
      const scale = MOVE * Math.sqrt(Math.max(shape[0]!, sizeOf(shape.slice(1))));
      const kept = settings.keep ? multiply(parameter, settings.keep) : parameter;
      return {
        parameter: subtract(kept, multiply(direction, multiply(settings.rate!, constant(scale)))),
        slots: { momentum_buffer: m },
      };
    },
  };
}

function orthogonalOf(weight: Value): Value {
  const isMatrix = weight.shape.length === 2;
  const direction = orthogonalize(isMatrix ? weight : flatten(weight), STEPS);
  return isMatrix ? direction : unflatten(direction, weight.shape);
}
