import type { Predictions } from "./predictions.ts";

/** Predictions whose confidence falls into one interval. */
export interface CalibrationBin {
  /** Mean confidence of the predictions, 0 to 1. */
  readonly confidence: number;
  /** Share of correct predictions, 0 to 1. */
  readonly accuracy: number;
  readonly count: number;
}

/** How well the confidence of predictions matches their accuracy. */
export interface Calibration {
  /**
   * Expected calibration error: mean distance of confidence and accuracy over the bins, weighted by their counts; 0 to
   * 1.
   */
  readonly error: number;
  /** Mean confidence minus accuracy: above 0 the classifier is over-confident, below 0 under-confident. */
  readonly overconfidence: number;
  /** Non-empty bins, by increasing confidence. */
  readonly bins: readonly CalibrationBin[];
}

/** Intervals of equal width from 0 to 1, as in Guo et al. 2017. */
export const CALIBRATION_BINS = 15;

/**
 * Computes the calibration of a classifier: confidence against accuracy.
 *
 * The expected calibration error of Naeini et al. 2015, in the form of Guo et al. 2017, "On Calibration of Modern
 * Neural Networks", equation 3; a confidence on an edge belongs to the bin below it. NaN confidences make the error
 * NaN.
 */
export function calibrationOf({ labels, predicted, confidence }: Predictions): Calibration {
  const sums = Array.from({ length: CALIBRATION_BINS }, () => ({ confidence: 0, correct: 0, count: 0 }));
  for (const [i, label] of labels.entries()) {
    const sure = confidence[i]!;
    const bin = sums[Math.max(0, Math.ceil(sure * CALIBRATION_BINS) - 1)] ?? sums[CALIBRATION_BINS - 1]!;
    bin.confidence += sure;
    bin.correct += label === predicted[i] ? 1 : 0;
    bin.count++;
  }
  const filled = sums.filter(({ count }) => count > 0);
  const distance = filled.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.correct), 0);
  const surplus = filled.reduce((sum, bin) => sum + bin.confidence - bin.correct, 0);
  return {
    error: distance / labels.length,
    overconfidence: surplus / labels.length,
    bins: filled.map(({ confidence, correct, count }) => ({
      confidence: confidence / count,
      accuracy: correct / count,
      count,
    })),
  };
}
