import { topologicalOrder, type Value } from "../../src/graph/value.ts";

/** How many values each operation made below `outputs`, by the operation's name. */
export function countOperations(outputs: readonly Value[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of topologicalOrder(outputs)) counts[op.name] = (counts[op.name] ?? 0) + 1;
  return counts;
}

/** The same without inputs and constants. */
export function countComputed(outputs: readonly Value[]): Record<string, number> {
  const { input: _input, constant: _constant, ...computed } = countOperations(outputs);
  return computed;
}
