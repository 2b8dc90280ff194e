import { formatShape } from "../../../src/graph/shape.ts";
import type { Op, Value } from "../../../src/graph/value.ts";
import { conv2dWeightGradient } from "../../../src/ops/convolution/weight-gradient.ts";
import {
  add,
  addOp,
  divide,
  divideOp,
  dropout,
  dropoutOp,
  exp,
  expOp,
  log,
  logOp,
  multiply,
  multiplyOp,
  relu,
  reluGradient,
  reluGradientOp,
  reluOp,
  silu,
  siluGradient,
  siluGradientOp,
  siluOp,
  sqrt,
  sqrtOp,
  subtract,
  subtractOp,
} from "../../../src/ops/elementwise.ts";
import { constant } from "../../../src/ops/leaves.ts";
import { normalizePixels, normalizePixelsOp } from "../../../src/ops/normalize-pixels.ts";
import { concat, concatOp, flatten, reshape, reshapeOp, slice, sliceOp, unflatten } from "../../../src/ops/reshape.ts";
import { type Bound, blockedCopy, exact, type OpCase, ofMagnitude, ofResult } from "../../support/op-case.ts";
import { type Filling, literal, type TestTensor, tensor } from "../../support/tensors.ts";
import { imageSizesToTry } from "./pools.ts";

/** A context of an elementwise operation: how its operand is computed, and whether that is blocked. */
interface Place {
  readonly name: string;
  readonly isBlocked: boolean;
  make(name: string, filling: Filling): { readonly inputs: readonly TestTensor[]; readonly value: Value };
}

function places(block: number): Place[] {
  const sizes = imageSizesToTry(block).filter(({ edge, channels, batch }) => {
    return edge.startsWith("channels") || (channels === block && batch < 4) || batch === 97;
  });
  const images = sizes.flatMap(({ edge, batch, channels, image }): Place[] => {
    const shape = [batch, channels, ...image];
    const isBlocked = channels % block === 0;
    const where = `${edge}: ${formatShape(shape)}`;
    const make = (wrap: (x: Value) => Value) => (name: string, filling: Filling) => {
      const x = tensor(name, shape, filling);
      return { inputs: [x], value: wrap(x.value) };
    };
    const isWide = isBlocked && image[0] * image[1] > 1;
    const asImages = { name: `images, ${where}`, isBlocked, make: make(blockedCopy) };
    const asColumns = { name: `columns, ${where}`, isBlocked: isWide, make: make((x) => flatten(blockedCopy(x))) };
    return edge.startsWith("channels") || !isWide ? [asImages, asColumns] : [asImages];
  });
  const weights = ([block, 3] as const).map((channels): Place => {
    return {
      name: `packed weights, ${channels} channels`,
      isBlocked: true,
      make(name) {
        // The gradient of a blocked convolution's weight has the weight's layout; integers keep it exact.
        const x = tensor(`${name} image`, [1, channels, 4, 4], "integers");
        const dy = tensor(`${name} gradient`, [1, block, 2, 2], "integers");
        const shape = [block, channels, 3, 3];
        return {
          inputs: [x, dy],
          value: conv2dWeightGradient(x.value, dy.value, { stride: 1, padding: [0, 0], shape }),
        };
      },
    };
  });
  const plain = [[7], [1], [5, 3], [2, 3, 4, 5]].map((shape): Place => {
    return {
      name: `canonical ${formatShape(shape)}`,
      isBlocked: false,
      make(name, filling) {
        const x = tensor(name, shape, filling);
        return { inputs: [x], value: x.value };
      },
    };
  });
  return [...images, ...weights, ...plain];
}

/** An operation on two operands, with a suitable filling and the error bound of its single rounding. */
const PAIRS: readonly { op: Op; build: (a: Value, b: Value) => Value; second: Filling; bound: Bound }[] = [
  { op: addOp, build: add, second: "uniform", bound: ofResult(1) },
  { op: subtractOp, build: subtract, second: "uniform", bound: ofResult(1) },
  { op: multiplyOp, build: multiply, second: "uniform", bound: ofResult(1) },
  { op: divideOp, build: divide, second: "positive", bound: ofResult(1) },
  { op: reluGradientOp, build: (dy, y) => reluGradient(y, dy), second: "integers", bound: exact },
];

export function elementwiseCases(block: number): OpCase[] {
  return [
    ...places(block).flatMap((place) => casesAt(place)),
    ...mixedCases(block),
    ...broadcastCases(block),
    ...steepCases(block),
    ...saturatedCases(block),
    ...maskCases(),
    ...vectorCases(),
  ];
}

/** Concatenation of vectors and slices of it: of one element and more, first, in the middle and last. */
function vectorCases(): OpCase[] {
  const [a, b, c] = [tensor("a", [1], "uniform"), tensor("b", [19], "uniform"), tensor("c", [16], "uniform")];
  const joined = [[a], [a, b, c], [c, c]].map((inputs): OpCase => {
    const y = concat(inputs.map(({ value }) => value));
    const name = inputs.map(({ value }) => formatShape(value.shape)).join(" ");
    return { op: concatOp, name, inputs: [...new Set(inputs)], y, isBlocked: false, bound: exact };
  });
  const places = [
    [0, 19],
    [0, 1],
    [5, 9],
    [18, 1],
  ] as const;
  const taken = places.map(([start, length]): OpCase => {
    const name = `${length} of 19 from ${start}`;
    return { op: sliceOp, name, inputs: [b], y: slice(b.value, start, length), isBlocked: false, bound: exact };
  });
  const image = tensor("image", [2, 3, 4], "uniform");
  const reshaped = [[24], [4, 3, 2], [2, 3, 4]].map((shape): OpCase => {
    const y = reshape(image.value, shape);
    return { op: reshapeOp, name: formatShape(shape), inputs: [image], y, isBlocked: false, bound: exact };
  });
  return [...joined, ...taken, ...reshaped];
}

function casesAt(place: Place): OpCase[] {
  const { name, isBlocked } = place;
  const a = place.make("a", "uniform");
  const isWeights = name.startsWith("packed");
  const scalar = tensor("scalar", [], "positive");
  const pairs = PAIRS.flatMap(({ op, build, second, bound }) => {
    // Divisors are not 0: the scalar case below divides weights.
    if (isWeights && op === divideOp) return [];
    const b = place.make("b", second);
    return [{ op, name, inputs: [...a.inputs, ...b.inputs], y: build(a.value, b.value), isBlocked, bound }];
  });
  const scalars = PAIRS.filter(({ op }) => op !== reluGradientOp).flatMap(({ op, build, second, bound }) => {
    const b = place.make("b", second);
    const right = { inputs: [...a.inputs, scalar], y: build(a.value, scalar.value) };
    const left = { inputs: [...b.inputs, scalar], y: build(scalar.value, b.value) };
    return [
      { op, name: `scalar on the right, ${name}`, ...right, isBlocked, bound },
      ...(isWeights && op === divideOp ? [] : [{ op, name: `scalar on the left, ${name}`, ...left, isBlocked, bound }]),
    ];
  });
  const whole = place.make("a", "integers");
  const roots = place.make("a", "positive");
  const unary = { isBlocked, bound: exact };
  return [
    ...pairs,
    ...scalars,
    { ...unary, op: reluOp, name, inputs: a.inputs, y: relu(a.value) },
    { ...unary, op: reluOp, name: `zeros and ties, ${name}`, inputs: whole.inputs, y: relu(whole.value) },
    ...(isWeights ? [] : siluCases(place)),
    ...(isWeights
      ? []
      : [
          { op: expOp, name, inputs: a.inputs, y: exp(a.value), isBlocked, bound: ofResult(EXP_ROUNDINGS) },
          // Of numbers from 0.5 to 1.5: near 1 the result is small, its error is not.
          { op: logOp, name, inputs: roots.inputs, y: log(roots.value), isBlocked, bound: ofMagnitude(2, roots.value) },
        ]),
    ...(isWeights
      ? []
      : [{ op: sqrtOp, name, inputs: roots.inputs, y: sqrt(roots.value), isBlocked, bound: ofResult(1) }]),
  ];
}

/** ONNX Runtime's exponential is a polynomial of the reduced input. */
const EXP_ROUNDINGS = 4;

/** ONNX Runtime's logistic is a quotient of polynomials with an error of a few epsilons, followed by a product. */
const SILU_ROUNDINGS = 8;

/** SiLU and its derivative for inputs from -1 to 1. The slope s * (1 + x - y) is between 0.07 and 0.93 there. */
function siluCases(place: Place): OpCase[] {
  const { name, isBlocked } = place;
  const [x, y, dy] = (["x", "y", "dy"] as const).map((operand) => place.make(operand, "uniform")) as [
    ReturnType<Place["make"]>,
    ReturnType<Place["make"]>,
    ReturnType<Place["make"]>,
  ];
  const derivative = siluGradient(x.value, y.value, dy.value);
  // s < 1 and |1 + x - y| < 3, summed up from numbers below 1.
  const largest = multiply(dy.value, constant(3));
  return [
    { op: siluOp, name, inputs: x.inputs, y: silu(x.value), isBlocked, bound: ofResult(SILU_ROUNDINGS) },
    {
      op: siluGradientOp,
      name,
      inputs: [...x.inputs, ...y.inputs, ...dy.inputs],
      y: derivative,
      isBlocked,
      bound: ofMagnitude(SILU_ROUNDINGS, largest),
    },
  ];
}

/** Where the logistic is nearly 0 or 1: SiLU is 0 or x there, its slope 0 or 1. ONNX Runtime clamps the input at 18. */
function saturatedCases(block: number): OpCase[] {
  const edges = [0, -0, 1, -1, 17, -17, 40, -40, 80, -80, 1e4, -1e4];
  const data = Array.from({ length: block }, () => edges).flat();
  const x = literal("x", [1, block, 3, 4], data);
  const dy = tensor("dy", [1, block, 3, 4], "distinct");
  const bound: Bound = ({ expected, inputs }) =>
    expected.map((_, i) => 2 ** -20 * Math.max(1, Math.abs(data[i]!)) * Math.max(1, Math.abs(inputs[1]?.data[i] ?? 1)));
  return [false, true].flatMap((isBlocked) => {
    const value = isBlocked ? blockedCopy(x.value) : x.value;
    const name = `${isBlocked ? "blocked, " : ""}at zero and where it is flat`;
    const y = silu(value);
    return [
      { op: siluOp, name, inputs: [x], y, isBlocked, bound },
      { op: siluGradientOp, name, inputs: [x, dy], y: siluGradient(value, y, dy.value), isBlocked, bound },
    ];
  });
}

/** Operands of other shapes are repeated; blocked ones are converted first. */
function broadcastCases(block: number): OpCase[] {
  const x = tensor("x", [2, block, 3, 2], "uniform");
  const shapes = [[2], [3, 1], [block, 1, 1], [2, block, 1, 1], [1, 1, 1, 1], [5, 2, block, 3, 2]];
  return PAIRS.filter(({ op }) => op !== reluGradientOp).flatMap(({ op, build, second, bound }) =>
    shapes.flatMap((shape): OpCase[] => {
      const [other, divisor] = [tensor("other", shape, second), tensor("x", x.value.shape, second)];
      const name = `${formatShape(x.value.shape)} and ${formatShape(shape)}`;
      const plain = { op, isBlocked: false, bound };
      const left = { inputs: [x, other], y: build(x.value, other.value) };
      const blocked = { inputs: [x, other], y: build(blockedCopy(x.value), other.value) };
      const right = { inputs: [other, divisor], y: build(other.value, divisor.value) };
      return [
        { ...plain, ...left, name },
        { ...plain, ...blocked, name: `blocked ${name}` },
        { ...plain, ...right, name: `${name}, exchanged` },
      ];
    }),
  );
}

/** One operand blocked, the other canonical: it is converted on the way. */
function mixedCases(block: number): OpCase[] {
  const shape = [2, block, 3, 2];
  const x = tensor("x", shape, "uniform");
  return PAIRS.flatMap(({ op, build, second, bound }) => {
    const columns = tensor("columns", [2, block * 6], second);
    const other = tensor("other", shape, second);
    const right = { inputs: [x, columns], y: build(blockedCopy(x.value), unflatten(columns.value, shape)) };
    const left = { inputs: [columns, other], y: build(unflatten(columns.value, shape), blockedCopy(other.value)) };
    return [
      { op, name: "canonical on the right", ...right, isBlocked: true, bound },
      { op, name: "canonical on the left", ...left, isBlocked: true, bound },
    ];
  });
}

/**
 * ReLU's derivative at the limits of float32: it is a steep line clamped to 0 and 1, and must still be an exact step.
 */
function steepCases(block: number): OpCase[] {
  const edges = [0, -0, 2 ** -126, -(2 ** -126), 3.4e38, -3.4e38, 1e-30, -1e-30];
  const y = literal("y", [1, block, 2, 4], Array.from({ length: block }, () => edges).flat());
  const dy = tensor("dy", [1, block, 2, 4], "distinct");
  const common = {
    op: reluGradientOp,
    name: "at zero, the smallest and the largest numbers",
    inputs: [y, dy],
    bound: exact,
  };
  return [
    { ...common, y: reluGradient(y.value, dy.value), isBlocked: false },
    { ...common, name: `blocked, ${common.name}`, y: reluGradient(blockedCopy(y.value), dy.value), isBlocked: true },
  ];
}

/** Operations on bytes, which have no blocked lowering. */
function maskCases(): OpCase[] {
  const drops = [
    [1, 1],
    [3, 8],
    [97, 7],
    [2, 3, 5, 4],
  ].flatMap((shape) =>
    [0, 0.25, 0.3, 0.5, 0.9].map((rate): OpCase => {
      const [x, mask] = [tensor("x", shape, "uniform"), tensor("mask", shape, "mask")];
      const y = dropout(x.value, mask.value, { rate });
      const name = `rate ${rate}: ${formatShape(shape)}`;
      return { op: dropoutOp, name, inputs: [x, mask], y, isBlocked: false, bound: ofResult(2) };
    }),
  );
  const pixels = [
    [1, 1, 1, 1],
    [3, 1, 5, 7],
    [2, 3, 4, 6],
    [97, 1, 2, 2],
    [1, 17, 3, 3],
  ].flatMap((shape) =>
    (["bytes", "positive"] as const).map((filling): OpCase => {
      const x = tensor("x", shape, filling);
      const mean = Array.from({ length: shape[1]! }, (_, channel) => 0.286 + channel / 10);
      const standardDeviation = mean.map((_, channel) => 0.353 + channel / 7);
      const y = normalizePixels(x.value, { mean, standardDeviation });
      const added = normalizePixels(x.value, { mean: mean.map((m) => -m), standardDeviation });
      const name = `${filling}: ${formatShape(shape)}`;
      // Scale and shift are rounded, then the product and the sum.
      return { op: normalizePixelsOp, name, inputs: [x], y, isBlocked: false, bound: ofMagnitude(3, added) };
    }),
  );
  return [...drops, ...pixels];
}
