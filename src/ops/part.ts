import { formatShape, ShapeError } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";

type PartAttributes = { readonly start: number; readonly length: number };

/** Elements `start` to `start + length` of a vector [n]: [length]. Stands in updates, which take no derivative. */
export const partOp: Op<PartAttributes> = {
  name: "part",
  infer([x], { start, length }) {
    const { shape } = x!;
    if (shape.length !== 1) throw new ShapeError("part", `x must be a vector, got ${formatShape(shape)}`);
    if (!(start >= 0 && length >= 1 && start + length <= shape[0]!)) {
      throw new ShapeError("part", `${length} elements from ${start} on are not in ${formatShape(shape)}`);
    }
    return { shape: [length] };
  },
  lower: {
    standard: (writer, [x], { attributes: { start, length } }) =>
      writer.node("Slice", [x, writer.integers([start]), writer.integers([start + length])]),
  },
  reference: ([x], { attributes: { start, length } }) => x!.data.slice(start, start + length),
};

export function part(x: Value, start: number, length: number): Value {
  return apply(partOp, [x], { start, length });
}
