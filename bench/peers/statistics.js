/** Medians and ranges of measurements. */

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns { median, least, most } */
export function spread(numbers) {
  return { median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers) };
}

/** Ratios round by round, for the rounds that both have. */
export function ratios(above, below) {
  return above.slice(0, below.length).map((value, round) => value / below[round]);
}

/**
 * Whether training learned: the mean loss of the last third of the steps is below that of the first tenth.
 *
 * @returns { first, last, fell }
 */
export function fell(losses) {
  const mean = (some) => some.reduce((sum, loss) => sum + loss, 0) / some.length;
  const first = mean(losses.slice(0, Math.ceil(losses.length / 10)));
  const last = mean(losses.slice(-Math.ceil(losses.length / 3)));
  return { first, last, fell: last < first };
}
