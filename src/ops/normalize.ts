import type { Value } from "../graph/value.ts";
import { add, divide, multiply, sqrt, subtract } from "./elementwise.ts";
import { constant } from "./leaves.ts";
import { mean } from "./reduce.ts";

/**
 * (x - mean) / sqrt(variance + epsilon), with the mean and the biased variance of each place over `axes`: the core of layer,
 * group and instance norm. Composed of other operations, and so is its derivative.
 *
 * @returns x's shape
 */
export function normalize(x: Value, axes: readonly number[], epsilon: number): Value {
  const centred = subtract(x, mean(x, axes));
  const variance = mean(multiply(centred, centred), axes);
  return divide(centred, sqrt(add(constant(epsilon), variance)));
}
