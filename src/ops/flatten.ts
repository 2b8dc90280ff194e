import { blockedColumns, blockedImages, CANONICAL } from "../graph/layout.ts";
import { formatShape, ShapeError, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { unflatten } from "./unflatten.ts";

/**
 * [batch, ...] -> [batch, the product of the rest]. The derivative is dy in x's shape.
 *
 * A blocked image stays as it lies in memory; its columns are then in blocked order, which the next matrix product
 * takes by keeping its weights' columns in that order too.
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
        // Packed weights have four axes and a layout too, but no columns.
        if (known?.name !== blockedImages(block).name) return undefined;
        const positions = x!.shape[2]! * x!.shape[3]!;
        return { inputs: [known], output: positions === 1 ? CANONICAL : blockedColumns(block, positions) };
      },
      emit: (writer, [x]) => writer.node("Flatten", [x], { axis: 1 }),
    },
  },
  reference: ([x]) => x!.data.slice(),
};

export function flatten(x: Value): Value {
  return apply(flattenOp, [x], {});
}
