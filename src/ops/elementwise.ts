import { CANONICAL } from "../graph/layout.ts";
import { formatShape, type Shape, ShapeError, sameShape } from "../graph/shape.ts";
import type { Attributes, BlockedLowering, Lowering, ReferenceTensor, Value } from "../graph/value.ts";

/**
 * What operations share whose elements depend only on the elements at the same place: they take any layout, as long as
 * all their inputs have it. A scalar operand goes with every element.
 */

/** Lowering of an elementwise operation: the same nodes whatever the layout. */
export function elementwise<A extends Attributes>(standard: Lowering<A>["standard"]): Lowering<A> {
  const blocked: BlockedLowering<A> = {
    plan(value, known) {
      const layout = known.find(
        (candidate, i) => candidate && candidate.name !== CANONICAL.name && value.inputs[i]!.shape.length > 0,
      );
      if (!layout) return undefined;
      return {
        inputs: value.inputs.map((input) => (input.shape.length === 0 ? CANONICAL : layout)),
        output: layout,
      };
    },
    emit: (writer, inputs, value) => standard(writer, inputs, value),
  };
  return { standard, blocked };
}

/** Shape of an operation on two operands. @throws ShapeError unless the shapes are equal or one is a scalar */
export function inferBinary(name: string, [a, b]: readonly Value[]): { shape: Shape } {
  if (sameShape(a!.shape, b!.shape) || b!.shape.length === 0) return { shape: a!.shape };
  if (a!.shape.length === 0) return { shape: b!.shape };
  throw new ShapeError(
    name,
    `operands must have equal shapes or one must be a scalar, got ${formatShape(a!.shape)} and ${formatShape(b!.shape)}`,
  );
}

/** The float64 result of an operation on two operands. */
export function referenceBinary(
  [a, b]: readonly ReferenceTensor[],
  combine: (a: number, b: number) => number,
): Float64Array {
  const size = Math.max(a!.data.length, b!.data.length);
  const at = (tensor: ReferenceTensor, i: number) => tensor.data[tensor.shape.length === 0 ? 0 : i]!;
  return Float64Array.from({ length: size }, (_, i) => combine(at(a!, i), at(b!, i)));
}

/**
 * A gradient for one operand of a pair. A scalar that met a larger operand takes none: scalars here are settings such as
 * the learning rate, never parameters.
 */
export function operandGradient(operand: Value, gradient: Value): Value | undefined {
  return sameShape(operand.shape, gradient.shape) ? gradient : undefined;
}
