import type { Value } from "../graph/value.ts";
import { add, divide, multiply, relu, sqrt, subtract } from "../ops/elementwise.ts";
import { constant } from "../ops/leaves.ts";
import { frobeniusNorm } from "../ops/matmul.ts";

/** Added to the norm, as in PyTorch. */
const EPSILON = 1e-6;

/**
 * Gradient clipping by the norm of all gradients together, PyTorch's clip_grad_norm_:
 *
 *   norm = sqrt(sum of the squares of all elements);   g' = g * min(1, maxNorm / (norm + 1e-6))
 *
 * @param gradients of any shapes
 * @param maxNorm above 0
 * @returns the scaled gradients, in the same order
 */
export function clipGradients(gradients: readonly Value[], maxNorm: number): Value[] {
  const squares = gradients.map((gradient) => {
    const norm = frobeniusNorm(gradient);
    return multiply(norm, norm);
  });
  const norm = sqrt(squares.reduce((sum, square) => add(sum, square)));
  // min(1, most / norm) as most / max(most, norm); the larger of two as relu(norm - most) + most.
  const most = constant(maxNorm);
  const larger = add(relu(subtract(add(norm, constant(EPSILON)), most)), most);
  const factor = divide(most, larger);
  return gradients.map((gradient) => multiply(gradient, factor));
}
