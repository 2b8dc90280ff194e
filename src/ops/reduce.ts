import { type Shape, ShapeError, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";

type SumAttributes = { readonly scale: number };

/**
 * `scale` times the sum of all elements, a scalar. The derivative is scale * dy for each element.
 *
 * Rows are summed first, each by one thread, then the sums of the rows: the order does not depend on the number of
 * threads.
 */
export const sumOp: Op<SumAttributes> = {
  name: "sum",
  infer: ([x]) => {
    if (x!.dtype !== "float32") throw new ShapeError("sum", `x must be float32, got ${x!.dtype}`);
    return { shape: [] };
  },
  gradient: ({ inputs: [x], attributes: { scale } }, dy) => [spread(dy, x!.shape, scale)],
  lower: {
    standard(writer, [x], { inputs, attributes: { scale } }) {
      const { shape } = inputs[0]!;
      const rows = shape[0] ?? 1;
      const rowSums = writer.reduceSum(writer.reshape(x!, [rows, sizeOf(shape) / rows]), [1]);
      const total = writer.reduceSum(writer.reshape(rowSums, [rows]), [0]);
      return scale === 1 ? total : writer.node("Mul", [total, writer.scalar(scale)]);
    },
  },
  reference: ([x], { attributes: { scale } }) =>
    Float64Array.of(scale * x!.data.reduce((sofar, value) => sofar + value, 0)),
};

/** The sum of all elements, a scalar. */
export function sum(x: Value): Value {
  return apply(sumOp, [x], { scale: 1 });
}

/** The mean of all elements, a scalar. */
export function mean(x: Value): Value {
  return apply(sumOp, [x], { scale: 1 / sizeOf(x.shape) });
}

type SpreadAttributes = { readonly shape: Shape; readonly scale: number };

/** `scale` times a scalar in every element of `shape`: the derivative of `sum`. Its own derivative is scale * sum(dy). */
export const spreadOp: Op<SpreadAttributes> = {
  name: "spread",
  infer([x], { shape }) {
    if (x!.shape.length !== 0) throw new ShapeError("spread", `x must be a scalar, got ${x!.shape.length} axes`);
    return { shape };
  },
  gradient: ({ attributes: { scale } }, dy) => [apply(sumOp, [dy], { scale })],
  lower: {
    standard(writer, [x], { attributes: { shape, scale } }) {
      const scaled = scale === 1 ? x! : writer.node("Mul", [x, writer.scalar(scale)]);
      return writer.node("Expand", [scaled, writer.integers(shape)]);
    },
  },
  reference: ([x], { attributes: { shape, scale } }) => new Float64Array(sizeOf(shape)).fill(scale * x!.data[0]!),
};

/** @param x a scalar @returns `scale` times it in every element of `shape` */
export function spread(x: Value, shape: Shape, scale: number): Value {
  return apply(spreadOp, [x], { shape, scale });
}
