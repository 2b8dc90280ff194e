import type { Value } from "../graph/value.ts";
import { add, multiply, subtract } from "../ops/elementwise.ts";
import { requireFraction } from "./optimizer.ts";

/** Averages of weights over the steps of a training. Data, so that a run's record can hold it. */
export type Averaging = {
  /** Each step's weights count less the older they are. */
  readonly kind: "exponential";
  /** Share of the average that stays at a step: 0.999 looks back over some 1,000 steps. */
  readonly decay: number;
};

/** How slowly the average lengthens at first: after t steps it looks back over about t / 9 of them. */
const WARM_UP = 9;

/**
 * The share of a step's new weights in their average. The first step's weights are the average; then old ones stay by
 * min(decay, t / (t + 9)), as TensorFlow and diffusers warm averages up, so that the first weights are soon forgotten.
 *
 * @param step counted from 1
 */
export function averagingShareAt({ decay }: Averaging, step: number): number {
  return step === 1 ? 1 : 1 - Math.min(decay, step / (step + WARM_UP));
}

/** average' = average + share * (value - average): exactly the value where the share is 1 and the average 0. */
export function movingAverage(average: Value, value: Value, share: Value): Value {
  return add(average, multiply(subtract(value, average), share));
}

/** @throws UserError when the decay is out of range */
export function checkAveraging({ decay }: Averaging): void {
  requireFraction("averaging", "decay", decay);
}
