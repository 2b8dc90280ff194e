import { formatShape, ShapeError, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";

/** Vectors [n1], [n2], ... one after the other: [n1 + n2 + ...]. Stands in updates, which take no derivative. */
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
