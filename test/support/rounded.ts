import { evaluateReference } from "../../src/graph/evaluate.ts";
import { topologicalOrder, type Value } from "../../src/graph/value.ts";

/**
 * What the references make of values when each operation's result is rounded to float32: how far that is from float64
 * says how sensitive a whole graph is to rounding, without knowing anything of the graph.
 */
export function evaluateRounded(
  outputs: readonly Value[],
  feeds: ReadonlyMap<Value, ArrayLike<number>>,
): Float64Array[] {
  const rounded = new Map<Value, Value>();
  for (const value of topologicalOrder(outputs)) {
    const { op } = value;
    const inputs = value.inputs.map((input) => rounded.get(input)!);
    const reference: typeof op.reference = (tensors, self) => op.reference(tensors, self).map(Math.fround);
    // Fed values are known by identity, so they stay themselves.
    rounded.set(value, feeds.has(value) ? value : { ...value, inputs, op: { ...op, reference } });
  }
  return evaluateReference(
    outputs.map((output) => rounded.get(output)!),
    feeds,
  );
}
