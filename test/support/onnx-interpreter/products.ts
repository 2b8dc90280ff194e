import { type Kernel, type Kernels, required } from "./kernel.ts";
import { elements, type Tensor, tensor, view } from "./tensor.ts";

/** The product of row-major matrices: a [rows, terms] and b [terms, columns]. */
function multiply(a: Float64Array, b: Float64Array, rows: number, terms: number, columns: number): Float64Array {
  const y = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let term = 0; term < terms; term++) {
      const factor = a[row * terms + term]!;
      for (let column = 0; column < columns; column++) {
        y[row * columns + column] = y[row * columns + column]! + factor * b[term * columns + column]!;
      }
    }
  return y;
}

/** A matrix, or its transpose. */
function turned({ shape, data }: Tensor, isTransposed: number): Tensor {
  const [rows, columns] = [shape[0]!, shape[1]!];
  return isTransposed ? view(data, [columns, rows], [1, columns]) : { shape, data };
}

/** alpha A B + beta C, where C broadcasts over the result. */
const gemm: Kernel = (context) => {
  const { attributes, inputs } = context;
  const [alpha, beta] = [attributes.real("alpha", 1), attributes.real("beta", 1)];
  const a = turned(required(context, 0), attributes.integer("transA", 0));
  const b = turned(required(context, 1), attributes.integer("transB", 0));
  const [rows, terms, columns] = [a.shape[0]!, a.shape[1]!, b.shape[1]!];
  if (b.shape[0] !== terms) throw new Error(`Gemm of [${a.shape}] and [${b.shape}]`);
  const product = multiply(a.data, b.data, rows, terms, columns).map((element) => alpha * element);
  const c = inputs[2];
  if (!c) return tensor([rows, columns], product);
  const [down, across] = [1, 1, ...c.shape].slice(-2) as [number, number];
  const added = view(c.data, [rows, columns], [down === 1 ? 0 : across, across === 1 ? 0 : 1]);
  return tensor(
    [rows, columns],
    product.map((element, i) => element + beta * added.data[i]!),
  );
};

/** Matrices in the last two axes; the axes before them are equal, or one of both has none. */
const matmul: Kernel = (context) => {
  const [a, b] = [required(context, 0), required(context, 1)];
  const [rows, terms] = [a.shape.at(-2)!, a.shape.at(-1)!];
  const columns = b.shape.at(-1)!;
  const outers = [a, b].map(({ shape }) => shape.slice(0, -2)).filter(({ length }) => length > 0);
  const outer = outers[0] ?? [];
  if (b.shape.at(-2) !== terms || !outers.every((shape) => String(shape) === String(outer))) {
    throw new Error(`MatMul of [${a.shape}] and [${b.shape}]`);
  }
  const matrix = ({ data, shape }: Tensor, i: number, size: number) =>
    shape.length === 2 ? data : data.subarray(i * size, (i + 1) * size);
  const y = tensor([...outer, rows, columns], new Float64Array(elements(outer) * rows * columns));
  for (let i = 0; i < elements(outer); i++) {
    const [left, right] = [matrix(a, i, rows * terms), matrix(b, i, terms * columns)];
    y.data.set(multiply(left, right, rows, terms, columns), i * rows * columns);
  }
  return y;
};

export const PRODUCTS: Kernels = { Gemm: gemm, MatMul: matmul };
