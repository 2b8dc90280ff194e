import jStat from "jstat";
import { UserError } from "../errors.ts";
import { isOfSameImages, type Predictions } from "./predictions.ts";

/** Statistics of differences between accuracies. */

/** A 95 % confidence interval, in the unit of its quantity. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Comparison of two classifiers on the same images. */
export interface PairedComparison {
  /** Accuracy of the second minus that of the first, as a fraction. */
  readonly difference: number;
  /** 95 % confidence interval of the difference of these two classifiers, over the sampling of test images. */
  readonly interval: Interval;
  /** Two-sided p-value of McNemar's exact test. */
  readonly p: number;
  /** Number of images that only the first classifies correctly. */
  readonly onlyFirst: number;
  /** Number of images that only the second classifies correctly. */
  readonly onlySecond: number;
}

/** 97.5 % quantile of the standard normal distribution. */
const Z_95 = 1.959963984540054;

/**
 * Compares two classifiers image by image: McNemar's test in its exact (binomial) form, and the interval of Agresti and
 * Min 2005, "Simple improved confidence intervals for comparing matched proportions" (half an image added to each of
 * the four counts).
 *
 * @throws UserError when the predictions are not for the same images
 */
export function comparePaired(first: Predictions, second: Predictions): PairedComparison {
  const total = first.labels.length;
  if (!isOfSameImages(first, second)) {
    throw new UserError("the two runs were not asked about the same images, so they cannot be compared pair by pair");
  }
  let onlyFirst = 0;
  let onlySecond = 0;
  for (const [i, label] of first.labels.entries()) {
    const isFirstRight = first.predicted[i] === label;
    const isSecondRight = second.predicted[i] === label;
    if (isFirstRight && !isSecondRight) onlyFirst++;
    if (isSecondRight && !isFirstRight) onlySecond++;
  }
  const padded = total + 2;
  const centre = (onlySecond - onlyFirst) / padded;
  const halfWidth = (Z_95 * Math.sqrt(onlyFirst + onlySecond + 1 - (onlySecond - onlyFirst) ** 2 / padded)) / padded;
  return {
    difference: (onlySecond - onlyFirst) / total,
    interval: { low: centre - halfWidth, high: centre + halfWidth },
    p: mcNemar(onlyFirst, onlySecond),
    onlyFirst,
    onlySecond,
  };
}

/**
 * McNemar's exact test: under the null hypothesis, each image that only one of two classifiers gets right is equally
 * likely to favour either (McNemar 1947; the binomial form as in statsmodels' `mcnemar(exact=True)`).
 *
 * @returns the two-sided p-value, 0 to 1
 */
export function mcNemar(onlyFirst: number, onlySecond: number): number {
  const differing = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  let tail = 0;
  for (let k = 0; k <= fewer; k++) {
    const logWays = jStat.gammaln(differing + 1) - jStat.gammaln(k + 1) - jStat.gammaln(differing - k + 1);
    tail += Math.exp(logWays - differing * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

/** Mean and standard deviation over the seeds of a recipe. */
export interface Spread {
  readonly mean: number;
  /** Sample standard deviation (denominator n - 1); null for a single value. */
  readonly standardDeviation: number | null;
  readonly n: number;
}

/** @throws RangeError for no values */
export function seedSpread(values: readonly number[]): Spread {
  const n = values.length;
  if (n === 0) throw new RangeError("the spread of no values");
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardDeviation: n === 1 ? null : Math.sqrt(squares / (n - 1)), n };
}

/** Mean of differences, such as between two recipes with the same seeds. */
export interface MeanDifference {
  readonly mean: number;
  /** 95 % confidence interval of the mean, over the seeds. Null for a single seed. */
  readonly interval: Interval | null;
}

/**
 * Effects of several treatments on a control, each run with the same seeds: a randomized block design with seeds as
 * blocks. The residual variance is estimated from all rows together (two-way analysis of variance without interaction,
 * Fisher 1935), as a few differences of one row alone estimate it poorly; Student's t has (rows - 1) (seeds - 1)
 * degrees of freedom. With one treatment this is the interval of the paired t test. There is no correction for multiple
 * comparisons.
 *
 * @param control one value per seed @param treatments the values of each, for the same seeds
 * @returns each treatment's mean minus the control's
 * @throws RangeError when there is no seed, or the rows differ in their number
 */
export function differencesInBlocks(
  control: readonly number[],
  treatments: readonly (readonly number[])[],
): MeanDifference[] {
  const seeds = control.length;
  const rows = [control, ...treatments];
  if (rows.some((row) => row.length !== seeds)) throw new RangeError("rows of one design have the same seeds");
  const means = rows.map((row) => seedSpread(row).mean);
  const blocks = control.map((_, seed) => seedSpread(rows.map((row) => row[seed]!)).mean);
  const all = seedSpread(means).mean;
  const squares = rows.flatMap((row, i) => row.map((value, seed) => (value - means[i]! - blocks[seed]! + all) ** 2));
  const freedom = (rows.length - 1) * (seeds - 1);
  const meanSquare = squares.reduce((sum, square) => sum + square, 0) / freedom;
  const halfWidth = freedom > 0 ? jStat.studentt.inv(0.975, freedom) * Math.sqrt((2 * meanSquare) / seeds) : null;
  return means.slice(1).map((own) => {
    const mean = own - means[0]!;
    return { mean, interval: halfWidth === null ? null : { low: mean - halfWidth, high: mean + halfWidth } };
  });
}

/**
 * The 95 % confidence interval of the difference of two recipes' mean accuracies (second minus first), over seeds:
 * Welch's t interval, which allows unequal variances (Welch 1947). Null when either has a single seed.
 */
export function welchInterval(first: Spread, second: Spread): Interval | null {
  if (first.standardDeviation === null || second.standardDeviation === null) return null;
  const difference = second.mean - first.mean;
  const [u, v] = [first.standardDeviation ** 2 / first.n, second.standardDeviation ** 2 / second.n];
  if (u + v === 0) return { low: difference, high: difference };
  const freedom = (u + v) ** 2 / (u ** 2 / (first.n - 1) + v ** 2 / (second.n - 1));
  const halfWidth = jStat.studentt.inv(0.975, freedom) * Math.sqrt(u + v);
  return { low: difference - halfWidth, high: difference + halfWidth };
}
