import { apply, type Op, type Value } from "../graph/value.ts";

type ConstantAttributes = { readonly value: number };

/** A scalar that is known when the graph is made. */
export const constantOp: Op<ConstantAttributes> = {
  name: "constant",
  infer: () => ({ shape: [] }),
  gradient: () => [],
  lower: { standard: (writer, _inputs, { attributes }) => writer.scalar(attributes.value) },
  reference: (_inputs, { attributes }) => Float64Array.of(attributes.value),
};

export function constant(value: number): Value {
  return apply(constantOp, [], { value });
}
