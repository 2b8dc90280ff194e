import { evaluateReference } from "../../src/graph/evaluate.ts";
import type { Value } from "../../src/graph/value.ts";
import { feedsOf, type TestTensor } from "./tensors.ts";

/** Half the distance of the two points of a central difference: a power of two, so that both points are exact. */
export const STEP = 2 ** -17;

/**
 * Derivatives of a scalar with respect to elements of one input, in float64 by central differences of its reference.
 *
 * @param inputs all inputs of the scalar's graph, among them `at`
 * @param elements positions in `at`; all of them by default
 */
export function centralDifferences(
  scalar: Value,
  inputs: readonly TestTensor[],
  at: TestTensor,
  elements: readonly number[] = Array.from(at.data.keys()),
): Float64Array {
  const moved = at.data.slice();
  const feeds = feedsOf(inputs).set(at.value, moved);
  const evaluateAt = (element: number, position: number) => {
    moved[element] = position;
    return evaluateReference([scalar], feeds)[0]![0]!;
  };
  return Float64Array.from(elements, (element) => {
    const middle = at.data[element]!;
    const difference = evaluateAt(element, middle + STEP) - evaluateAt(element, middle - STEP);
    moved[element] = middle;
    return difference / (2 * STEP);
  });
}

/** Roundings that one number of the reference goes through, more than in any graph here. */
const ROUNDINGS = 100;
const FLOAT64_EPSILON = 2 ** -52;
/** No third derivative here is larger, once inputs are about 1 in size. */
const THIRD_DERIVATIVE = 100;

/**
 * How far a central difference may be from the derivative: the roundings of the two values, over the step, and the
 * formula's own error, the step squared times the third derivative over 6.
 *
 * @param magnitude of the scalar: the sum of the absolute values of what it adds up
 */
export function differenceBound(magnitude: number): number {
  return (ROUNDINGS * FLOAT64_EPSILON * magnitude) / STEP + (STEP ** 2 * THIRD_DERIVATIVE) / 6;
}

/** Up to `count` positions, spread over a tensor of `size`. */
export function spreadPositions(size: number, count: number): number[] {
  if (size <= count) return Array.from({ length: size }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.floor((size * (2 * i + 1)) / (2 * count)));
}
