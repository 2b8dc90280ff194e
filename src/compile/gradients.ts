import { claim, type Origin } from "../graph/origin.ts";
import { requireAxes } from "../graph/shape.ts";
import { topologicalOrder, type Value } from "../graph/value.ts";
import { add } from "../ops/elementwise.ts";
import { constant } from "../ops/leaves.ts";

/**
 * Reverse-mode differentiation: visits the graph from `loss` back to its inputs, users first, and sums the gradients
 * that a value's users contribute. The derivatives are graph values of the same operations.
 *
 * @param loss a scalar
 * @param origins where the values come from; a derivative is added as the backward pass of its value's layer
 * @returns the derivative of `loss` with respect to each of `values`, in that value's shape
 * @throws Error when the loss does not depend on a value, or an operation in between has no derivative
 */
export function gradients(loss: Value, values: readonly Value[], origins: Map<Value, Origin> = new Map()): Value[] {
  requireAxes("gradients", "loss", loss.shape, []);
  const order = topologicalOrder([loss]);
  const needed = dependents(order, values);
  const accumulated = new Map<Value, Value>([[loss, constant(1)]]);
  const claimBackward = (made: readonly Value[], from: Value) => {
    const origin = origins.get(from);
    if (origin) claim(origins, made, { layer: origin.layer, pass: "backward" });
  };
  for (const value of order.toReversed()) {
    const outputGradient = accumulated.get(value);
    if (!outputGradient || !value.inputs.some((input) => needed.has(input))) continue;
    if (!value.op.gradient) throw new Error(`${value.op.name} has no derivative`);
    const inputGradients = value.op.gradient(value, outputGradient);
    claimBackward(
      inputGradients.filter((passed) => passed !== undefined),
      value,
    );
    value.inputs.forEach((input, i) => {
      const passed = inputGradients[i];
      if (!passed || !needed.has(input)) return;
      const sofar = accumulated.get(input);
      const total = sofar ? add(sofar, passed) : passed;
      claimBackward([total], input);
      accumulated.set(input, total);
    });
  }
  return values.map((value) => {
    const gradient = accumulated.get(value);
    if (!gradient) throw new Error(`the loss does not depend on ${String(value.attributes.name ?? value.op.name)}`);
    return gradient;
  });
}

/** The sources and all values that depend on them. */
function dependents(order: readonly Value[], sources: readonly Value[]): Set<Value> {
  const needed = new Set(sources);
  for (const value of order) if (value.inputs.some((input) => needed.has(input))) needed.add(value);
  return needed;
}
