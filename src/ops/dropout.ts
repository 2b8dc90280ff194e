import { requireSameShape, ShapeError } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";

type DropoutAttributes = { readonly rate: number };

/**
 * y = x * mask / (1 - rate): "inverted" dropout, so that evaluation needs no change (Srivastava et al. 2014; PyTorch).
 * The mask is an input of bytes, 1 to keep and 0 to drop, drawn outside: the graph itself has no random numbers.
 * The derivative is the same map applied to dy.
 */
export const dropoutOp: Op<DropoutAttributes> = {
  name: "dropout",
  infer([x, mask], { rate }) {
    requireSameShape("dropout", "x and mask", x!.shape, mask!.shape);
    if (mask!.dtype !== "uint8") throw new ShapeError("dropout", `mask must be uint8, got ${mask!.dtype}`);
    if (!(rate >= 0 && rate < 1)) throw new ShapeError("dropout", `rate must be at least 0 and below 1, got ${rate}`);
    return { shape: x!.shape };
  },
  gradient: ({ inputs: [, mask], attributes }, dy) => [dropout(dy, mask!, attributes), undefined],
  lower: {
    standard(writer, [x, mask], { attributes }) {
      const scaled = writer.node("Mul", [writer.cast(mask!, "float32"), writer.scalar(1 / (1 - attributes.rate))]);
      return writer.node("Mul", [x, scaled]);
    },
  },
  reference: ([x, mask], { attributes }) =>
    x!.data.map((element, i) => (element * mask!.data[i]!) / (1 - attributes.rate)),
};

/** @param x any shape @param mask uint8 of the same shape @param attributes rate: the share of elements dropped, [0, 1) */
export function dropout(x: Value, mask: Value, attributes: DropoutAttributes): Value {
  return apply(dropoutOp, [x, mask], attributes);
}
