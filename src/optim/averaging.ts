import type { Value } from "../graph/value.ts";
import { add, multiply, subtract } from "../ops/elementwise.ts";
import { FRACTION, requireSetting } from "../settings.ts";

/** Averaging of weights over the steps of a training. Plain data, so that a run's record can contain it. */
export type Averaging = {
  /** Exponential moving average: the older a step's weights, the less they count. */
  readonly kind: "exponential";
  /** Factor of the old average at each step: 0.999 averages over about the last 1,000 steps. */
  readonly decay: number;
};

/** Warm-up of the average: after t steps it covers about the last t / 9 of them. */
const WARM_UP = 9;

/**
 * The weight of a step's new weights in their average, 1 - d. The first step's weights are the average (d = 0); then
 * d = min(decay, t / (t + 9)), the warm-up of TensorFlow and diffusers, so that the first weights are soon forgotten.
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
  requireSetting("averaging", "decay", decay, FRACTION);
}
