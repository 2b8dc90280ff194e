import type { Value } from "../graph/value.ts";
import { add } from "../ops/add.ts";
import { constant } from "../ops/constant.ts";
import { divide } from "../ops/divide.ts";
import { frobeniusNorm } from "../ops/frobeniusNorm.ts";
import { matmul } from "../ops/matmul.ts";
import { multiply } from "../ops/multiply.ts";

/** Odd quintic that takes singular values from (0, 1] to about 1 (between 0.7 and 1.2) in few steps (Jordan 2024). */
const [LINEAR, CUBIC, QUINTIC] = [3.4445, -4.775, 2.0315] as const;

/** Added to the norm, so that a zero matrix stays zero. */
const EPSILON = 1e-7;

/**
 * The orthogonal matrix nearest to x [rows, columns], roughly: U Vᵀ for x = U S Vᵀ, by Newton and Schulz's iteration.
 *
 *   X0 = x / ||x||;   A = X Xᵀ;   X' = 3.4445 X + (-4.7750 A + 2.0315 A A) X
 *
 * A taller matrix takes A = Xᵀ X and X' = 3.4445 X + X (...), the same with less to compute.
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
