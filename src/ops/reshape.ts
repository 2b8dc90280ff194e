import { blockedColumns, blockedImages, CANONICAL } from "../graph/layout.ts";
import { formatShape, type Shape, ShapeError, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";

/**
 * [batch, ...] -> [batch, the product of the rest]. The derivative is dy in x's shape.
 *
 * A blocked image is not moved in memory; its columns are then in blocked order, and the next matrix product keeps its
 * weights' columns in that order too.
 */
export const flattenOp: Op<Record<string, never>> = {
  name: "flatten",
  infer([x]) {
    if (x!.shape.length < 2)
      throw new ShapeError("flatten", `x must have a batch axis and more, got ${formatShape(x!.shape)}`);
    return { shape: [x!.shape[0]!, sizeOf(x!.shape.slice(1))] };
  },
  gradient: ({ inputs: [x] }, dy) => [unflatten(dy, x!.shape)],
  lower: {
    standard: (writer, [x]) => writer.node("Flatten", [x], { axis: 1 }),
    blocked: {
      plan({ inputs: [x] }, [known], block) {
        // Packed weights also have four axes and a layout, but no layout for their columns.
        if (known?.name !== blockedImages(block).name) return undefined;
        const positions = x!.shape[2]! * x!.shape[3]!;
        return { inputs: [known], output: positions === 1 ? CANONICAL : blockedColumns(block, positions) };
      },
      emit: (writer, [x]) => writer.node("Flatten", [x], { axis: 1 }),
    },
  },
  reference: ([x]) => x!.data.slice(),
};

/** Merges all axes after the batch: [N, ...] -> [N, product of the rest]. */
export function flatten(x: Value): Value {
  return apply(flattenOp, [x], {});
}

type UnflattenAttributes = { readonly shape: Shape };

/**
 * [batch, columns] -> `shape` [batch, ...], same number of elements: inverse of `flatten`. The derivative is dy,
 * flattened.
 */
export const unflattenOp: Op<UnflattenAttributes> = {
  name: "unflatten",
  infer([x], { shape }) {
    if (sizeOf(x!.shape) !== sizeOf(shape) || x!.shape[0] !== shape[0]) {
      throw new ShapeError("unflatten", `${formatShape(x!.shape)} cannot become ${formatShape(shape)}`);
    }
    return { shape };
  },
  gradient: ({ inputs: [x] }, dy) => [x!.shape.length === 2 ? flatten(dy) : unflatten(dy, x!.shape)],
  lower: {
    standard: (writer, [x], { attributes }) => writer.reshape(x!, attributes.shape),
    blocked: {
      plan({ attributes: { shape } }, [known], block) {
        if (shape.length !== 4) return undefined;
        const columns = blockedColumns(block, shape[2]! * shape[3]!);
        if (known?.name === columns.name) return { inputs: [known], output: blockedImages(block) };
        // One position: blocked and canonical order are the same.
        if (known?.name === CANONICAL.name && shape[2]! * shape[3]! === 1 && shape[1]! % block === 0) {
          return { inputs: [known], output: blockedImages(block) };
        }
        return undefined;
      },
      emit: (writer, [x], { attributes }) => writer.reshape(x!, attributes.shape),
    },
  },
  reference: ([x]) => x!.data.slice(),
};

/** Gives a matrix or image another shape with the same number of elements. */
export function unflatten(x: Value, shape: Shape): Value {
  return apply(unflattenOp, [x], { shape });
}

type ReshapeAttributes = { readonly shape: Shape };

/** The same elements in another shape. Used in optimizer updates only, so without a derivative. */
export const reshapeOp: Op<ReshapeAttributes> = {
  name: "reshape",
  infer([x], { shape }) {
    if (sizeOf(x!.shape) !== sizeOf(shape)) {
      throw new ShapeError("reshape", `${formatShape(x!.shape)} cannot become ${formatShape(shape)}`);
    }
    return { shape };
  },
  lower: { standard: (writer, [x], { attributes }) => writer.reshape(x!, attributes.shape) },
  reference: ([x]) => x!.data.slice(),
};

export function reshape(x: Value, shape: Shape): Value {
  return apply(reshapeOp, [x], { shape });
}

/** Concatenates vectors [n1], [n2], ... to [n1 + n2 + ...]. Used in optimizer updates only, so without a derivative. */
export const concatOp: Op<Record<string, never>> = {
  name: "concat",
  infer(vectors) {
    if (vectors.length === 0) throw new ShapeError("concat", "there must be at least one vector");
    for (const { shape } of vectors) {
      if (shape.length !== 1) throw new ShapeError("concat", `all must be vectors, got ${formatShape(shape)}`);
    }
    return { shape: [vectors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)] };
  },
  lower: {
    standard: (writer, vectors) => writer.node("Concat", vectors, { axis: 0 }),
  },
  reference: (vectors) => Float64Array.from(vectors.flatMap(({ data }) => [...data])),
};

export function concat(vectors: readonly Value[]): Value {
  return apply(concatOp, vectors, {});
}

type SliceAttributes = { readonly start: number; readonly length: number };

/**
 * Elements `start` to `start + length` of a vector [n]: [length]. Used in optimizer updates only, so without a
 * derivative.
 */
export const sliceOp: Op<SliceAttributes> = {
  name: "slice",
  infer([x], { start, length }) {
    const { shape } = x!;
    if (shape.length !== 1) throw new ShapeError("slice", `x must be a vector, got ${formatShape(shape)}`);
    if (!(start >= 0 && length >= 1 && start + length <= shape[0]!)) {
      throw new ShapeError("slice", `${length} elements from ${start} on are not in ${formatShape(shape)}`);
    }
    return { shape: [length] };
  },
  lower: {
    standard: (writer, [x], { attributes: { start, length } }) =>
      writer.node("Slice", [x, writer.integers([start]), writer.integers([start + length])]),
  },
  reference: ([x], { attributes: { start, length } }) => x!.data.slice(start, start + length),
};

export function slice(x: Value, start: number, length: number): Value {
  return apply(sliceOp, [x], { start, length });
}
