import {
  NOT_NEGATIVE,
  oneOf,
  POSITIVE,
  type Rule,
  type Rules,
  requireOptions,
  requireSetting,
  SHARE,
} from "../settings.ts";

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

const ABOVE_0: Rule = { ...POSITIVE, allowed: "above 0" };
const FACTOR_FROM_1: Rule = { allowed: "at least 1", isGood: (value) => typeof value === "number" && value >= 1 };
const AT_LEAST_0: Rule = { ...NOT_NEGATIVE, allowed: "at least 0" };
const IS_OBJECT: Rule = { allowed: "{ epochs, startFactor }", isGood: (value) => typeof value === "object" };

/** The settings of each kind of schedule, with their rules and those that must be there. */
const SETTINGS: Readonly<Record<Schedule["kind"], { readonly rules: Rules; readonly needed: readonly string[] }>> = {
  constant: { rules: { warmUp: IS_OBJECT }, needed: [] },
  step: {
    rules: { everyEpochs: ABOVE_0, factor: ABOVE_0, warmUp: IS_OBJECT },
    needed: ["everyEpochs", "factor"],
  },
  cosine: { rules: { finalFactor: SHARE, warmUp: IS_OBJECT }, needed: [] },
  oneCycle: {
    rules: {
      riseFraction: SHARE,
      divFactor: FACTOR_FROM_1,
      finalDivFactor: ABOVE_0,
      anneal: oneOf("linear", "cosine"),
    },
    needed: ["riseFraction", "divFactor", "finalDivFactor", "anneal"],
  },
};

/** @throws UserError (exit code 2) that names the kind or the first setting that is unknown, missing or out of range */
export function checkSchedule(schedule: Schedule): void {
  const { kind, ...settings } = schedule;
  requireSetting("schedule", "kind", kind, oneOf(...Object.keys(SETTINGS)));
  const { rules, needed } = SETTINGS[kind];
  requireOptions(`schedule ${kind}`, settings, rules, needed);
  if (schedule.kind === "oneCycle" || !schedule.warmUp) return;
  const { epochs, startFactor } = schedule.warmUp;
  requireSetting(`schedule ${kind}`, "warmUp.epochs", epochs, AT_LEAST_0);
  requireSetting(`schedule ${kind}`, "warmUp.startFactor", startFactor, SHARE);
}
