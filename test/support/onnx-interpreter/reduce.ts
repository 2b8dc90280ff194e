import { type Kernel, type KernelContext, type Kernels, required } from "./kernel.ts";
import { elements, fromFront, strides, tensor, view } from "./tensor.ts";

/** Folds x over `axes`, which go or (keepdims) stay with size 1. The folded elements lie side by side. */
function fold(
  context: KernelContext,
  axes: readonly number[],
  keepdims: number,
  combine: (elements: Float64Array) => number,
) {
  const { shape, data } = required(context, 0);
  const folded = new Set(axes.map((axis) => fromFront(axis, shape.length)));
  const kept = [...shape.keys()].filter((axis) => !folded.has(axis));
  const order = [...kept, ...folded];
  const steps = strides(shape);
  const rows = view(
    data,
    order.map((axis) => shape[axis]!),
    order.map((axis) => steps[axis]!),
  );
  const length = elements([...folded].map((axis) => shape[axis]!));
  const results = Float64Array.from({ length: data.length / length }, (_, row) =>
    combine(rows.data.subarray(row * length, (row + 1) * length)),
  );
  const result = keepdims ? shape.map((size, axis) => (folded.has(axis) ? 1 : size)) : kept.map((axis) => shape[axis]!);
  return tensor(result, results);
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

/** A map of each row along the last axis: softmax is only ever asked of matrices. */
function alongRows(change: (row: Float64Array) => Float64Array): Kernel {
  return (context) => {
    const { shape, data } = required(context, 0);
    const axis = fromFront(context.attributes.integer("axis", -1), shape.length);
    if (axis !== shape.length - 1) throw new Error("softmax along any but the last axis is not interpreted");
    const columns = shape[axis]!;
    const y = tensor(shape, new Float64Array(data.length));
    for (let from = 0; from < data.length; from += columns)
      y.data.set(change(data.subarray(from, from + columns)), from);
    return y;
  };
}

function logSoftmax(row: Float64Array): Float64Array {
  const largest = Math.max(...row);
  const logTotal = Math.log(sum(row.map((score) => Math.exp(score - largest))));
  return row.map((score) => score - largest - logTotal);
}

export const REDUCE: Kernels = {
  ReduceSum: (context) => fold(context, [...required(context, 1).data], context.attributes.integer("keepdims", 1), sum),
  ReduceL2: (context) =>
    fold(context, [...required(context, 0).shape.keys()], context.attributes.integer("keepdims", 1), (values) =>
      Math.sqrt(sum(values.map((value) => value * value))),
    ),
  ArgMax: (context) =>
    fold(
      context,
      [context.attributes.integer("axis", 0)],
      context.attributes.integer("keepdims", 1),
      (values) => values.indexOf(Math.max(...values)), // the first of equal ones
    ),
  Softmax: alongRows((row) => logSoftmax(row).map(Math.exp)),
  LogSoftmax: alongRows(logSoftmax),
};
