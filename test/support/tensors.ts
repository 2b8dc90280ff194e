import { type Shape, sizeOf } from "../../src/graph/shape.ts";
import type { DType, Value } from "../../src/graph/value.ts";
import { input } from "../../src/ops/leaves.ts";
import { hash, uniform } from "../golden/inputs.ts";

/** An input of a test's graph and its numbers, all of them float32 (or whole) so that nothing is lost on the way in. */
export interface TestTensor {
  readonly value: Value;
  readonly data: Float64Array;
}

/** How a tensor is filled. */
export type Filling =
  /** In [-1, 1). */
  | "uniform"
  /** In [0.5, 1.5): divisors, variances. */
  | "positive"
  /** In [-2, 0) and below. */
  | "negative"
  /** Whole, -3 to 3: sums of products stay exact, and many are equal. */
  | "integers"
  /** Whole, 0 to 2: most pooling windows tie. */
  | "ties"
  /** Whole, -5 to -1. */
  | "negative integers"
  /** Whole multiples of 720720, which every count up to 16 divides: shares of it are whole too. */
  | "divisible"
  /** Shuffled, 0.125 apart and at least that far from 0: no kink or tie comes near. */
  | "distinct"
  | "zeros"
  /** The label of each row, 0 to `limit - 1`. */
  | "labels"
  /** Bytes 0 and 1. */
  | "mask"
  /** Bytes 0 to 255. */
  | "bytes";

const STEP_BETWEEN_DISTINCT = 0.125;
const LEAST_COMMON_MULTIPLE_TO_16 = 720_720;

/** A named input with numbers that depend on nothing but its name, shape and filling. */
export function tensor(name: string, shape: Shape, filling: Filling, { limit = 10 } = {}): TestTensor {
  return { value: input(name, shape, dtypeOf(filling)), data: fill(name, shape, filling, limit) };
}

/** An input with numbers written out. */
export function literal(name: string, shape: Shape, numbers: readonly number[], dtype: DType = "float32"): TestTensor {
  return {
    value: input(name, shape, dtype),
    data: Float64Array.from(numbers, dtype === "float32" ? Math.fround : Number),
  };
}

/** Numbers by input, as references and sessions take them. */
export function feedsOf(tensors: readonly TestTensor[]): Map<Value, Float64Array> {
  return new Map(tensors.map(({ value, data }) => [value, data]));
}

function dtypeOf(filling: Filling): DType {
  if (filling === "labels") return "int32";
  return filling === "mask" || filling === "bytes" ? "uint8" : "float32";
}

function fill(name: string, shape: Shape, filling: Filling, limit: number): Float64Array {
  const tag = [...`${name} ${shape}`].reduce((sum, letter, i) => hash(sum, letter.charCodeAt(0) * 31 + i), 0);
  const make = (at: (i: number) => number) => {
    const numbers = new Float64Array(sizeOf(shape));
    for (let i = 0; i < numbers.length; i++) numbers[i] = Math.fround(at(i));
    return numbers;
  };
  const whole = (from: number, to: number) => make((i) => from + (hash(tag, i) % (to - from + 1)));
  switch (filling) {
    case "uniform":
      return make((i) => uniform(tag, i));
    case "positive":
      return make((i) => 1 + uniform(tag, i) / 2);
    case "negative":
      return make((i) => -1.001 + uniform(tag, i));
    case "integers":
      return whole(-3, 3);
    case "ties":
      return whole(0, 2);
    case "negative integers":
      return whole(-5, -1);
    case "divisible":
      return whole(-20, 20).map((element) => element * LEAST_COMMON_MULTIPLE_TO_16);
    case "distinct":
      return distinct(tag, sizeOf(shape));
    case "zeros":
      return make(() => 0);
    case "labels":
      return whole(0, limit - 1);
    case "mask":
      return whole(0, 1);
    case "bytes":
      return whole(0, 255);
    default:
      return filling satisfies never;
  }
}

/** Half of the numbers below 0, half above, in an order drawn by the tag. */
function distinct(tag: number, size: number): Float64Array {
  const ranks = Array.from({ length: size }, (_, i) => i).sort((a, b) => hash(tag, a) - hash(tag, b));
  const below = Math.floor(size / 2);
  return Float64Array.from(ranks, (rank) => STEP_BETWEEN_DISTINCT * (rank < below ? rank - below : rank - below + 1));
}
