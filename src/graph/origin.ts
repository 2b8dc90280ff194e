import type { Value } from "./value.ts";

/** Which part of a training step a value is made for. */
export type Pass = "forward" | "backward" | "update";

/** Where a value comes from: the layer that it serves (`conv2`, `block1.bn1`; `loss`) and the part of the step. */
export interface Origin {
  readonly layer: string;
  readonly pass: Pass;
}

/**
 * The origins of a graph's values, kept beside the graph: values themselves know nothing of it, and nothing that is
 * computed depends on it. Node names and profiles are made from them.
 */
export type Origins = ReadonlyMap<Value, Origin>;

/** Gives all values below `outputs` that have no origin yet this one. Stops at those that have one. */
export function claim(origins: Map<Value, Origin>, outputs: readonly Value[], origin: Origin): void {
  const waiting = [...outputs];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (origins.has(value)) continue;
    origins.set(value, origin);
    waiting.push(...value.inputs);
  }
}
