import { blockedColumns, blockedImages, CANONICAL } from "../graph/layout.ts";
import { formatShape, type Shape, ShapeError, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { flatten } from "./flatten.ts";

type UnflattenAttributes = { readonly shape: Shape };

/** [batch, columns] -> `shape` [batch, ...] with as many elements: what `flatten` undoes. The derivative is dy, flattened. */
export const unflattenOp: Op<UnflattenAttributes> = {
  name: "unflatten",
  infer([x], { shape }) {
    if (sizeOf(x!.shape) !== sizeOf(shape) || x!.shape[0] !== shape[0]) {
      throw new ShapeError("unflatten", `${formatShape(x!.shape)} cannot become ${formatShape(shape)}`);
    }
    return { shape };
  },
  gradient: (_value, dy) => [flatten(dy)],
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

export function unflatten(x: Value, shape: Shape): Value {
  return apply(unflattenOp, [x], { shape });
}
