import { checkFinite, checkShare, checkSome } from "./figure.ts";

/** Metrics after one epoch. Accuracies are 0 to 1, losses in nats; null where there was no validation. */
export interface CurveEpoch {
  /** Counted from 1. */
  readonly epoch: number;
  readonly trainAccuracy: number;
  readonly trainLoss: number;
  readonly validationAccuracy: number | null;
  readonly validationLoss: number | null;
}

/** One model, trained once or from several seeds. */
export interface TrainingCurves {
  readonly model: string;
  readonly runs: readonly { readonly seed: number; readonly epochs: readonly CurveEpoch[] }[];
  /** Note below the plot. */
  readonly note?: string | undefined;
  /** Width of a figure of this model alone, in pixels. Default 720. */
  readonly width?: number | undefined;
}

export interface CurvePoint {
  readonly epoch: number;
  readonly value: number;
}

/** One quantity of one model on the training or the validation images. */
export interface CurveSeries {
  readonly of: "train" | "validation";
  readonly runs: readonly (readonly CurvePoint[])[];
  /** Mean over all runs, at the epochs that every run has. */
  readonly mean: readonly CurvePoint[];
}

export type Quantity = "accuracy" | "loss";

const READ = {
  accuracy: { train: (at: CurveEpoch) => at.trainAccuracy, validation: (at: CurveEpoch) => at.validationAccuracy },
  loss: { train: (at: CurveEpoch) => at.trainLoss, validation: (at: CurveEpoch) => at.validationLoss },
} as const;

/**
 * The curves of one quantity: on the training images and, if there are any, on the validation images.
 *
 * @throws RangeError when there are no runs, a run's epochs are missing or not in order, or a number is not finite
 */
export function curveSeries({ model, runs }: TrainingCurves, quantity: Quantity): readonly CurveSeries[] {
  checkSome(runs, `runs of ${model}`);
  for (const { seed, epochs } of runs) {
    const run = `${model}, seed ${seed}`;
    checkSome(epochs, `epochs of ${run}`);
    for (const [i, at] of epochs.entries()) checkEpoch(at, epochs[i - 1]?.epoch ?? 0, run);
  }
  return (["train", "validation"] as const)
    .map((of) => ({ of, runs: runs.map(({ epochs }) => pointsOf(epochs, READ[quantity][of])) }))
    .filter(({ runs }) => runs.some((points) => points.length > 0))
    .map((series) => ({ ...series, mean: meanOf(series.runs) }));
}

function checkEpoch(at: CurveEpoch, previous: number, run: string): void {
  const what = `${run}, epoch ${at.epoch}`;
  if (!(Number.isInteger(at.epoch) && at.epoch > previous)) {
    throw new RangeError(`${what} follows epoch ${previous}; epochs are whole numbers from 1 that increase`);
  }
  checkShare(at.trainAccuracy, `${what}: training accuracy`);
  checkFinite(at.trainLoss, `${what}: training loss`);
  if (at.validationAccuracy !== null) checkShare(at.validationAccuracy, `${what}: validation accuracy`);
  if (at.validationLoss !== null) checkFinite(at.validationLoss, `${what}: validation loss`);
}

function pointsOf(epochs: readonly CurveEpoch[], read: (at: CurveEpoch) => number | null): CurvePoint[] {
  return epochs.flatMap((at) => {
    const value = read(at);
    return value === null ? [] : [{ epoch: at.epoch, value }];
  });
}

function meanOf(runs: readonly (readonly CurvePoint[])[]): CurvePoint[] {
  const others = runs.slice(1).map((points) => new Map(points.map(({ epoch, value }) => [epoch, value])));
  return runs[0]!.flatMap(({ epoch, value }) => {
    const values = [value, ...others.map((points) => points.get(epoch) ?? Number.NaN)];
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
    return Number.isNaN(mean) ? [] : [{ epoch, value: mean }];
  });
}

export interface CurveDomain {
  readonly low: number;
  readonly high: number;
}

/** The first epoch is excluded from the axis when it would expand the range by more than this factor. */
const FLATTENING = 3;
const FEWEST_EPOCHS_TO_CUT = 3;
/** Minimum range for that comparison: 4 points of accuracy, 0.1 nats. */
const SMALLEST_SPAN: Readonly<Record<Quantity, number>> = { accuracy: 0.04, loss: 0.1 };
/** Padding above and below the data, relative to their range. */
const AIR = 0.06;
/** Larger padding on the side where the first epoch is cut off. */
const AIR_AT_CUT = 0.16;

/**
 * The range of an axis: that of the data, not from 0, since the last points matter most. If only the first epoch is far
 * off (accuracy far below, loss far above), it is excluded and reported by `outsiders`.
 */
export function curveDomain(series: readonly CurveSeries[], quantity: Quantity): CurveDomain {
  const points = series.flatMap(({ runs }) => runs.flat());
  const first = Math.min(...points.map(({ epoch }) => epoch));
  const epochs = new Set(points.map(({ epoch }) => epoch)).size;
  const all = extent(points);
  if (epochs >= FEWEST_EPOCHS_TO_CUT) {
    const later = extent(points.filter(({ epoch }) => epoch !== first));
    const span = Math.max(later.high - later.low, SMALLEST_SPAN[quantity]);
    const lost = quantity === "accuracy" ? later.low - all.low : all.high - later.high;
    if (lost > (FLATTENING - 1) * span) {
      const low = quantity === "accuracy" ? later.low - AIR_AT_CUT * span : all.low - AIR * span;
      const high = quantity === "accuracy" ? all.high + AIR * span : later.high + AIR_AT_CUT * span;
      return withinBounds(low, high, quantity);
    }
  }
  const air = AIR * Math.max(all.high - all.low, SMALLEST_SPAN[quantity]);
  return withinBounds(all.low - air, all.high + air, quantity);
}

/** The points of the means outside the axis. */
export function outsiders(mean: readonly CurvePoint[], { low, high }: CurveDomain): CurvePoint[] {
  return mean.filter(({ value }) => value < low || value > high);
}

/** The visible part of a line: if the first point is outside, from where the line enters the axis range. */
export function visiblePart(points: readonly CurvePoint[], { low, high }: CurveDomain): readonly CurvePoint[] {
  const [first, second] = points;
  if (!first || !second || (first.value >= low && first.value <= high)) return points;
  const edge = first.value < low ? low : high;
  const way = (edge - first.value) / (second.value - first.value);
  return [{ epoch: first.epoch + way * (second.epoch - first.epoch), value: edge }, ...points.slice(1)];
}

function extent(points: readonly CurvePoint[]): CurveDomain {
  const values = points.map(({ value }) => value);
  return { low: Math.min(...values), high: Math.max(...values) };
}

function withinBounds(low: number, high: number, quantity: Quantity): CurveDomain {
  return { low: Math.max(0, low), high: quantity === "accuracy" ? Math.min(1, high) : high };
}
