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

/** Iterations after which a product of polynomials is applied, so that rounding errors stay those of one by one. */
const STEPS_TOGETHER = 3;

/** Multiply-adds that iterations together must save: below, their additional small operations cost more. */
const WORTHWHILE_SAVING = 10e6;

/**
 * Approximates the orthogonal matrix nearest to x [rows, columns]: U Vᵀ for x = U S Vᵀ, by Newton-Schulz iteration.
 *
 *   X0 = x / ||x||;   A = X Xᵀ;   X' = 3.4445 X + B X with B = -4.7750 A + 2.0315 A A
 *
 * A matrix with more rows than columns uses A = Xᵀ X and X' = 3.4445 X + X B, the same result at less cost.
 *
 * Where one side is much longer, several iterations are computed on A alone, which is small: with Q = 3.4445 I + B the
 * next A is Q A Q, as all of these are polynomials of the first A, and X is multiplied once by the product of the Qs.
 */
export function orthogonalize(x: Value, steps: number): Value {
  const [short, long] = [Math.min(...x.shape), Math.max(...x.shape)];
  const together = savedBy(STEPS_TOGETHER, steps, short, long) >= WORTHWHILE_SAVING ? STEPS_TOGETHER : 1;
  let y = divide(x, add(frobeniusNorm(x), constant(EPSILON)));
  for (let step = 0; step < steps; step += together) y = iterate(y, Math.min(together, steps - step));
  return y;
}

/** Multiply-adds saved where `together` of the iterations are computed on A: 2 products with x instead of 2 for each. */
function savedBy(together: number, steps: number, short: number, long: number): number {
  const groups = Math.ceil(steps / together);
  // A A; A' in two products and the product of the Qs in one, but for a group's last and first iteration.
  const smallProducts = 4 * steps - 3 * groups;
  return short * short * (2 * (steps - groups) * long - (smallProducts - steps) * short);
}

/** That many iterations; the product of their Qs is kept as `share` I + `rest`. */
function iterate(x: Value, steps: number): Value {
  const isTall = x.shape[0]! > x.shape[1]!;
  const plain = { transposeA: false, transposeB: false };
  let gram = matmul(x, x, { transposeA: isTall, transposeB: !isTall });
  let share = 1;
  let rest: Value | undefined;
  for (let step = 1; step <= steps; step++) {
    const square = matmul(gram, gram, plain);
    const b = add(multiply(gram, constant(CUBIC)), multiply(square, constant(QUINTIC)));
    rest = rest ? add(add(multiply(rest, constant(LINEAR)), multiply(b, constant(share))), matmul(b, rest, plain)) : b;
    share *= LINEAR;
    if (step < steps) {
      const half = add(multiply(gram, constant(LINEAR)), matmul(b, gram, plain));
      gram = add(multiply(half, constant(LINEAR)), matmul(half, b, plain));
    }
  }
  const [left, right] = isTall ? [x, rest!] : [rest!, x];
  return add(multiply(x, constant(share)), matmul(left, right, plain));
}
