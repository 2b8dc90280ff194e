import { expect } from "vitest";
import type { Rows } from "../../src/data/rows.ts";
import { allRows } from "./all-rows.ts";

export interface Closeness {
  /** Largest allowed absolute difference, or a function of the element's index. */
  readonly tolerance: number;
}

declare module "vitest" {
  interface Matchers<T> {
    /** Element by element within an absolute tolerance; lengths must match and NaN is never close. */
    toBeClose(expected: ArrayLike<number>, closeness: Closeness): T;
  }
}

expect.extend({
  toBeClose(received: ArrayLike<number>, expected: ArrayLike<number>, { tolerance }: Closeness) {
    if (received.length !== expected.length) {
      return { pass: false, message: () => `expected ${expected.length} elements, received ${received.length}` };
    }
    if (expected.length === 0) return { pass: false, message: () => "an empty comparison proves nothing" };
    let worst = 0;
    let worstError = -1;
    for (let i = 0; i < expected.length; i++) {
      const error = Math.abs(received[i]! - expected[i]!);
      if (!(error <= worstError)) {
        worst = i;
        worstError = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
      }
    }
    return {
      pass: worstError <= tolerance,
      message: () =>
        `largest difference ${worstError} at ${worst} (received ${received[worst]}, expected ${expected[worst]}), tolerance ${tolerance}`,
    };
  },
});

/**
 * Arrays of numbers whose bytes are the same are equal, seen in one go: `toEqual` walks through them element by element,
 * which takes it half a minute for a model file. Whatever differs is left to it, as it says where.
 */
expect.addEqualityTesters([
  (a: unknown, b: unknown) => {
    if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined;
    return bytesOf(a).equals(bytesOf(b)) ? true : undefined;
  },
  /** Rows are equal by their values, wherever these are. */
  (a: unknown, b: unknown) => {
    if (!isRows(a) || !isRows(b)) return undefined;
    if (a.dtype !== b.dtype || a.count !== b.count || a.size !== b.size) return false;
    return bytesOf(allRows(a)).equals(bytesOf(allRows(b)));
  },
]);

function isRows(value: unknown): value is Rows {
  return typeof value === "object" && value !== null && "read" in value && "dtype" in value && "size" in value;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
