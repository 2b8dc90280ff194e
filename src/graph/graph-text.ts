import { topologicalOrder, type Value } from "./value.ts";

/**
 * A graph as text: each operation with its settings, shape and inputs, in order. Two graphs with the same text compute the
 * same, however they are coded.
 */
export function graphText(outputs: readonly Value[]): string {
  const number = new Map<Value, number>();
  const lines = topologicalOrder(outputs).map((value, i) => {
    number.set(value, i);
    const { op, inputs, attributes, shape, dtype } = value;
    const from = inputs.map((input) => number.get(input)).join(" ");
    return `${i} ${op.name} ${JSON.stringify(attributes)} ${dtype} [${shape.join(", ")}] <- ${from}`;
  });
  return [...lines, `-> ${outputs.map((output) => number.get(output)).join(" ")}`].join("\n");
}
