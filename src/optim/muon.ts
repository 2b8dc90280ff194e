import { type Shape, sizeOf } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { add, divide, multiply, subtract } from "../ops/elementwise.ts";
import { constant } from "../ops/leaves.ts";
import { frobeniusNorm, matmul } from "../ops/matmul.ts";
import { flatten, unflatten } from "../ops/reshape.ts";
import { FRACTION, NOT_NEGATIVE, requireOptions } from "../settings.ts";
import { adamW } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";

/** Options of Muon. */
export interface MuonOptions {
  /** Momentum of the weights' gradients. Default 0.95. */
  readonly momentum?: number;
  /** Decoupled, as AdamW's: parameters are multiplied by (1 - rate * weightDecay) at each step. Default 0. */
  readonly weightDecay?: number;
}

/** Number of Newton-Schulz iterations; PyTorch's default. */
const STEPS = 5;

/**
 * Root mean square of an update's elements, in units of the learning rate. It matches AdamW's typical update, so that
 * one rate suits both (Liu et al. 2025, "Muon is scalable for LLM training"; PyTorch: adjust_lr_fn="match_rms_adamw").
 */
const MOVE = 0.2;

/**
 * Muon (Jordan 2024) for weights, that is parameters of two axes or more, and AdamW for all others (biases, batch
 * norm), at the same rate. PyTorch's formulas (torch.optim.Muon with Nesterov momentum and match_rms_adamw); a filter
 * [out, in, kh, kw] is the matrix [out, in * kh * kw]:
 *
 *   m' = momentum * m + g;   d = g + momentum * m'
 *   p' = (1 - rate * weightDecay) * p - rate * 0.2 * sqrt(max(rows, columns)) * orthogonalize(d)
 *
 * @throws UserError when an option is out of range
 */
export function muon(options: MuonOptions = {}): Optimizer {
  requireOptions("muon", options, { momentum: FRACTION, weightDecay: NOT_NEGATIVE });
  const { momentum = 0.95, weightDecay = 0 } = options;
  const others = adamW({ weightDecay });
  const isWeight = (shape: Shape) => shape.length >= 2;
  return {
    name: "muon",
    slotsOf: (shape) => (isWeight(shape) ? ["momentum_buffer"] : others.slotsOf(shape)),
    isMatrixUpdate: isWeight,
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

/**
 * Odd quintic that maps singular values from (0, 1] to about 1 (between 0.7 and 1.2) in few iterations (Jordan 2024).
 */
const [LINEAR, CUBIC, QUINTIC] = [3.4445, -4.775, 2.0315] as const;

/** Added to the norm, so that a zero matrix stays zero. */
const EPSILON = 1e-7;

/**
 * Approximates the orthogonal matrix nearest to x [rows, columns]: U Vᵀ for x = U S Vᵀ, by Newton-Schulz iteration.
 *
 *   X0 = x / ||x||;   A = X Xᵀ;   X' = 3.4445 X + (-4.7750 A + 2.0315 A A) X
 *
 * A matrix with more rows than columns uses A = Xᵀ X and X' = 3.4445 X + X (...), the same result at less cost.
 */
export function orthogonalize(x: Value, steps: number): Value {
  const isTall = x.shape[0]! > x.shape[1]!;
  let y = divide(x, add(frobeniusNorm(x), constant(EPSILON)));
  for (let step = 0; step < steps; step++) {
    const gram = matmul(y, y, { transposeA: isTall, transposeB: !isTall });
    const square = matmul(gram, gram, { transposeA: false, transposeB: false });
    const polynomial = add(multiply(gram, constant(CUBIC)), multiply(square, constant(QUINTIC)));
    const [left, right] = isTall ? [y, polynomial] : [polynomial, y];
    y = add(multiply(y, constant(LINEAR)), matmul(left, right, { transposeA: false, transposeB: false }));
  }
  return y;
}
