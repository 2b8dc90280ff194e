import type { GraphWriter } from "../onnx/graph-writer.ts";
import { type Shape, sizeOf } from "./shape.ts";

/**
 * The order in which a value's elements lie in memory.
 *
 * Every layout is described in one way: split the axes of the canonical (row-major) tensor, then permute them. Both the
 * index that packs a tensor outside a session and the nodes that convert one inside a graph are derived from that.
 */
export interface Layout {
  /** Two layouts are the same when their names are. */
  readonly name: string;
  /** The canonical shape with its axes split; the product of the sizes stays the same. */
  split(shape: Shape): number[];
  /** Order of the split axes in memory, outermost first. */
  readonly permutation: readonly number[];
}

/** Row-major in the value's own shape: the layout of every tensor outside a session. */
export const CANONICAL: Layout = { name: "canonical", split: (shape) => [...shape], permutation: [] };

/**
 * ONNX Runtime's CPU layout NCHWc: images [N, C, H, W] are stored as [N, C/block, H, W, block]. C is a multiple of the
 * block.
 */
export function blockedImages(block: number): Layout {
  return {
    name: `images/${block}`,
    split: (shape) => [shape[0]!, shape[1]! / block, block, shape[2]! * shape[3]!],
    permutation: [0, 1, 3, 2],
  };
}

/** Convolution weights [K, C, kh, kw] as [K/block, C/block, kh, kw, block of C, block of K]. */
export function blockedWeights(block: number): Layout {
  return {
    name: `weights/${block}`,
    split: (shape) => [shape[0]! / block, block, shape[1]! / block, block, shape[2]! * shape[3]!],
    permutation: [0, 2, 4, 3, 1],
  };
}

/**
 * Weights of a convolution whose input stays canonical (fewer channels than a block): [K/block, C, kh, kw, block of K].
 */
export function blockedOutputWeights(block: number): Layout {
  return {
    name: `output-weights/${block}`,
    split: (shape) => [shape[0]! / block, block, shape[1]!, shape[2]! * shape[3]!],
    permutation: [0, 2, 3, 1],
  };
}

/**
 * A matrix [rows, C * positions] whose columns are flattened blocked images: each row is stored as [C/block, positions,
 * block].
 */
export function blockedColumns(block: number, positions: number): Layout {
  return {
    name: `columns/${block}x${positions}`,
    split: (shape) => [shape[0]!, shape[1]! / (block * positions), block, positions],
    permutation: [0, 1, 3, 2],
  };
}

/** `index[i]` is the canonical position of the element stored at `i` in the layout. */
export function layoutIndex(layout: Layout, shape: Shape): Int32Array {
  const sizes = layout.split(shape);
  const order = layout.permutation.length === 0 ? sizes.map((_, axis) => axis) : layout.permutation;
  const strides = sizes.map((_, axis) => sizeOf(sizes.slice(axis + 1)));
  const index = new Int32Array(sizeOf(shape));
  let filled = 0;
  const visit = (depth: number, offset: number) => {
    const axis = order[depth]!;
    const [size, stride] = [sizes[axis]!, strides[axis]!];
    if (depth === order.length - 1) for (let i = 0; i < size; i++) index[filled++] = offset + i * stride;
    else for (let i = 0; i < size; i++) visit(depth + 1, offset + i * stride);
  };
  visit(0, 0);
  return index;
}

/** Reorders canonical elements into the layout. */
export function pack(
  data: Float32Array,
  index: Int32Array,
  out: Float32Array = new Float32Array(data.length),
): Float32Array {
  for (let i = 0; i < index.length; i++) out[i] = data[index[i]!]!;
  return out;
}

/** The inverse of `pack`. */
export function unpack(
  packed: Float32Array,
  index: Int32Array,
  out: Float32Array = new Float32Array(packed.length),
): Float32Array {
  for (let i = 0; i < index.length; i++) out[index[i]!] = packed[i]!;
  return out;
}

/** Writes the nodes that turn canonical `x` into the layout. The declared shape stays canonical in every layout. */
export function toLayout(writer: GraphWriter, x: string, layout: Layout, shape: Shape): string {
  if (layout.name === CANONICAL.name) return x;
  if (isImages(layout)) return writer.blocked("ReorderInput", [x]);
  const split = writer.reshape(x, layout.split(shape));
  return writer.reshape(writer.transpose(split, layout.permutation), shape);
}

/** Writes the nodes that turn `x` from the layout into canonical order. */
export function fromLayout(writer: GraphWriter, x: string, layout: Layout, shape: Shape): string {
  if (layout.name === CANONICAL.name) return x;
  if (isImages(layout)) return writer.blocked("ReorderOutput", [x], { channels: shape[1]! });
  const sizes = layout.split(shape);
  const permuted = writer.reshape(
    x,
    layout.permutation.map((axis) => sizes[axis]!),
  );
  const inverse = sizes.map((_, axis) => layout.permutation.indexOf(axis));
  return writer.reshape(writer.transpose(permuted, inverse), shape);
}

function isImages(layout: Layout): boolean {
  return layout.name.startsWith("images/");
}
