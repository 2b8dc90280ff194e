import type { Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";

/** Inputs of the update of one parameter: all values have the parameter's shape, settings are scalars. */
export interface UpdateInputs {
  readonly parameter: Value;
  readonly gradient: Value;
  /** The optimizer's state for this parameter, by slot. */
  readonly slots: Readonly<Record<string, Value>>;
  readonly settings: Readonly<Record<string, Value>>;
}

/** Results of the update of one parameter. */
export interface UpdateResults {
  readonly parameter: Value;
  readonly slots: Readonly<Record<string, Value>>;
}

/**
 * An update rule for parameters, as graph operations. Settings that change from step to step (rate, bias correction)
 * are scalar inputs that are computed outside the graph in float64: 1 - 0.999^t, say, would lose four digits in
 * float32.
 */
export interface Optimizer {
  readonly name: string;
  /**
   * Names of the state tensors for a parameter of this shape, initially zero. PyTorch's: `momentum_buffer`, `exp_avg`.
   */
  slotsOf(shape: Shape): readonly string[];
  /** Names of the scalar inputs at each step. */
  readonly settings: readonly string[];
  /**
   * The scalars of a step.
   *
   * @param step counted from 1
   */
  settingsAt(step: number, learningRate: number): Readonly<Record<string, number>>;
  /** Whether the update of a parameter of this shape is not elementwise, as Muon's is not. Default: it is. */
  isMatrixUpdate?(shape: Shape): boolean;
  /**
   * Writes the update of one parameter. Elementwise operations run in any memory layout; for others the compiler
   * converts the layout. A vector's update must be elementwise, as several are updated as one (`updateParameters`).
   */
  update(inputs: UpdateInputs): UpdateResults;
}
