import { CANONICAL } from "../graph/layout.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import type { KnownLayout, LayoutPlan, ReferenceTensor, Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";

/** What the matrix products share. */
export type MatrixAttributes = { readonly transposeA: boolean; readonly transposeB: boolean };

/** Up to this many terms MLAS sums a dot product in one block, whatever the number of threads. */
const ONE_BLOCK_TERMS = 128;

/**
 * Writes A B (+ bias of the column) as Gemm.
 *
 * Same bits with any number of threads: MLAS gives the threads parts of the columns when there are more columns than
 * rows, and a narrow part sums longer dot products in other blocks. Then the transposed product is computed instead
 * (threads share its rows, which never changes the blocks) and turned back; the reshape in between keeps ONNX Runtime
 * from undoing that ("GemmTransposeFusion"). Vectors go through MLAS another way: a row is safe as it is, and a column
 * once it lies as a row.
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
  const flags = (first: boolean, second: boolean) => ({ transA: Number(first), transB: Number(second) });
  if (writer.dynamicBatch || rows === 1 || columns <= rows || terms <= ONE_BLOCK_TERMS) {
    const isColumn = columns === 1 && !transposeB;
    const right = isColumn ? writer.reshape(b, [1, terms]) : b;
    return writer.node("Gemm", bias ? [a, right, bias] : [a, right], flags(transposeA, transposeB || isColumn));
  }
  const columnBias = bias && writer.reshape(bias, [columns, 1]);
  const turned = writer.node("Gemm", columnBias ? [b, a, columnBias] : [b, a], flags(!transposeB, !transposeA));
  return writer.reshape(writer.transpose(writer.reshape(turned, [columns, rows, 1]), [1, 0, 2]), [rows, columns]);
}

/**
 * Columns in blocked order (from `flatten`): summed over when both operands have them and neither end is turned, kept
 * when only b has them and they become the result's columns (a bias of the column would meet them in the wrong order).
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

/** Multiply-adds of a product: each of its elements sums over the shared axis. */
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
