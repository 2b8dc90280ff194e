import { formatShape, requireAxes, type Shape, ShapeError } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { type MatrixAttributes, matrixMultiplyAdds, planMatrices, referenceMatmul, writeGemm } from "./matrices.ts";

/**
 * y = A B with A = a or a transposed, B = b or b transposed; all matrices. For y = a b the derivatives are dy bᵀ and
 * aᵀ dy; transposed operands give the same products with the transpositions moved.
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
    blocked: { plan: planMatrices, emit: (writer, [a, b], value) => writeGemm(writer, a!, b!, undefined, value) },
  },
  multiplyAdds: matrixMultiplyAdds,
  reference: ([a, b], { shape, attributes }) => referenceMatmul(a!, b!, shape, attributes),
};

/** @param a [M, K] or, transposed, [K, M] @param b [K, N] or, transposed, [N, K] @returns [M, N] */
export function matmul(a: Value, b: Value, attributes: MatrixAttributes): Value {
  return apply(matmulOp, [a, b], attributes);
}

/** @throws ShapeError unless both are matrices that share the axis which is summed over */
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
