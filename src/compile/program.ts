import type { Origins } from "../graph/origin.ts";
import type { Value } from "../graph/value.ts";

/** A tensor that lives from step to step: read as an input, replaced by a value of the same shape. */
export interface StateTensor {
  readonly name: string;
  readonly input: Value;
  readonly next: Value;
  /** The parameter whose memory layout this one shares, so that updates of both run side by side. Default: its own. */
  readonly like?: string;
}

/** A computation that is run again and again: one training step, or one evaluation of a batch. */
export interface Program {
  readonly name: string;
  /** Given anew at each run. */
  readonly feeds: readonly Value[];
  /** Given at each run and never changed by it: the parameters of an evaluation. */
  readonly parameters?: readonly Value[];
  readonly state: readonly StateTensor[];
  readonly outputs: Readonly<Record<string, Value>>;
  /** Which layer and pass each value is made for, where that is known; layers in reading order. */
  readonly origins?: Origins;
}

/**
 * `standard` runs anywhere; `blocked` uses the CPU provider's layout with the block that a probe found; `gpu` keeps to the
 * operators that the WebGPU provider has.
 */
export type Lowering =
  | { readonly kind: "standard" }
  | { readonly kind: "blocked"; readonly block: number }
  | { readonly kind: "gpu" };
