import type { Origins } from "../graph/origin.ts";
import type { Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";

/** A tensor that persists between steps: read as an input, replaced by a value of the same shape. */
export interface StateTensor {
  readonly name: string;
  readonly input: Value;
  readonly next: Value;
  /**
   * The parameter whose memory layout this one shares, so that their update runs elementwise. Default: its own layout.
   */
  readonly like?: string;
}

/** A state tensor that lies, with others, in one vector. */
export interface StatePart {
  readonly name: string;
  readonly shape: Shape;
}

/** A computation that is run repeatedly: one training step, or one evaluation of a batch. */
export interface Program {
  readonly name: string;
  /** Inputs supplied at each run. */
  readonly feeds: readonly Value[];
  /** Inputs that a run does not change: the parameters of an evaluation. */
  readonly parameters?: readonly Value[];
  readonly state: readonly StateTensor[];
  readonly outputs: Readonly<Record<string, Value>>;
  /** Layer and pass of each value, where known; layers in order of execution. */
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
