import { blockedColumns, blockedImages, CANONICAL } from "../graph/layout.ts";
import { formatShape, type Shape, ShapeError, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";

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

/** The same elements in another shape. The derivative is dy in x's shape. */
export const reshapeOp: Op<ReshapeAttributes> = {
  name: "reshape",
  infer([x], { shape }) {
    if (sizeOf(x!.shape) !== sizeOf(shape)) {
      throw new ShapeError("reshape", `${formatShape(x!.shape)} cannot become ${formatShape(shape)}`);
    }
    return { shape };
  },
  gradient: ({ inputs: [x] }, dy) => [reshape(dy, x!.shape)],
  lower: {
    // Only the first axis can depend on the batch: there it is inferred from the number of elements.
    standard: (writer, [x], { attributes: { shape } }) =>
      writer.reshape(x!, writer.dynamicBatch && shape.length > 0 ? [-1, ...shape.slice(1)] : shape),
  },
  reference: ([x]) => x!.data.slice(),
};

/** The same elements, in row-major order, in another shape. A model's batch may be a factor of the first axis only. */
export function reshape(x: Value, shape: Shape): Value {
  return apply(reshapeOp, [x], { shape });
}

type ConcatAttributes = { readonly axis: number };

/**
 * Tensors one after another along an axis; their other sizes are equal. The derivative of each is its part of dy.
 *
 * Blocked images are joined block by block, where each has whole blocks of channels.
 */
export const concatOp: Op<ConcatAttributes> = {
  name: "concat",
  infer(parts, { axis }) {
    const first = parts[0]?.shape;
    if (!first) throw new ShapeError("concat", "there must be at least one value");
    requireAxis("concat", first, axis);
    for (const { shape } of parts) {
      if (shape.length !== first.length || shape.some((size, i) => i !== axis && size !== first[i])) {
        throw new ShapeError(
          "concat",
          `sizes must be equal but along axis ${axis}, got ${parts.map((part) => formatShape(part.shape)).join(" and ")}`,
        );
      }
    }
    return {
      shape: first.with(
        axis,
        parts.reduce((sum, { shape }) => sum + shape[axis]!, 0),
      ),
    };
  },
  gradient({ inputs, attributes: { axis } }, dy) {
    let start = 0;
    return inputs.map(({ shape }) => {
      const part = slice(dy, start, shape[axis]!, axis);
      start += shape[axis]!;
      return part;
    });
  },
  lower: {
    standard: (writer, parts, { attributes: { axis } }) => writer.node("Concat", parts, { axis }),
    blocked: {
      plan({ inputs, attributes: { axis } }, known, block) {
        const images = blockedImages(block);
        const isWhole = inputs.every(({ shape }) => shape.length === 4 && shape[1]! % block === 0);
        if (axis !== 1 || !isWhole || !known.some((layout) => layout?.name === images.name)) return undefined;
        return { inputs: inputs.map(() => images), output: images };
      },
      emit: (writer, parts, { attributes: { axis } }) => writer.node("Concat", parts, { axis }),
    },
  },
  reference(parts, { shape, attributes: { axis } }) {
    const outer = sizeOf(shape.slice(0, axis));
    const result = new Float64Array(sizeOf(shape));
    let filled = 0;
    for (let i = 0; i < outer; i++)
      for (const { data } of parts) {
        const length = data.length / outer;
        result.set(data.subarray(i * length, (i + 1) * length), filled);
        filled += length;
      }
    return result;
  },
};

/** Joins values along an axis (0 by default). */
export function concat(values: readonly Value[], axis = 0): Value {
  return apply(concatOp, values, { axis });
}

/** @throws ShapeError unless the shape has the axis */
function requireAxis(op: string, shape: Shape, axis: number): void {
  if (Number.isInteger(axis) && axis >= 0 && axis < shape.length) return;
  throw new ShapeError(op, `axis must be an axis of ${formatShape(shape)}, counted from 0, got ${axis}`);
}

type SliceAttributes = {
  readonly start: number;
  readonly length: number;
  readonly axis: number;
  /** Where x is a vector that is cut into consecutive slices, the lengths of all of them. */
  readonly lengths?: readonly number[];
};

/**
 * Places `start` to `start + length` of an axis. The derivative is dy, with zeros for the other places.
 *
 * On the GPU the slices of a vector that is cut into many are written together (`splitForGpu`).
 *
 * Of blocked images whole blocks of channels are taken as they are.
 */
export const sliceOp: Op<SliceAttributes> = {
  name: "slice",
  infer([x], { start, length, axis }) {
    const { shape } = x!;
    requireAxis("slice", shape, axis);
    if (!(start >= 0 && length >= 1 && start + length <= shape[axis]!)) {
      throw new ShapeError(
        "slice",
        `${length} places from ${start} on are not in axis ${axis} of ${formatShape(shape)}`,
      );
    }
    return { shape: shape.with(axis, length) };
  },
  gradient({ inputs: [x], attributes: { start, length, axis } }, dy) {
    const none = x!.shape.map(() => 0);
    return [pad(dy, none.with(axis, start), none.with(axis, x!.shape[axis]! - start - length))];
  },
  lower: {
    standard: writeSlice,
    gpu(writer, [x], value) {
      const { start, lengths } = value.attributes;
      return lengths ? splitForGpu(writer, x!, lengths).get(start)! : writeSlice(writer, [x!], value);
    },
    blocked: {
      plan({ inputs: [x], attributes: { start, length, axis } }, [known], block) {
        const images = blockedImages(block);
        if (axis !== 1 || known?.name !== images.name || start % block !== 0 || length % block !== 0) return undefined;
        return x!.shape[1]! % block === 0 ? { inputs: [images], output: images } : undefined;
      },
      emit: writeSlice,
    },
  },
  reference([x], { shape, attributes: { start, axis } }) {
    const inner = sizeOf(shape.slice(axis + 1));
    const [from, to] = [x!.shape[axis]! * inner, shape[axis]! * inner];
    return Float64Array.from(
      { length: sizeOf(shape) },
      (_, i) => x!.data[Math.floor(i / to) * from + start * inner + (i % to)]!,
    );
  },
};

function writeSlice(writer: GraphWriter, [x]: readonly string[], { attributes }: Value<SliceAttributes>): string {
  const { start, length, axis } = attributes;
  // A vector has no other axis to name.
  const axes = attributes.axis === 0 ? [] : [writer.integers([axis])];
  return writer.node("Slice", [x, writer.integers([start]), writer.integers([start + length]), ...axes]);
}

/** Outputs of a Split on the GPU: with its input, as many buffers as every GPU can bind. */
const SPLIT_OUTPUTS = 7;

/** The slices of vectors that were cut, by where they start. */
const splits = new WeakMap<GraphWriter, Map<string, ReadonlyMap<number, string>>>();

/**
 * Cuts a vector with a launch for every six slices instead of one for each: into six and the rest, which is cut in the same
 * way.
 */
function splitForGpu(writer: GraphWriter, x: string, lengths: readonly number[]): ReadonlyMap<number, string> {
  const known = splits.get(writer) ?? new Map<string, ReadonlyMap<number, string>>();
  splits.set(writer, known);
  const found = known.get(x);
  if (found) return found;
  const parts = new Map<number, string>();
  let [rest, start, next] = [x, 0, 0];
  while (next < lengths.length) {
    const isLast = lengths.length - next <= SPLIT_OUTPUTS;
    const own = lengths.slice(next, next + (isLast ? SPLIT_OUTPUTS : SPLIT_OUTPUTS - 1));
    next += own.length;
    const remaining = lengths.slice(next).reduce((sum, length) => sum + length, 0);
    const names = own.length === 1 && isLast ? [rest] : writer.split(rest, isLast ? own : [...own, remaining]);
    for (const [i, length] of own.entries()) {
      parts.set(start, names[i]!);
      start += length;
    }
    if (!isLast) rest = names.at(-1)!;
  }
  known.set(x, parts);
  return parts;
}

/**
 * A vector, cut into consecutive slices.
 *
 * @param lengths of the slices, which are together as long as x
 */
export function split(x: Value, lengths: readonly number[]): Value[] {
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0));
  return lengths.map((length, i) => apply(sliceOp, [x], { start: starts[i]!, length, axis: 0, lengths }));
}

/** Places `start` to `start + length` of an axis (0 by default). */
export function slice(x: Value, start: number, length: number, axis = 0): Value {
  return apply(sliceOp, [x], { start, length, axis });
}

type PadAttributes = { readonly before: readonly number[]; readonly after: readonly number[]; readonly value: number };

/** `before` and `after` places of a constant around x, of each axis. The derivative is dy without them. */
export const padOp: Op<PadAttributes> = {
  name: "pad",
  infer([x], { before, after }) {
    const { shape } = x!;
    const isGood = (sizes: readonly number[]) =>
      sizes.length === shape.length && sizes.every((size) => Number.isInteger(size) && size >= 0);
    if (!isGood(before) || !isGood(after)) {
      throw new ShapeError(
        "pad",
        `before and after must be a whole number from 0 up for each axis of ${formatShape(shape)}, got ${formatShape(before)} and ${formatShape(after)}`,
      );
    }
    return { shape: shape.map((size, axis) => before[axis]! + size + after[axis]!) };
  },
  gradient({ inputs: [x], attributes: { before } }, dy) {
    return [before.reduce((rest, start, axis) => cut(rest, start, x!.shape[axis]!, axis), dy)];
  },
  lower: {
    standard: (writer, [x], { attributes: { before, after, value } }) =>
      writer.node("Pad", [x, writer.integers([...before, ...after]), ...(value === 0 ? [] : [writer.scalar(value)])]),
  },
  reference([x], { shape, attributes: { before, value } }) {
    const result = new Float64Array(sizeOf(shape)).fill(value);
    x!.data.forEach((element, i) => {
      let [rest, at, step] = [i, 0, 1];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += ((rest % x!.shape[axis]!) + before[axis]!) * step;
        rest = Math.floor(rest / x!.shape[axis]!);
        step *= shape[axis]!;
      }
      result[at] = element;
    });
    return result;
  },
};

/** A part of an axis, or x itself where it is the whole axis. */
export function cut(x: Value, start: number, length: number, axis: number): Value {
  return x.shape[axis] === length ? x : slice(x, start, length, axis);
}

/** Surrounds x with a constant. @param before and @param after numbers of places, one for each axis @param value default 0 */
export function pad(x: Value, before: readonly number[], after: readonly number[], value = 0): Value {
  return apply(padOp, [x], { before, after, value });
}

type TransposeAttributes = { readonly permutation: readonly number[] };

/** Axis i of the result is axis `permutation[i]` of x. The derivative is dy with the axes put back. */
export const transposeOp: Op<TransposeAttributes> = {
  name: "transpose",
  infer([x], { permutation }) {
    const { shape } = x!;
    if (permutation.length !== shape.length || !shape.every((_, axis) => permutation.includes(axis))) {
      throw new ShapeError(
        "transpose",
        `permutation must name each axis of ${formatShape(shape)} once, got ${permutation.join(", ")}`,
      );
    }
    return { shape: permutation.map((axis) => shape[axis]!) };
  },
  gradient: ({ attributes: { permutation } }, dy) => [
    transpose(
      dy,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  lower: { standard: (writer, [x], { attributes: { permutation } }) => writer.transpose(x!, permutation) },
  reference([x], { shape, attributes: { permutation } }) {
    const steps = permutation.map((axis) => sizeOf(x!.shape.slice(axis + 1)));
    return Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
      let [rest, at] = [i, 0];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += (rest % shape[axis]!) * steps[axis]!;
        rest = Math.floor(rest / shape[axis]!);
      }
      return x!.data[at]!;
    });
  },
};

/** Permutes axes: axis i of the result is axis `permutation[i]` of x. */
export function transpose(x: Value, permutation: readonly number[]): Value {
  return apply(transposeOp, [x], { permutation });
}
