import type { Value } from "./value.ts";

/** Which part of a training step a value belongs to. */
export type Pass = "forward" | "backward" | "update";

/** Where a value comes from: its layer (`conv2`, `block1.bn1`; `loss`) and the part of the training step. */
export interface Origin {
  readonly layer: string;
  readonly pass: Pass;
}

/**
 * The origins of a graph's values, kept separately from the graph: values do not refer to them, and no result depends
 * on them. Node names and profiles are derived from them.
 */
export type Origins = ReadonlyMap<Value, Origin>;

/** Assigns `origin` to `outputs` and every value they depend on; stops at values that already have an origin. */
export function claim(origins: Map<Value, Origin>, outputs: readonly Value[], origin: Origin): void {
  const waiting = [...outputs];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (origins.has(value)) continue;
    origins.set(value, origin);
    waiting.push(...value.inputs);
  }
}
