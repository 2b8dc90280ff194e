import type { Shape } from "../graph/shape.ts";
import { apply, type DType, type Op, type Value } from "../graph/value.ts";

type InputAttributes = { readonly name: string; readonly shape: Shape; readonly dtype: DType };

/** A tensor fed at each step: pixels, labels, masks, settings, parameters and optimizer state. */
export const inputOp: Op<InputAttributes> = {
  name: "input",
  infer: (_inputs, { shape, dtype }) => ({ shape, dtype }),
  gradient: () => [],
  reference(_inputs, { attributes }) {
    throw new Error(`input "${attributes.name}" was given no numbers`);
  },
};

/** A value that is fed at each step under this name. */
export function input(name: string, shape: Shape, dtype: DType = "float32"): Value {
  return apply(inputOp, [], { name, shape, dtype });
}

/** The name of a value made by `input`. */
export function inputName(value: Value): string {
  const { name } = value.attributes;
  if (value.op.name !== inputOp.name || typeof name !== "string") throw new Error(`${value.op.name} is not an input`);
  return name;
}

type ConstantAttributes = { readonly value: number };

/** A scalar that is known when the graph is made. */
export const constantOp: Op<ConstantAttributes> = {
  name: "constant",
  infer: () => ({ shape: [] }),
  gradient: () => [],
  lower: { standard: (writer, _inputs, { attributes }) => writer.scalar(attributes.value) },
  reference: (_inputs, { attributes }) => Float64Array.of(attributes.value),
};

/** A scalar that is known when the graph is made. */
export function constant(value: number): Value {
  return apply(constantOp, [], { value });
}
