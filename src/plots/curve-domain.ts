import type { CurvePoint, CurveSeries, Quantity } from "./training-curves.ts";

export interface CurveDomain {
  readonly low: number;
  readonly high: number;
}

/** A first epoch is left outside when it would make the range of all others so many times smaller. */
const FLATTENING = 3;
const FEWEST_EPOCHS_TO_CUT = 3;
/** A range smaller than this is not called flat: 4 points of accuracy, 0.1 nats. */
const SMALLEST_SPAN: Readonly<Record<Quantity, number>> = { accuracy: 0.04, loss: 0.1 };
/** Air above and below the data, of their range. */
const AIR = 0.06;
/** More on the side where the first epoch leaves. */
const AIR_AT_CUT = 0.16;

/**
 * The values that an axis shows: those of the data, not from 0, since the last points are what matters. Where only the
 * first epoch is far off (accuracy far below, loss far above), it is left outside, for `outsiders` to tell.
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

/** The points of the means that the axis does not show. */
export function outsiders(mean: readonly CurvePoint[], { low, high }: CurveDomain): CurvePoint[] {
  return mean.filter(({ value }) => value < low || value > high);
}

/** The part of a line that the axis shows: from a first point outside, only the way from the edge on. */
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
