import { requireSameShape } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { inferMatmul } from "./matmul.ts";
import { type MatrixAttributes, matrixMultiplyAdds, planMatrices, referenceMatmul, writeGemm } from "./matrices.ts";

/** y = A B + bias of the column, in one pass: made by fusion, after gradients are taken. As `matmul`, with bias [N]. */
export const fusedMatmulOp: Op<MatrixAttributes> = {
  name: "fusedMatmul",
  infer([a, b, bias], attributes) {
    const shape = inferMatmul("fusedMatmul", a!.shape, b!.shape, attributes);
    requireSameShape("fusedMatmul", "bias and the result's columns", bias!.shape, shape.slice(1));
    return { shape };
  },
  lower: {
    standard: (writer, [a, b, bias], value) => writeGemm(writer, a!, b!, bias, value),
    blocked: { plan: planMatrices, emit: (writer, [a, b, bias], value) => writeGemm(writer, a!, b!, bias, value) },
  },
  multiplyAdds: matrixMultiplyAdds,
  reference: ([a, b, bias], { shape, attributes }) =>
    referenceMatmul(a!, b!, shape, attributes).map((element, i) => element + bias!.data[i % shape[1]!]!),
};

export function fusedMatmul(a: Value, b: Value, bias: Value, attributes: MatrixAttributes): Value {
  return apply(fusedMatmulOp, [a, b, bias], attributes);
}
