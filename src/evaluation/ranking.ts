import type { ScoredPredictions } from "./predictions.ts";

/**
 * How well a classifier's probabilities rank images: each class against the rest, over all thresholds. Images of equal
 * probability are separated by no threshold, so they are one point of a curve.
 */

/** The counts at one threshold: images whose probability is at least that high. */
export interface ThresholdCounts {
  readonly threshold: number;
  /** Images of the class among them. */
  readonly truePositives: number;
  /** Images of other classes among them. */
  readonly falsePositives: number;
}

/** Ranking of the images by the probability of one class. */
export interface ClassRanking {
  readonly label: string;
  /** Number of images of this class. */
  readonly positives: number;
  /** Number of images of other classes. */
  readonly negatives: number;
  /**
   * Area under the receiver operating characteristic, 0 to 1: the probability that an image of this class ranks above
   * one of another class, where ties count half. Null without images of this class, or of others.
   */
  readonly auc: number | null;
  /**
   * Sum over the thresholds of precision times the increase of recall, 0 to 1, as scikit-learn's
   * `average_precision_score`. Null without images of this class.
   */
  readonly averagePrecision: number | null;
  /** One per distinct probability, from the highest to the lowest. */
  readonly thresholds: readonly ThresholdCounts[];
}

/** Ranking by each class. */
export interface Ranking {
  readonly classes: readonly ClassRanking[];
  /** Mean of the classes that have an area, each with equal weight; null if none has. */
  readonly macroAuc: number | null;
  readonly macroAveragePrecision: number | null;
}

/**
 * Ranks the images by the probability of each class, one against the rest.
 *
 * @param classNames by class index
 * @throws RangeError when the probabilities are not [images, classes], or one is NaN
 */
export function rankingOf({ labels, probabilities }: ScoredPredictions, classNames: readonly string[]): Ranking {
  if (probabilities.length !== labels.length * classNames.length) {
    throw new RangeError(
      `${probabilities.length} probabilities are not those of ${labels.length} images in ${classNames.length} classes`,
    );
  }
  if (probabilities.some(Number.isNaN)) throw new RangeError("a probability is NaN, which has no rank");
  const classes = classNames.map((name, label) =>
    classRanking(name, label, { labels, probabilities }, classNames.length),
  );
  return {
    classes,
    macroAuc: meanOf(classes.map(({ auc }) => auc)),
    macroAveragePrecision: meanOf(classes.map(({ averagePrecision }) => averagePrecision)),
  };
}

function classRanking(
  name: string,
  label: number,
  { labels, probabilities }: Pick<ScoredPredictions, "labels" | "probabilities">,
  classes: number,
): ClassRanking {
  // Typed arrays sort numbers without a comparison function; images of the class and others are merged below.
  const own: number[] = [];
  const other: number[] = [];
  for (const [image, actual] of labels.entries()) {
    (actual === label ? own : other).push(probabilities[image * classes + label]!);
  }
  const thresholds = thresholdsOf(Float64Array.from(own).sort().reverse(), Float64Array.from(other).sort().reverse());
  const [positives, negatives] = [own.length, other.length];
  return {
    label: name,
    positives,
    negatives,
    auc: positives > 0 && negatives > 0 ? areaOf(thresholds) / (positives * negatives) : null,
    averagePrecision: positives > 0 ? precisionSum(thresholds) / positives : null,
    thresholds,
  };
}

/** Merges two descending lists. */
function thresholdsOf(own: Float64Array, other: Float64Array): ThresholdCounts[] {
  const thresholds: ThresholdCounts[] = [];
  let [truePositives, falsePositives] = [0, 0];
  while (truePositives < own.length || falsePositives < other.length) {
    const threshold = Math.max(own[truePositives] ?? -Infinity, other[falsePositives] ?? -Infinity);
    while (own[truePositives] === threshold) truePositives++;
    while (other[falsePositives] === threshold) falsePositives++;
    thresholds.push({ threshold, truePositives, falsePositives });
  }
  return thresholds;
}

/** Area under the curve of counts, by trapezoids: a tie is a slope. */
function areaOf(thresholds: readonly ThresholdCounts[]): number {
  let area = 0;
  let before = { truePositives: 0, falsePositives: 0 };
  for (const at of thresholds) {
    area += ((at.falsePositives - before.falsePositives) * (at.truePositives + before.truePositives)) / 2;
    before = at;
  }
  return area;
}

function precisionSum(thresholds: readonly ThresholdCounts[]): number {
  let sum = 0;
  let before = 0;
  for (const { truePositives, falsePositives } of thresholds) {
    sum += (truePositives - before) * (truePositives / (truePositives + falsePositives));
    before = truePositives;
  }
  return sum;
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** A point of a curve. Both are shares, 0 to 1. */
export interface CurvePoint {
  readonly x: number;
  readonly y: number;
}

/** The receiver operating characteristic: false positive rate (x), true positive rate (y), from (0, 0) to (1, 1). */
export function rocCurve({ positives, negatives, thresholds }: ClassRanking): CurvePoint[] {
  if (positives === 0 || negatives === 0) return [];
  return [
    { x: 0, y: 0 },
    ...thresholds.map(({ truePositives, falsePositives }) => ({
      x: falsePositives / negatives,
      y: truePositives / positives,
    })),
  ];
}

/** Recall (x) and precision (y), by increasing recall, from precision 1 at recall 0 as scikit-learn draws it. */
export function precisionRecallCurve({ positives, thresholds }: ClassRanking): CurvePoint[] {
  if (positives === 0) return [];
  return [
    { x: 0, y: 1 },
    ...thresholds.map(({ truePositives, falsePositives }) => ({
      x: truePositives / positives,
      y: truePositives / (truePositives + falsePositives),
    })),
  ];
}
