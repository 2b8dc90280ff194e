import { expect } from "vitest";

declare module "vitest" {
  interface Matchers<T> {
    /** Each element within its own bound of the expected one; lengths must match and NaN is never within. */
    toBeWithin(expected: ArrayLike<number>, bounds: ArrayLike<number>): T;
  }
}

expect.extend({
  toBeWithin(received: ArrayLike<number>, expected: ArrayLike<number>, bounds: ArrayLike<number>) {
    if (received.length !== expected.length || bounds.length !== expected.length) {
      const lengths = `${received.length} received, ${expected.length} expected, ${bounds.length} bounds`;
      return { pass: false, message: () => `lengths differ: ${lengths}` };
    }
    if (expected.length === 0) return { pass: false, message: () => "an empty comparison proves nothing" };
    const largest = largestOf(expected);
    if (largest > 0 && !(largestOf(bounds) < largest)) {
      return {
        pass: false,
        message: () => `bounds up to ${largestOf(bounds)} prove nothing of numbers up to ${largest}`,
      };
    }
    const wrong: number[] = [];
    for (let i = 0; i < expected.length; i++) {
      // Equal infinities are within; a NaN fails both comparisons.
      if (received[i] !== expected[i] && !(Math.abs(received[i]! - expected[i]!) <= bounds[i]!)) wrong.push(i);
    }
    const [first] = wrong;
    return {
      pass: first === undefined,
      message: () =>
        `${wrong.length} of ${expected.length} elements are out of bounds; the first at ${first}: received ${received[first!]}, expected ${expected[first!]} to ${bounds[first!]}`,
    };
  },
});

function largestOf(numbers: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < numbers.length; i++) largest = Math.max(largest, Math.abs(numbers[i]!));
  return largest;
}
