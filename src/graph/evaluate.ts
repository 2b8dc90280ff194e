import { formatShape, sizeOf } from "./shape.ts";
import { topologicalOrder, type Value } from "./value.ts";

/** Contents of the graph's inputs, keyed by the input's value: row-major elements. */
export type ReferenceFeeds = ReadonlyMap<Value, ArrayLike<number>>;

/**
 * Computes values in float64 with each operation's reference implementation: slow and simple. Tests compare every
 * lowering with it.
 *
 * @throws Error when an input has no contents, or not as many elements as its shape
 */
export function evaluateReference(outputs: readonly Value[], feeds: ReferenceFeeds): Float64Array[] {
  const results = new Map<Value, Float64Array>();
  for (const value of topologicalOrder(outputs)) {
    const fed = feeds.get(value);
    const data = fed
      ? Float64Array.from(fed)
      : value.op.reference(
          value.inputs.map((input) => ({ shape: input.shape, data: results.get(input)! })),
          value,
        );
    if (data.length !== sizeOf(value.shape)) {
      throw new Error(`${value.op.name}: ${data.length} numbers for shape ${formatShape(value.shape)}`);
    }
    results.set(value, data);
  }
  return outputs.map((output) => results.get(output)!);
}
