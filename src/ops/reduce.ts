import {
  broadcastIndex,
  broadcastShape,
  formatShape,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
} from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { reshape } from "./reshape.ts";

type SumAttributes = { readonly scale: number };

/** Every element that is summed has the derivative scale * dy. */
function sumGradient({ inputs: [x], attributes: { scale } }: Value<SumAttributes>, dy: Value): [Value] {
  return [repeat(dy, x!.shape, scale)];
}

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
  gradient: sumGradient,
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

/**
 * The sum of all elements, a scalar; with `axes` the sum over those only, which stay with size 1, so that the result
 * broadcasts against x (`reshape` removes them).
 *
 * @param axes counted from 0, or from the last one: -1
 * @throws ShapeError when an axis does not exist or is named twice
 */
export function sum(x: Value, axes?: readonly number[]): Value {
  return axes === undefined ? apply(sumOp, [x], { scale: 1 }) : sumAxes(x, axes, () => 1);
}

/** The mean of all elements, or over some axes. As `sum`. */
export function mean(x: Value, axes?: readonly number[]): Value {
  if (axes === undefined) return apply(sumOp, [x], { scale: 1 / sizeOf(x.shape) });
  return sumAxes(x, axes, (sorted) => 1 / sizeOf(sorted.map((axis) => x.shape[axis]!)));
}

function sumAxes(x: Value, axes: readonly number[], scaleOf: (axes: readonly number[]) => number): Value {
  const sorted = axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)).sort((a, b) => a - b);
  const isGood = sorted.every(
    (axis, i) => Number.isInteger(axis) && axis >= 0 && axis < x.shape.length && axis !== sorted[i - 1],
  );
  if (!isGood)
    throw new ShapeError("sum", `axes must be different axes of ${formatShape(x.shape)}, got ${axes.join(", ")}`);
  return apply(sumAxesOp, [x], { axes: sorted, scale: scaleOf(sorted) });
}

type SumAxesAttributes = { readonly axes: readonly number[]; readonly scale: number };

/**
 * `scale` times the sum over `axes` (ascending), which stay with size 1. The derivative is scale * dy, repeated.
 *
 * Neighbouring axes are summed together, the last ones first: ONNX Runtime then has one thread add up each result, and
 * the order does not depend on the number of threads.
 */
export const sumAxesOp: Op<SumAxesAttributes> = {
  name: "sumAxes",
  infer: ([x], { axes }) => ({ shape: x!.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)) }),
  gradient: sumGradient,
  lower: {
    standard(writer, [x], { attributes: { axes, scale } }) {
      const total = runsOf(axes).reduceRight(
        (sofar, run) => writer.node("ReduceSum", [sofar, writer.integers(run)], { keepdims: 1 }),
        x!,
      );
      return scale === 1 ? total : writer.node("Mul", [total, writer.scalar(scale)]);
    },
  },
  reference([x], { shape, attributes: { scale } }) {
    const sums = new Float64Array(sizeOf(shape));
    broadcastIndex(shape, x!.shape).forEach((to, i) => {
      sums[to] = sums[to]! + scale * x!.data[i]!;
    });
    return sums;
  },
};

/** Ascending axes in groups of neighbours: [0, 2, 3] -> [[0], [2, 3]]. */
function runsOf(axes: readonly number[]): number[][] {
  const runs: number[][] = [];
  for (const axis of axes) {
    const last = runs.at(-1);
    if (last?.at(-1) === axis - 1) last.push(axis);
    else runs.push([axis]);
  }
  return runs;
}

/** The sum over all places to which broadcasting repeats an element: the derivative of broadcasting `shape`. */
export function sumTo(x: Value, shape: Shape): Value {
  const missing = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, axis) => ((shape[axis - missing] ?? 1) === 1 && size > 1 ? [axis] : []));
  const total = axes.length === 0 ? x : sum(x, axes);
  return sameShape(total.shape, shape) ? total : reshape(total, shape);
}

type RepeatAttributes = { readonly shape: Shape; readonly scale: number };

/**
 * `scale` times x, repeated to `shape` by NumPy's rule of broadcasting: the derivative of a sum, of all elements or over axes. Its own
 * derivative is scale * dy, summed over the repeated places.
 */
export const repeatOp: Op<RepeatAttributes> = {
  name: "repeat",
  infer([x], { shape }) {
    const common = broadcastShape(x!.shape, shape);
    if (!common || !sameShape(common, shape)) {
      throw new ShapeError("repeat", `${formatShape(x!.shape)} cannot be repeated to ${formatShape(shape)}`);
    }
    return { shape };
  },
  gradient({ inputs: [x], attributes: { scale } }, dy) {
    const total = sumTo(dy, x!.shape);
    return [scale === 1 ? total : apply(repeatOp, [total], { shape: x!.shape, scale })];
  },
  lower: {
    standard(writer, [x], { attributes: { shape, scale } }) {
      const scaled = scale === 1 ? x! : writer.node("Mul", [x, writer.scalar(scale)]);
      return writer.node("Expand", [scaled, writer.integers(shape)]);
    },
  },
  reference: ([x], { attributes: { shape, scale } }) =>
    Float64Array.from(broadcastIndex(x!.shape, shape), (at) => scale * x!.data[at]!),
};

/** @param x of a shape that broadcasts to `shape` @returns `scale` times x in `shape` */
export function repeat(x: Value, shape: Shape, scale = 1): Value {
  return apply(repeatOp, [x], { shape, scale });
}
