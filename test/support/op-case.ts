import { evaluateReference } from "../../src/graph/evaluate.ts";
import type { Op, Value } from "../../src/graph/value.ts";
import { maxPool2d } from "../../src/ops/pooling.ts";
import { feedsOf, type TestTensor } from "./tensors.ts";

/** One operation at one size: every lowering's result is compared with the operation's float64 reference. */
export interface OpCase {
  readonly op: Op;
  /** The edge that the sizes stand at, then the sizes. */
  readonly name: string;
  readonly inputs: readonly TestTensor[];
  readonly y: Value;
  /** Whether these sizes fit the blocked layout; stated explicitly, not derived from the code under test. */
  readonly isBlocked: boolean;
  readonly bound: Bound;
}

/** Maximum error of each element. */
export type Bound = (facts: {
  readonly expected: Float64Array;
  readonly inputs: readonly TestTensor[];
}) => Float64Array;

/** The distance from 1 to the next float32; a rounding errs by half of it at most. */
export const FLOAT32_EPSILON = 2 ** -23;

/** No rounding happens: the numbers are whole (or only moved), and sums stay below 2^24. */
export const exact: Bound = ({ expected }) => new Float64Array(expected.length);

/** `roundings` one after the other of numbers as large as the result. */
export function ofResult(roundings: number): Bound {
  return ({ expected }) => expected.map((element) => roundings * FLOAT32_EPSILON * Math.abs(element));
}

/**
 * `roundings` of numbers as large as `magnitude` gets in the reference when every input is replaced by its absolute
 * value: a sum of n products, added up in any order, errs by at most n half epsilons of the sum of absolute products.
 */
export function ofMagnitude(roundings: number, magnitude: Value): Bound {
  return ({ inputs }) => {
    const absolute = inputs.map(({ value, data }) => ({ value, data: data.map(Math.abs) }));
    const [magnitudes] = evaluateReference([magnitude], feedsOf(absolute));
    return magnitudes!.map((element) => roundings * FLOAT32_EPSILON * element);
  };
}

/** The value itself, but in the blocked layout where its channels fit: a pool whose window is one pixel. */
export function blockedCopy(images: Value): Value {
  return maxPool2d(images, { size: 1 });
}

/** A size by the name of the edge that it stands at. */
export type NamedSize = readonly [edge: string, size: number];

/** Channel counts around the block, and some that nothing divides. */
export function channelSizes(block: number): readonly NamedSize[] {
  return [
    ["one", 1],
    ["three", 3],
    ["a prime less than the block", 7],
    ["one less than the block", block - 1],
    ["the block", block],
    ["one more than the block", block + 1],
    ["a prime more than the block", 29],
    ["two blocks", 2 * block],
    ["five blocks", 5 * block],
  ];
}

/**
 * Batches: one, around eight (how many images some lowerings take at a time), around the block, and indivisible ones.
 */
export function batchSizes(block: number): readonly NamedSize[] {
  return [
    ["of one", 1],
    ["prime", 3],
    ["prime", 5],
    ["prime", 7],
    ["of eight", 8],
    ["not divisible by eight", 9],
    ["not divisible by eight", 12],
    ["of one less than the block", block - 1],
    ["of the block", block],
    ["of one more than the block", block + 1],
    ["of one and a half blocks", block + block / 2],
    ["of two blocks", 2 * block],
    ["large and prime", 97],
  ];
}

/** Heights and widths: one pixel, odd, lines, not square. */
export const IMAGE_SIZES: readonly (readonly [edge: string, height: number, width: number])[] = [
  ["one pixel", 1, 1],
  ["odd and square", 5, 5],
  ["odd, not square", 7, 3],
  ["even, not square", 4, 6],
  ["a row", 1, 9],
  ["a column", 8, 1],
];
