import { UserError } from "../errors.ts";
import type { Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";

/** What an optimizer is given to update one parameter: all values have the parameter's shape, settings are scalars. */
export interface UpdateInputs {
  readonly parameter: Value;
  readonly gradient: Value;
  /** The optimizer's state for this parameter, by slot. */
  readonly slots: Readonly<Record<string, Value>>;
  readonly settings: Readonly<Record<string, Value>>;
}

/** What an optimizer makes of them. */
export interface UpdateResults {
  readonly parameter: Value;
  readonly slots: Readonly<Record<string, Value>>;
}

/**
 * A rule that moves parameters, as graph. What changes from step to step (rate, bias correction) comes in as scalars
 * that are computed outside in float64: 1 - 0.999^t, say, would lose four digits in float32.
 */
export interface Optimizer {
  readonly name: string;
  /** State that is kept for a parameter of this shape, zero at first. PyTorch's names: `momentum_buffer`, `exp_avg`. */
  slotsOf(shape: Shape): readonly string[];
  /** Names of the scalars it is given at each step. */
  readonly settings: readonly string[];
  /**
   * The scalars of a step.
   *
   * @param step counted from 1
   */
  settingsAt(step: number, learningRate: number): Readonly<Record<string, number>>;
  /**
   * Elementwise operations take parameters and state in any memory layout; what others need turned, the compiler turns.
   * A vector must be moved element by element: several are moved as one (`updateParameters`).
   */
  update(inputs: UpdateInputs): UpdateResults;
}

/** @throws UserError unless 0 <= value < 1 */
export function requireFraction(optimizer: string, name: string, value: number): void {
  if (!(value >= 0 && value < 1)) {
    throw new UserError(`${optimizer}: ${name} must be at least 0 and below 1, got ${value}`, { exitCode: 2 });
  }
}

/** @throws UserError unless value >= 0 and finite */
export function requireNonNegative(optimizer: string, name: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new UserError(`${optimizer}: ${name} must be a number from 0 up, got ${value}`, { exitCode: 2 });
  }
}
