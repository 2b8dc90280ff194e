import { UserError } from "../errors.ts";

/** Linear warm-up to the rate that the schedule would otherwise start with. */
export interface WarmUp {
  readonly epochs: number;
  /** Factor of the full rate at the first step. */
  readonly startFactor: number;
}

/** How the learning rate changes during a run. Plain data, so that a run's record can contain it. */
export type Schedule =
  | { readonly kind: "constant"; readonly warmUp?: WarmUp }
  /** Multiplied by `factor` after every `everyEpochs` epochs (PyTorch's StepLR). */
  | { readonly kind: "step"; readonly everyEpochs: number; readonly factor: number; readonly warmUp?: WarmUp }
  /**
   * Half a cosine from the full rate to `finalFactor` of it (Loshchilov and Hutter 2017; PyTorch's CosineAnnealingLR).
   */
  | { readonly kind: "cosine"; readonly finalFactor?: number; readonly warmUp?: WarmUp }
  /** Up to the full rate and down again (Smith 2018; PyTorch's OneCycleLR). */
  | {
      readonly kind: "oneCycle";
      /** Fraction of the run in which the rate rises. */
      readonly riseFraction: number;
      /** The initial rate is the full rate divided by this. */
      readonly divFactor: number;
      /** The final rate is the initial rate divided by this. */
      readonly finalDivFactor: number;
      readonly anneal: "linear" | "cosine";
    };

/** Position within a run. */
export interface SchedulePosition {
  /** Counted from 0. */
  readonly step: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
}

/**
 * The learning rate of a step; equals PyTorch's schedulers when those are stepped once per batch.
 *
 * @param peak the full rate: what the recipe calls its learning rate
 */
export function learningRateAt(schedule: Schedule, peak: number, position: SchedulePosition): number {
  if (schedule.kind === "oneCycle") return peak * oneCycle(schedule, position);
  const warmUpSteps = (schedule.warmUp?.epochs ?? 0) * position.stepsPerEpoch;
  if (schedule.warmUp && position.step < warmUpSteps) {
    return peak * between(schedule.warmUp.startFactor, 1, position.step / warmUpSteps);
  }
  const step = position.step - warmUpSteps;
  switch (schedule.kind) {
    case "constant":
      return peak;
    case "step":
      return peak * schedule.factor ** Math.floor(step / (schedule.everyEpochs * position.stepsPerEpoch));
    case "cosine":
      return peak * cosineBetween(1, schedule.finalFactor ?? 0, step / (position.totalSteps - warmUpSteps));
    default:
      return schedule satisfies never;
  }
}

function oneCycle(
  { riseFraction, divFactor, finalDivFactor, anneal }: Extract<Schedule, { kind: "oneCycle" }>,
  { step, totalSteps }: SchedulePosition,
): number {
  const move = anneal === "linear" ? between : cosineBetween;
  const start = 1 / divFactor;
  const top = riseFraction * totalSteps - 1;
  if (step < top) return move(start, 1, step / top);
  // With fewer than 1 / riseFraction steps the top lies before the first one, and the rate falls from there, as in PyTorch.
  const descent = totalSteps - 1 - top;
  return descent <= 0 ? 1 : move(1, start / finalDivFactor, (step - top) / descent);
}

/** Linear interpolation from `start` to `end`; `progress` goes from 0 to 1. */
function between(start: number, end: number, progress: number): number {
  return start + (end - start) * progress;
}

/** Interpolation from `start` to `end` along half a cosine; `progress` goes from 0 to 1. */
function cosineBetween(start: number, end: number, progress: number): number {
  return end + ((start - end) / 2) * (1 + Math.cos(Math.PI * progress));
}

/** @throws UserError that names the first setting out of range */
export function checkSchedule(schedule: Schedule): void {
  const require = (name: string, isGood: boolean, allowed: string, value: number) => {
    if (!isGood)
      throw new UserError(`schedule ${schedule.kind}: ${name} must be ${allowed}, got ${value}`, { exitCode: 2 });
  };
  if (schedule.kind === "oneCycle") {
    const { riseFraction, divFactor, finalDivFactor } = schedule;
    require("riseFraction", riseFraction >= 0 && riseFraction <= 1, "from 0 to 1", riseFraction);
    require("divFactor", divFactor >= 1, "at least 1", divFactor);
    require("finalDivFactor", finalDivFactor > 0, "above 0", finalDivFactor);
    return;
  }
  if (schedule.kind === "step") {
    require("everyEpochs", schedule.everyEpochs > 0, "above 0", schedule.everyEpochs);
    require("factor", schedule.factor > 0, "above 0", schedule.factor);
  }
  if (schedule.kind === "cosine") {
    const factor = schedule.finalFactor ?? 0;
    require("finalFactor", factor >= 0 && factor <= 1, "from 0 to 1", factor);
  }
  if (schedule.warmUp) {
    require("warmUp.epochs", schedule.warmUp.epochs >= 0, "at least 0", schedule.warmUp.epochs);
    const { startFactor } = schedule.warmUp;
    require("warmUp.startFactor", startFactor >= 0 && startFactor <= 1, "from 0 to 1", startFactor);
  }
}
