import { CANONICAL } from "../graph/layout.ts";
import {
  formatShape,
  requireAxes,
  requireSameShape,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
} from "../graph/shape.ts";
import { apply, type KnownLayout, type LayoutPlan, type Op, type ReferenceTensor, type Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import { transpose } from "./reshape.ts";

/**
 * y = A B with A = a or aᵀ, B = b or bᵀ; all matrices. For y = a b the derivatives are dy bᵀ and aᵀ dy; transposed
 * operands give the same products with the transpositions moved.
 */
export const matmulOp: Op<MatrixAttributes> = {
  name: "matmul",
  infer: ([a, b], attributes) => ({ shape: inferMatmul("matmul", a!.shape, b!.shape, attributes) }),
  gradient({ inputs: [a, b], attributes: { transposeA, transposeB } }, dy) {
    const da = transposeA
      ? matmul(b!, dy, { transposeA: transposeB, transposeB: true })
      : matmul(dy, b!, { transposeA: false, transposeB: !transposeB });
    const db = transposeB
      ? matmul(dy, a!, { transposeA: true, transposeB: transposeA })
      : matmul(a!, dy, { transposeA: !transposeA, transposeB: false });
    return [da, db];
  },
  lower: {
    standard: (writer, [a, b], value) => writeGemm(writer, a!, b!, undefined, value),
    gpu: writePlainGemm,
    blocked: { plan: planMatrices, emit: (writer, [a, b], value) => writeGemm(writer, a!, b!, undefined, value) },
  },
  multiplyAdds: matrixMultiplyAdds,
  reference: ([a, b], { shape, attributes }) => referenceMatmul(a!, b!, shape, attributes),
};

/** @param a [M, K] or, transposed, [K, M] @param b [K, N] or, transposed, [N, K] @returns [M, N] */
export function matmul(a: Value, b: Value, attributes: MatrixAttributes): Value {
  return apply(matmulOp, [a, b], attributes);
}

/** @throws ShapeError unless both are matrices whose inner dimensions agree */
export function inferMatmul(op: string, a: Shape, b: Shape, { transposeA, transposeB }: MatrixAttributes): Shape {
  requireAxes(op, "a", a, ["rows", "columns"]);
  requireAxes(op, "b", b, ["rows", "columns"]);
  const [rows, inner] = transposeA ? [a[1]!, a[0]!] : [a[0]!, a[1]!];
  const [innerB, columns] = transposeB ? [b[1]!, b[0]!] : [b[0]!, b[1]!];
  if (inner !== innerB) {
    const form = `${transposeA ? "aᵀ" : "a"} ${transposeB ? "bᵀ" : "b"}`;
    throw new ShapeError(
      op,
      `${form} of a ${formatShape(a)} and b ${formatShape(b)} sums over ${inner} and ${innerB}; they must be equal`,
    );
  }
  return [rows, columns];
}

/** y = A B + bias per column, in one pass: created by fusion, after differentiation. As `matmul`, with bias [N]. */
export const fusedMatmulOp: Op<MatrixAttributes> = {
  name: "fusedMatmul",
  infer([a, b, bias], attributes) {
    const shape = inferMatmul("fusedMatmul", a!.shape, b!.shape, attributes);
    requireSameShape("fusedMatmul", "bias and the result's columns", bias!.shape, shape.slice(1));
    return { shape };
  },
  lower: {
    standard: (writer, [a, b, bias], value) => writeGemm(writer, a!, b!, bias, value),
    gpu: writePlainGemm,
    blocked: { plan: planMatrices, emit: (writer, [a, b, bias], value) => writeGemm(writer, a!, b!, bias, value) },
  },
  multiplyAdds: matrixMultiplyAdds,
  reference: ([a, b, bias], { shape, attributes }) =>
    referenceMatmul(a!, b!, shape, attributes).map((element, i) => element + bias!.data[i % shape[1]!]!),
};

export function fusedMatmul(a: Value, b: Value, bias: Value, attributes: MatrixAttributes): Value {
  return apply(fusedMatmulOp, [a, b, bias], attributes);
}

type MatmulAddAttributes = MatrixAttributes & {
  /** Factor of the product. */
  readonly alpha: number;
  /** Factor of c. */
  readonly beta: number;
};

/** y = alpha * A B + beta * c in one pass: created by fusion for GPUs. As `matmul`, with c [M, N]. */
export const matmulAddOp: Op<MatmulAddAttributes> = {
  name: "matmulAdd",
  infer([a, b, c], attributes) {
    const shape = inferMatmul("matmulAdd", a!.shape, b!.shape, attributes);
    requireSameShape("matmulAdd", "c and the product", c!.shape, shape);
    return { shape };
  },
  lower: {
    standard: (writer, inputs, { attributes: { transposeA, transposeB, alpha, beta } }) =>
      writer.node("Gemm", inputs, {
        transA: Number(transposeA),
        transB: Number(transposeB),
        alpha: { float: alpha },
        beta: { float: beta },
      }),
  },
  multiplyAdds: matrixMultiplyAdds,
  reference: ([a, b, c], { shape, attributes }) =>
    referenceMatmul(a!, b!, shape, attributes).map(
      (element, i) => attributes.alpha * element + attributes.beta * c!.data[i]!,
    ),
};

export function matmulAdd(a: Value, b: Value, c: Value, attributes: MatmulAddAttributes): Value {
  return apply(matmulAddOp, [a, b, c], attributes);
}

/** Attributes of the matrix products. */
export type MatrixAttributes = { readonly transposeA: boolean; readonly transposeB: boolean };

/** MLAS sums dot products of up to this many terms in one block, whatever the number of threads. */
const ONE_BLOCK_TERMS = 128;
/** Number of threads up to which a product is bitwise the same. */
const MAX_THREADS = 32;
/** MLAS uses a thread for this many multiply-adds (`MLAS_SGEMM_THREAD_COMPLEXITY`). */
const MULTIPLY_ADDS_PER_THREAD = 64 * 1024;

/**
 * Writes A B (+ bias per column) as Gemm.
 *
 * Bitwise the same with any number of threads up to 32: MLAS splits the columns among the threads when there are more
 * columns than rows, and a narrow part sums longer dot products in different blocks. In that case the transposed product
 * is computed (threads split its rows, which never changes the blocks) and transposed back; the reshape in between keeps
 * ONNX Runtime from undoing that ("GemmTransposeFusion"). MLAS treats vectors differently: a row is safe as it is, a
 * column once it is reshaped to a row, and for a thread's single row of a larger product see `writeRowsGemm`.
 */
export function writeGemm(
  writer: GraphWriter,
  a: string,
  b: string,
  bias: string | undefined,
  { shape, inputs, attributes: { transposeA, transposeB } }: Value<MatrixAttributes>,
): string {
  const [rows, columns] = [shape[0]!, shape[1]!];
  const terms = inputs[0]!.shape[transposeA ? 0 : 1]!;
  if (writer.dynamicBatch || rows === 1 || columns <= rows || terms <= ONE_BLOCK_TERMS) {
    const isColumn = columns === 1 && !transposeB;
    const right = isColumn ? writer.reshape(b, [1, terms]) : b;
    const sizes = { rows, columns, terms, transposeA, transposeB: transposeB || isColumn };
    return writeRowsGemm(writer, { a, b: right, bias }, sizes);
  }
  const columnBias = bias && writer.reshape(bias, [columns, 1]);
  const sizes = { rows: columns, columns: rows, terms, transposeA: !transposeB, transposeB: !transposeA };
  const turned = writeRowsGemm(writer, { a: b, b: a, bias: columnBias }, sizes);
  return writer.reshape(writer.transpose(writer.reshape(turned, [columns, rows, 1]), [1, 0, 2]), [rows, columns]);
}

/**
 * Writes A B (+ bias) as Gemm, for products whose rows MLAS divides among the threads: those with at least as many rows
 * as columns.
 *
 * A thread that is left a single row of an untransposed A would take MLAS's product of a vector and a matrix
 * (`MlasSgemmOperation`), which sums in another order; this is possible with fewer rows than twice the threads. MLAS
 * does so only when it adds nothing or 1 times what the result holds: 2 times zero, or half the bias, which is exact,
 * gives the same numbers.
 */
export function writeRowsGemm(
  writer: GraphWriter,
  { a, b, bias }: { readonly a: string; readonly b: string; readonly bias?: string | undefined },
  {
    rows,
    columns,
    terms,
    transposeA,
    transposeB,
  }: MatrixAttributes & { readonly rows: number; readonly columns: number; readonly terms: number },
): string {
  const flags = { transA: Number(transposeA), transB: Number(transposeB) };
  const canLeaveOneRow =
    !transposeA && rows > 1 && rows < 2 * MAX_THREADS && rows * columns * terms >= MULTIPLY_ADDS_PER_THREAD;
  if (writer.dynamicBatch || !canLeaveOneRow) return writer.node("Gemm", bias ? [a, b, bias] : [a, b], flags);
  const half = bias ? writer.node("Mul", [bias, writer.scalar(0.5)]) : writer.scalar(0);
  return writer.node("Gemm", [a, b, half], { ...flags, beta: { float: 2 } });
}

/** The product as it stands: on a GPU nothing depends on a number of threads. */
function writePlainGemm(
  writer: GraphWriter,
  inputs: readonly string[],
  { attributes: { transposeA, transposeB } }: Value<MatrixAttributes>,
): string {
  return writer.node("Gemm", inputs, { transA: Number(transposeA), transB: Number(transposeB) });
}

/**
 * Columns in blocked order (from `flatten`): summed over when both operands have them and neither is transposed, kept
 * when only b has them and they become the result's columns (a bias per column would be added in the wrong order).
 */
export function planMatrices(
  { inputs, attributes: { transposeA, transposeB } }: Value<MatrixAttributes>,
  [knownA, knownB]: readonly KnownLayout[],
): LayoutPlan | undefined {
  const rest = inputs.slice(2).map(() => CANONICAL);
  const isColumns = (known: KnownLayout) => known !== undefined && known.name !== CANONICAL.name;
  if (transposeB && !transposeA) {
    const layout = isColumns(knownA) ? knownA : knownB;
    return isColumns(layout) ? { inputs: [layout!, layout!, ...rest], output: CANONICAL } : undefined;
  }
  if (!transposeB && isColumns(knownB) && rest.length === 0) return { inputs: [CANONICAL, knownB!], output: knownB! };
  return undefined;
}

/** Multiply-adds of a product: each of its elements sums over the inner dimension. */
export function matrixMultiplyAdds({ inputs, shape, attributes: { transposeA } }: Value<MatrixAttributes>): number {
  return sizeOf(shape) * inputs[0]!.shape[transposeA ? 0 : 1]!;
}

export function referenceMatmul(
  a: ReferenceTensor,
  b: ReferenceTensor,
  shape: Shape,
  { transposeA, transposeB }: MatrixAttributes,
): Float64Array {
  const [rows, columns] = [shape[0]!, shape[1]!];
  const terms = a.shape[transposeA ? 0 : 1]!;
  const y = new Float64Array(rows * columns);
  for (let m = 0; m < rows; m++)
    for (let n = 0; n < columns; n++) {
      let sum = 0;
      for (let k = 0; k < terms; k++) {
        const left = a.data[transposeA ? k * rows + m : m * terms + k]!;
        const right = b.data[transposeB ? n * terms + k : k * columns + n]!;
        sum += left * right;
      }
      y[m * columns + n] = sum;
    }
  return y;
}

/**
 * y = a b of the matrices in the last two axes, for each place of the axes before, which are equal. The derivatives are
 * dy bᵀ and aᵀ dy.
 */
export const batchedMatmulOp: Op<Record<string, never>> = {
  name: "batchedMatmul",
  infer([a, b]) {
    const [left, right] = [a!.shape, b!.shape];
    const outer = left.slice(0, -2);
    if (left.length < 3 || !sameShape(outer, right.slice(0, -2)) || left.at(-1) !== right.at(-2)) {
      throw new ShapeError(
        "batchedMatmul",
        `a must be [..., rows, terms] and b [..., terms, columns] with equal axes in front, got ${formatShape(left)} and ${formatShape(right)}`,
      );
    }
    return { shape: [...outer, left.at(-2)!, right.at(-1)!] };
  },
  gradient: ({ inputs: [a, b] }, dy) => [
    batchedMatmul(dy, transposeMatrices(b!)),
    batchedMatmul(transposeMatrices(a!), dy),
  ],
  lower: { standard: (writer, inputs) => writer.node("MatMul", inputs) },
  multiplyAdds: ({ inputs: [a], shape }) => sizeOf(shape) * a!.shape.at(-1)!,
  reference([a, b], { shape }) {
    const [rows, terms, columns] = [a!.shape.at(-2)!, a!.shape.at(-1)!, b!.shape.at(-1)!];
    const y = new Float64Array(sizeOf(shape));
    for (let place = 0; place < y.length / (rows * columns); place++) {
      const left = { shape: [rows, terms], data: a!.data.subarray(place * rows * terms, (place + 1) * rows * terms) };
      const right = {
        shape: [terms, columns],
        data: b!.data.subarray(place * terms * columns, (place + 1) * terms * columns),
      };
      y.set(
        referenceMatmul(left, right, [rows, columns], { transposeA: false, transposeB: false }),
        place * rows * columns,
      );
    }
    return y;
  },
};

/** Products of matrices. @param a [..., M, K] @param b [..., K, N], equal axes in front @returns [..., M, N] */
export function batchedMatmul(a: Value, b: Value): Value {
  return apply(batchedMatmulOp, [a, b], {});
}

/** Exchanges the last two axes. */
export function transposeMatrices(x: Value): Value {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
}

/** y = sqrt(sum of squares of all elements), a scalar. */
export const frobeniusNormOp: Op<Record<string, never>> = {
  name: "frobeniusNorm",
  infer: () => ({ shape: [] }),
  lower: { standard: (writer, [x]) => writer.node("ReduceL2", [x], { keepdims: 0 }) },
  reference: ([x]) => Float64Array.of(Math.sqrt(x!.data.reduce((sum, element) => sum + element * element, 0))),
};

export function frobeniusNorm(x: Value): Value {
  return apply(frobeniusNormOp, [x], {});
}
