import { formatShape, sizeOf } from "../../../src/graph/shape.ts";
import type { Value } from "../../../src/graph/value.ts";
import type { MatrixAttributes } from "../../../src/ops/matmul.ts";
import {
  batchedMatmul,
  batchedMatmulOp,
  frobeniusNorm,
  frobeniusNormOp,
  fusedMatmul,
  fusedMatmulOp,
  matmul,
  matmulAdd,
  matmulAddOp,
  matmulOp,
} from "../../../src/ops/matmul.ts";
import { flatten } from "../../../src/ops/reshape.ts";
import { blockedCopy, channelSizes, exact, type OpCase, ofMagnitude, ofResult } from "../../support/op-case.ts";
import { type Filling, type TestTensor, tensor } from "../../support/tensors.ts";

/** Products at the thresholds of `writeGemm`: more columns than rows, more than 128 terms. */
const SIZES: readonly (readonly [edge: string, rows: number, columns: number, terms: number])[] = [
  ["one of each", 1, 1, 1],
  ["one row", 1, 10, 7],
  ["one column", 7, 1, 13],
  ["one term", 5, 3, 1],
  ["primes", 7, 13, 11],
  ["batch of 97", 97, 10, 16],
  ["columns equal rows, many terms", 17, 17, 129],
  ["columns one more than rows, 128 terms", 16, 17, 128],
  ["columns one more than rows, 129 terms", 16, 17, 129],
  ["columns many more than rows, many terms", 3, 65, 300],
  ["one row, many terms", 1, 33, 257],
  ["few rows for many threads", 9, 8, 1000],
];

const TRANSPOSITIONS: readonly MatrixAttributes[] = [
  { transposeA: false, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
];

export function matrixCases(block: number): OpCase[] {
  const canonical = SIZES.flatMap(([edge, rows, columns, terms]) =>
    TRANSPOSITIONS.flatMap((transpositions) =>
      (["integers", "uniform"] as const).flatMap((filling) => {
        const { transposeA, transposeB } = transpositions;
        const a = tensor("a", transposeA ? [terms, rows] : [rows, terms], filling);
        const b = tensor("b", transposeB ? [columns, terms] : [terms, columns], filling);
        const name = `${edge}, ${filling}: ${rows}x${terms} times ${terms}x${columns}`;
        return products(name, a, b, a.value, b.value, transpositions, terms, filling, () => false);
      }),
    ),
  );
  const channels = channelSizes(block).flatMap(([edge, size]) => columnCases(`channels ${edge}`, 3, size, block));
  const batches = [1, 3, block + 1, 97].flatMap((batch) => columnCases(`batch ${batch}`, batch, block, block));
  return [...canonical, ...channels, ...batches, ...norms(), ...sums(), ...batched()];
}

function batched(): OpCase[] {
  const sizes = [
    [[1], 1, 1, 1],
    [[2, 3], 4, 5, 2],
    [[5], 1, 7, 3],
    [[2], 17, 129, 16],
  ] as const;
  return sizes.flatMap(([outer, rows, terms, columns]) =>
    (["integers", "uniform"] as const).map((filling): OpCase => {
      const [a, b] = [tensor("a", [...outer, rows, terms], filling), tensor("b", [...outer, terms, columns], filling)];
      const y = batchedMatmul(a.value, b.value);
      const name = `${formatShape(outer)} products, ${filling}: ${rows}x${terms} times ${terms}x${columns}`;
      const bound = filling === "integers" ? exact : ofMagnitude(terms, y);
      return { op: batchedMatmulOp, name, inputs: [a, b], y, isBlocked: false, bound };
    }),
  );
}

/** Products with a matrix added; the factors are exact in float32. */
function sums(): OpCase[] {
  const [rows, columns, terms] = [5, 3, 7];
  return TRANSPOSITIONS.flatMap(({ transposeA, transposeB }) =>
    [
      [1, 1],
      [2, -0.5],
    ].map(([alpha, beta]): OpCase => {
      const a = tensor("a", transposeA ? [terms, rows] : [rows, terms], "integers");
      const b = tensor("b", transposeB ? [columns, terms] : [terms, columns], "integers");
      const c = tensor("c", [rows, columns], "integers");
      const attributes = { transposeA, transposeB, alpha: alpha!, beta: beta! };
      const y = matmulAdd(a.value, b.value, c.value, attributes);
      const name = JSON.stringify(attributes);
      return { op: matmulAddOp, name, inputs: [a, b, c], y, isBlocked: false, bound: exact };
    }),
  );
}

function norms(): OpCase[] {
  const shapes = [
    [1, 1],
    [1, 7],
    [5, 3],
    [97, 301],
    [6, 3, 2, 2],
  ];
  return shapes.map((shape): OpCase => {
    const x = tensor("x", shape, "uniform");
    // Squares, their sum and the root; the root halves the relative error of the sum.
    const bound = ofResult(sizeOf(shape) / 2 + 2);
    return {
      op: frobeniusNormOp,
      name: formatShape(shape),
      inputs: [x],
      y: frobeniusNorm(x.value),
      isBlocked: false,
      bound,
    };
  });
}

/** Operands whose columns are flattened images, on either side: blocked where the channels fit. */
function columnCases(edge: string, batch: number, channels: number, block: number): OpCase[] {
  const [positions, rows] = [6, 10] as const;
  const images = tensor("images", [batch, channels, 2, 3], "integers");
  const flat = flatten(blockedCopy(images.value));
  const weight = tensor("weight", [rows, channels * positions], "integers");
  const left = tensor("left", [rows, batch], "integers");
  const turnedLeft = tensor("left", [batch, rows], "integers");
  const tall = tensor("tall", [channels * positions, rows], "integers");
  const isBlocked = channels % block === 0;
  const always: (isFused: boolean) => boolean = () => isBlocked;
  // A bias goes with columns in their canonical order, so the fused product must not keep them in blocked order.
  const onlyBare = (isFused: boolean) => isBlocked && !isFused;
  const name = `${edge}: images [${batch}, ${channels}, 2, 3]`;
  const [plain, turnB] = [
    { transposeA: false, transposeB: false },
    { transposeA: false, transposeB: true },
  ];
  const [turnA, turnBoth] = [
    { transposeA: true, transposeB: false },
    { transposeA: true, transposeB: true },
  ];
  const make = (form: string, a: TestTensor, b: TestTensor, x: Value, y: Value, t: MatrixAttributes, is = always) =>
    products(`${form}, ${name}`, a, b, x, y, t, channels * positions, "integers", is);
  return [
    ...make("columns summed over, in a", images, weight, flat, weight.value, turnB),
    ...make("columns summed over, in b", weight, images, weight.value, flat, turnB),
    ...make("columns kept", left, images, left.value, flat, plain, onlyBare),
    ...make("columns kept, a turned", turnedLeft, images, turnedLeft.value, flat, turnA, onlyBare),
    ...make("columns summed over, b not turned", images, tall, flat, tall.value, plain, () => false),
    ...make("columns become rows", images, turnedLeft, flat, turnedLeft.value, turnA, () => false),
    ...make("columns become rows, both turned", images, left, flat, left.value, turnBoth, () => false),
  ];
}

/** The product, and the product with a bias per column. */
function products(
  name: string,
  a: TestTensor,
  b: TestTensor,
  left: Value,
  right: Value,
  transpositions: MatrixAttributes,
  terms: number,
  filling: Filling,
  isBlocked: (isFused: boolean) => boolean,
): OpCase[] {
  const y = matmul(left, right, transpositions);
  const bias = tensor("bias", [y.shape[1]!], filling);
  const fused = fusedMatmul(left, right, bias.value, transpositions);
  const bound = (roundings: number, magnitude: Value) =>
    filling === "integers" ? exact : ofMagnitude(roundings, magnitude);
  const { transposeA, transposeB } = transpositions;
  const full = `${transposeA ? "aT" : "a"} ${transposeB ? "bT" : "b"}, ${name}`;
  return [
    { op: matmulOp, name: full, inputs: [a, b], y, isBlocked: isBlocked(false), bound: bound(terms, y) },
    {
      op: fusedMatmulOp,
      name: full,
      inputs: [a, b, bias],
      y: fused,
      isBlocked: isBlocked(true),
      bound: bound(terms + 1, fused),
    },
  ];
}
