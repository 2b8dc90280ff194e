import type { CalibrationBin } from "../evaluation/calibration.ts";
import { checkCount, checkShare, checkSome } from "./checks.ts";

/** What is drawn of a bin, in percent. */
export interface ReliabilityBar {
  /** Ends of its interval. */
  readonly from: number;
  readonly to: number;
  readonly confidence: number;
  readonly accuracy: number;
  /** Of all answers. */
  readonly share: number;
  readonly count: number;
}

/** Against rounding in means that lie on an edge. */
const EDGE_TOLERANCE = 1e-9;

/**
 * The bins that hold answers, each with its interval: 0 to 1 is cut in `intervals` of equal width, and a confidence on
 * an edge belongs to the interval below.
 *
 * @throws RangeError when no bin holds answers, two are of one interval, or a number is no share or count
 */
export function reliabilityBars(bins: readonly CalibrationBin[], intervals: number): ReliabilityBar[] {
  if (!(Number.isInteger(intervals) && intervals > 0)) throw new RangeError(`${intervals} intervals of confidence`);
  for (const [i, { count }] of bins.entries()) checkCount(count, `the number of answers in bin ${i}`);
  const filled = bins.filter(({ count }) => count > 0);
  checkSome(filled, "answers");
  const answers = filled.reduce((sum, { count }) => sum + count, 0);
  const taken = new Set<number>();
  return filled.map(({ confidence, accuracy, count }) => {
    checkShare(confidence, "the confidence of a bin");
    checkShare(accuracy, `the accuracy at confidence ${confidence}`);
    const interval = Math.max(0, Math.ceil(confidence * intervals - EDGE_TOLERANCE) - 1);
    if (taken.has(interval)) {
      throw new RangeError(`two bins lie in the same of ${intervals} equal intervals, at confidence ${confidence}`);
    }
    taken.add(interval);
    return {
      from: (100 * interval) / intervals,
      to: (100 * (interval + 1)) / intervals,
      confidence: 100 * confidence,
      accuracy: 100 * accuracy,
      share: (100 * count) / answers,
      count,
    };
  });
}
